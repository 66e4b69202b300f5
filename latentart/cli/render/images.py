"""latentart images: stills by seed, or a contact sheet."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentart.cli import _options as opt

if TYPE_CHECKING:
    from latentart.models.base import Generator
    from latentart.pixels import Frame


@click.command("images", short_help="Render stills, or a contact sheet of them.")
@opt.network
@opt.seeds_option("Pictures to make, for example 1-16.")
@opt.classes
@opt.trunc
@opt.cutoff
@opt.edits
@opt.directions
@opt.noise_mode
@click.option("--latents", "--projected-w", multiple=True, metavar="FILE|DIR", help="Saved latents to draw.")
@click.option("--size", type=opt.Pair(), help="Size of each picture; the model's own by default.")
@click.option("--fit", default="crop", show_default=True, help="How to get there: crop, pad or stretch.")
@opt.then
@click.option("--grid", type=opt.Pair(), metavar="COLSxROWS", help="One contact sheet, for example 4x4.")
@opt.ground
@opt.device
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="The contact sheet's file.")
@click.option("--outdir", type=click.Path(path_type=Path), help="Folder for seed0001.png ...")
@opt.overwrite
def command(network: str | None, device: str | None, **settings: Any) -> None:
    """Render stills, or a contact sheet of them.

    \b
    latentart images --seeds 1-8 --trunc 0.7 --outdir stills
    latentart images --network glyphs-64 --seeds 1-26 --class A-Z --grid 13x2 -o sheet.png
    """
    from latentart.errors import SettingsError
    from latentart.models.load import load

    target, outdir = settings.pop("target"), settings.pop("outdir")
    if (settings["grid"] or target) and outdir:
        raise SettingsError("a contact sheet is one file: give -o sheet.png, or --outdir for single pictures")
    settings["network"] = network or "landscapes-256"
    G = load(settings["network"], device)
    if settings["grid"] or target:
        _sheet(G, target or Path("sheet.png"), **settings)
    else:
        _singles(G, outdir or Path("stills"), **settings)


def _singles(G: Generator, outdir: Path, *, overwrite: bool, grid: None, ground: str | None, **settings: Any) -> None:
    """One file for each seed."""
    from latentart.files import check_target
    from latentart.render import stills
    from latentart.sinks.images import write_image

    wanted = stills.Stills(**_given(settings))
    pictures = stills.pictures(G, wanted)
    # The first one finds what is wrong with the settings.
    first = next(pictures)
    outdir.mkdir(parents=True, exist_ok=True)
    for name in stills.names(wanted):
        check_target(outdir / f"{name}.png", overwrite=overwrite)
    for name, frame, record in chain([first], pictures):
        path = write_image(outdir / f"{name}.png", frame, settings=record, overwrite=overwrite, ground=ground)
        click.echo(path)


def _sheet(
    G: Generator, target: Path, *, overwrite: bool, grid: tuple[int, int] | None, ground: str | None, **settings: Any
) -> None:  # fmt: skip
    """All of them in one file."""
    from latentart import pixels
    from latentart.errors import SettingsError
    from latentart.render import stills
    from latentart.sinks.images import write_image

    wanted = stills.Stills(**_given(settings))
    frames: list[Frame] = [frame for _, frame, _ in stills.pictures(G, wanted)]
    if grid and len(frames) > grid[0] * grid[1]:
        raise SettingsError(f"{len(frames)} pictures do not fit a grid of {grid[0]}x{grid[1]}: give fewer seeds")
    sheet = frames[0] if grid is None and len(frames) == 1 else pixels.sheet(frames, grid[0] if grid else None)
    click.echo(write_image(target, sheet, settings=stills.record(G, wanted), overwrite=overwrite, ground=ground))


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value not in (None, ())}
