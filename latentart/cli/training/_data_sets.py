"""latentart data pictures, fluent, landscapes, glyphs: sets of pictures for `latentart train gan`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentart.cli import _options as opt
from latentart.cli._progress import left_out, progress

if TYPE_CHECKING:
    from latentart.training.data.sets import Done

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

target = click.option(
    "-o", "--output", "--outdir", "folder", type=click.Path(path_type=Path), required=True, metavar="DIR",
    help="Folder for the set.",
)  # fmt: skip


def _packages(help: str) -> Decorator:
    return click.option("--from", "source", type=click.Path(path_type=Path), metavar="PATH", help=help)


@click.command(short_help="Your own pictures, brought to one size.")
@click.argument("pictures", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option(
    "--size", type=opt.Size(), default=256, show_default=True, help="Side, or width and height, of a picture."
)
@click.option(
    "--fit", default="crop", show_default=True, help="crop cuts to the size, pad shows all, stretch distorts."
)
@click.option(
    "--classes/--no-classes", default=None, help="Sub-folders are classes; by default where there are sub-folders."
)
@click.option("--alpha/--no-alpha", default=None, help="Keep transparency; by default when most pictures have some.")
@click.option("--grey", is_flag=True, help="Without colours.")
@click.option("--keep-doubles", is_flag=True, help="Keep pictures that are nearly the same as another.")
@target
@opt.overwrite
def pictures(
    pictures: Path, size: int | tuple[int, int], fit: str, classes: bool | None, alpha: bool | None, grey: bool,
    keep_doubles: bool, folder: Path, overwrite: bool,
) -> None:  # fmt: skip
    """Make a set of the pictures in a folder: upright, in sRGB, of one size, without doubles and damaged files.

    \b
    latentart data pictures holiday/ -o set/ --size 256
    """
    from latentart.training.data import pictures as library

    sides = (size, size) if isinstance(size, int) else size
    kind = library.Kind(sides, fit, classes, alpha, grey, keep_doubles)
    with progress("pictures", "pictures") as report:
        done = library.make(pictures, folder, kind, overwrite=overwrite, report=report)
    say(done)


@click.command(short_help="1,871 toys with transparency: 3D emoji.")
@click.option(
    "--size", type=int, default=256, show_default=True, help="Side of a picture: 256 halved any number of times."
)
@click.option("--flags/--no-flags", default=True, help="With the group of flags.")
@click.option("--skin-tones", is_flag=True, help="With all skin tones: 3,391.")
@_packages("A folder with the two packages' .tgz files, as npm pack names them.")
@target
@opt.overwrite
def fluent(size: int, flags: bool, skin_tones: bool, source: Path | None, folder: Path, overwrite: bool) -> None:
    """Fetch Fluent Emoji in 3D (MIT) with npm: RGBA, a sub-folder for each of Unicode's groups."""
    from latentart.training.data import fluent as library

    with progress("emoji", "pictures") as report:
        done = library.make(
            folder, size=size, flags=flags, skin_tones=skin_tones, source=source, overwrite=overwrite, report=report
        )
    say(done)


@click.command(short_help="273 landscape photographs.")
@click.option("--size", type=int, default=256, show_default=True, help="Side of a picture.")
@click.option("--crops", type=int, default=5, show_default=True, help="Cuts of each photograph; 0 keeps it whole, 2:1.")
@_packages("The package's .deb.")
@target
@opt.overwrite
def landscapes(size: int, crops: int, source: Path | None, folder: Path, overwrite: bool) -> None:
    """Fetch the landscapes of Debian's endless-sky-data (CC BY-SA and public domain, by file) with apt-get."""
    from latentart.training.data import landscapes as library

    with progress("landscapes", "pictures") as report:
        done = library.make(folder, size=size, crops=crops, source=source, overwrite=overwrite, report=report)
    say(done)


@click.command(short_help="Letters and digits of 222 font families.")
@click.option("--size", type=int, default=64, show_default=True, help="Side of a picture.")
@click.option("--count", type=int, help="The first fonts of the list only.")
@click.option("--held-out", is_flag=True, help="The fonts that no network learns from: for judging.")
@_packages("A folder with the packages' .tgz files, as npm pack names them.")
@target
@opt.overwrite
def glyphs(size: int, count: int | None, held_out: bool, source: Path | None, folder: Path, overwrite: bool) -> None:
    """Fetch free fonts with npm and draw a-z, A-Z and 0-9 of each: white on black, a sub-folder for each character."""
    from latentart.training.data import glyphs as library

    with progress("fonts", "fonts") as report:
        done = library.make(
            folder, size=size, count=count, held_out=held_out, source=source, overwrite=overwrite, report=report
        )
    say(done)


def say(done: Done) -> None:
    """Prints what was left out, and a line about the set."""
    left_out(done.faults)
    for note in done.notes:
        click.echo(f"note: {note}", err=True)
    classes = f" in {len(done.classes)} classes" if done.classes else ""
    left = f", {len(done.faults)} left out" if done.faults else ""
    click.echo(f"{done.folder}: {done.written} pictures{classes}{left}")


COMMANDS: tuple[click.Command, ...] = (pictures, fluent, landscapes, glyphs)
