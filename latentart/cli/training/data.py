"""latentart data: sets and pairs of pictures to train on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from latentart.cli import _options as opt
from latentart.cli._progress import left_out, progress
from latentart.cli.training import _data_sets

if TYPE_CHECKING:
    from latentart.training.data.pairs import Done

target = click.option(
    "-o", "--output", "--outdir", "folder", type=click.Path(path_type=Path), required=True, metavar="DIR",
    help="Folder for the pairs.",
)  # fmt: skip


@click.group("data", short_help="Make sets and pairs of pictures to train on.")
def command() -> None:
    """Make sets of pictures for `latentart train gan`, and pairs for `latentart train pix2pix`."""


for _each in _data_sets.COMMANDS:
    command.add_command(_each)


@command.command(short_help="Pairs of your own pictures.")
@click.argument("photos", type=click.Path(path_type=Path))
@click.option("--make", "maker", required=True, help="What A is: edges, ink, posterise, blank or grey.")
@click.option(
    "--size", type=click.IntRange(16, 4096), help="Cut pictures to squares of this; else they stay as they are."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Names where blank holes are.")
@target
@opt.overwrite
def pairs(photos: Path, maker: str, size: int | None, seed: int, folder: Path, overwrite: bool) -> None:
    """Pairs of the pictures in a folder: A is made of each, B is the picture.

    \b
    latentart data pairs --make edges photos/ -o pairs/ --size 256
    """
    from latentart.training.data import pairs as library

    with progress("pairs", "pictures") as report:
        done = library.make(photos, folder, maker, size=size, seed=seed, overwrite=overwrite, report=report)
    _say(done, folder)


@command.command(short_help="A/ and B/ to side by side.")
@click.argument("source", type=click.Path(path_type=Path))
@target
@opt.overwrite
def join(source: Path, folder: Path, overwrite: bool) -> None:
    """Join SOURCE/A and SOURCE/B, pictures of equal names, into files with both side by side."""
    from latentart.training.data import pairs as library

    with progress("joined", "pairs") as report:
        _say(library.join(source, folder, overwrite=overwrite, report=report), folder)


@command.command(short_help="Side by side to A/ and B/.")
@click.argument("source", type=click.Path(path_type=Path))
@target
@opt.overwrite
def split(source: Path, folder: Path, overwrite: bool) -> None:
    """Split files with two pictures side by side into folders A and B."""
    from latentart.training.data import pairs as library

    with progress("split", "pairs") as report:
        _say(library.split(source, folder, overwrite=overwrite, report=report), folder)


@command.command(short_help="Emoji as lines and in colour.")
@click.option("--size", type=int, default=128, show_default=True, help="Side of a picture.")
@click.option("--count", type=int, help="How many of the 2,460 to make, from the first.")
@click.option("--skin-tones", is_flag=True, help="With all skin tones: 4,495.")
@click.option("--flags/--no-flags", default=True, help="With flags, whose lines hardly determine their colours.")
@click.option(
    "--from", "source", type=click.Path(path_type=Path), metavar="FILE", help="The package openmoji-17.0.0.tgz."
)
@target
@opt.overwrite
def openmoji(
    size: int, count: int | None, skin_tones: bool, flags: bool, source: Path | None, folder: Path, overwrite: bool
) -> None:
    """Fetch OpenMoji 17 (CC BY-SA 4.0) with npm and draw each emoji twice: black lines, and in colour."""
    from latentart.training.data import openmoji as library

    with progress("emoji", "pairs") as report:
        done = library.make(
            folder,
            size=size,
            count=count,
            skin_tones=skin_tones,
            flags=flags,
            source=source,
            overwrite=overwrite,
            report=report,
        )
    _say(done, folder)


@command.command(short_help="Random interfaces as boxes and as they look.")
@click.option("--count", type=click.IntRange(1, 100_000), default=200, show_default=True, help="How many.")
@click.option("--size", type=click.IntRange(64, 1024), default=256, show_default=True, help="Side of a picture.")
@click.option("--seed", type=int, default=0, show_default=True, help="Names the first; the others follow.")
@click.option("--browser", metavar="FILE", help="Chromium or Chrome, when it is not found.")
@target
@opt.overwrite
def gui(count: int, size: int, seed: int, browser: str | None, folder: Path, overwrite: bool) -> None:
    """Draw random interfaces in Chromium, twice each: as flat labelled boxes, and as they look."""
    import latentart.training.data.gui as library

    with progress("interfaces", "pairs") as report:
        done = library.make(
            folder, count=count, size=size, seed=seed, browser=browser, overwrite=overwrite, report=report
        )
    _say(done, folder)


def _say(done: Done, folder: Path) -> None:
    left_out(done.faults)
    left = f", {len(done.faults)} left out" if done.faults else ""
    click.echo(f"{folder}: {done.written} pairs{left}")
