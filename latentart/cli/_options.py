"""Options that several commands share, spelled as artists know them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from latentart import seeds
from latentart.errors import SettingsError
from latentart.latent import walk_options as walks


class Grouped(click.Command):
    """A command whose help lists its options under headings, in the order of `GROUPS`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes a section for each heading; options of none are in the last."""
        rows = [(p.name, p.get_help_record(ctx)) for p in self.get_params(ctx)]
        for heading, names in GROUPS.items():
            own = [row for name, row in rows if row and (name in names if names else name not in _grouped())]
            if own:
                with formatter.section(heading):
                    formatter.write_dl(own)


GROUPS: dict[str, tuple[str, ...]] = {
    "Model and walk": ("network", "seeds", "latents", "classes", "walk", "seconds", "fps", "pace", "psi", "cutoff"),
    "Options of walks": tuple(dict.fromkeys(option.name for option in walks.options())),
    "Changing the pictures": (
        "mix_seed", "mix_layers", "edits", "directions", "truncate", "bends", "blend", "translate", "rotate", "then",
        "noise_mode", "noise_seed",
    ),
    "Size and shape": ("size", "fit", "tiles", "wrap"),
    "From an earlier film or performance": ("like", "take"),
    "The file": ("target", "outdir", "overwrite", "format_name", "crf", "preset"),
    "This machine": (),
}  # fmt: skip
"""Heading -> names of options; the last takes all others."""


def _grouped() -> set[str]:
    return {name for names in GROUPS.values() for name in names}


class Seeds(click.ParamType[tuple[int, ...]]):
    """Option type: seeds as a list with ranges, '1,4-7'."""

    name = "seeds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Text to a tuple of seeds."""
        return value if isinstance(value, tuple) else tuple(seeds.parse(value))


class Pair(click.ParamType[tuple[int, int]]):
    """Option type: two numbers, '1920x1080' -> (1920, 1080)."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Parses the option's text into two whole numbers above zero."""
        if isinstance(value, tuple):
            return value
        sides = value.lower().replace("-", "x").split("x")
        if len(sides) != 2 or not all(side.strip().isdecimal() and int(side) > 0 for side in sides):
            raise SettingsError(f"cannot read size {value!r}: give width and height, such as 1920x1080")
        return int(sides[0]), int(sides[1])


class Size(click.ParamType[Any]):
    """Option type: a size in pixels, '512' -> 512 (the longer side) or '1920x1080' -> (1920, 1080)."""

    name = "N|WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Text to a number or a pair."""
        if isinstance(value, str) and value.strip().isdecimal() and int(value) > 0:
            return int(value)
        return value if isinstance(value, int) else Pair().convert(value, param, ctx)


network = click.option(
    "--network",
    metavar="NAME|FILE",
    help="Checkpoint: a name that `weights list` shows, or a file.  [default: landscapes-256]",
)
device = click.option("--device", help="cpu, cuda, mps.  [default: the fastest there is]")
trunc = click.option(
    "--trunc",
    "--truncation-psi",
    "--psi",
    "psi",
    type=float,
    help=f"Truncation psi: 0 average, 1 as trained.  [default: {walks.PSI}]",
)
cutoff = click.option(
    "--truncation-cutoff", "cutoff", type=int, metavar="N", help="Truncate only the first N rows.  [default: all]"
)
classes = click.option("--class", "classes", metavar="A,B|A-Z|A:0.3+B", help="Class, classes, or a mix of classes.")
noise_mode = click.option(
    "--noise-mode", type=click.Choice(["const", "random", "none"]), help="Per-pixel noise.  [default: const]"
)
edits = click.option(
    "--edit", "edits", multiple=True, metavar="NAME=AMOUNT[@LAYERS]",
    help="Push along a direction: pca:3=2.5, ember=0..2..0@middle. 'latentart directions show' lists them.",
)  # fmt: skip
then = click.option(
    "--then", multiple=True, metavar="KIND[:NETWORK[:STYLE]][@STRENGTH]",
    help="A translator behind the model: style:mosaic26:7@0.6, cartoon, translate:FILE@0..1..0.",
)  # fmt: skip
features = click.option(
    "--features", metavar="NAME", help="vgg16-relu3_3 (ships) or vgg16 (after `weights pull vgg16`)."
)
directions = click.option("--directions", metavar="FILE", help="Where directions are; by default beside the model.")
ground = click.option(
    "--ground", metavar="COLOUR",
    help="Lay transparent pictures over black, white or #rrggbb. [default: kept; black where the file cannot]",
)  # fmt: skip
overwrite = click.option("--overwrite", is_flag=True, help="Replace an existing file.")


def seeds_option(help_text: str) -> Callable[[Any], Any]:
    """--seeds with a help text of its own."""
    return click.option("--seeds", type=Seeds(), metavar="1,4-7", help=help_text)


def walk(command: Any) -> Any:
    """--walk, with the walks there are."""
    *others, last = walks.names()
    return click.option("--walk", help=f"{', '.join(others)} or {last}.  [default: keyframes]")(command)


ALIASES = {"interp": ("--interpolation",)}
"""Other spellings of a walk's options."""


def walk_options(command: Any) -> Any:
    """An option for each option of each walk, as its signature states it."""
    kinds = {"str": str, "int": int, "float": float}
    found: dict[str, list[walks.WalkOption]] = {}
    for option in walks.options():
        found.setdefault(option.name, []).append(option)
    for name, (first, *others) in reversed(found.items()):
        of = ", ".join(option.walk for option in (first, *others))
        spellings, text = (
            (f"--{name}", *ALIASES.get(name, ())),
            f"{first.option.doc.rstrip('.')} ({of}).  [default: {first.default}]",
        )
        command = click.option(*spellings, name, type=kinds[first.kind], help=text)(command)
    return command
