"""latentart dream: what a network sees in a picture, until everyone sees it; and the film of a flight into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from latentart.cli import _options as opt
from latentart.cli._progress import progress
from latentart.cli.pictures.style import said, watching

SETTINGS = ("layer", "channels", "octaves", "ratio", "steps", "rate", "bands", "colour", "tile", "seed", "features")
FLIGHT = ("seconds", "speed", "turn", "loop")


@click.command("dream", short_help="DeepDream: a picture, a film, or a flight into a picture.")
@click.argument("source", type=click.Path(path_type=Path), metavar="PICTURE|FILM|FOLDER")
@click.option("--layer", help="Where the network looks: relu1_1 (grain) to relu3_3 (forms).  [default: relu3_3]")
@click.option("--channels", metavar="3,17-20", help="What to dream of: scales, pearls, or numbers; all by default.")
@click.option("--guide", type=click.Path(), metavar="PICTURE", help="Dream of what is in this picture.")
@click.option("--strength", type=float, default=1.0, show_default=True, help="0: as it came, 1: the full dream.")
@click.option("--octaves", type=int, help="Sizes, small to large: more of them, larger forms.  [default: 4]")
@click.option("--ratio", type=float, help="From one size to the next.  [default: 1.4]")
@click.option("--steps", type=int, help="For each size.  [default: 10]")
@click.option("--rate", type=float, help="How far a step goes.  [default: 0.024]")
@click.option("--bands", type=int, help="Frequencies that are evened out; 0 as the network's default.  [default: 3]")
@click.option("--colour", "--color", "colour", type=float, help="0: any colours, 1: the picture's.  [default: 0.7]")
@click.option("--tile", type=int, help="Largest piece that is looked at.  [default: 512]")
@click.option("--seed", type=int, help="Names the jitter.  [default: 0]")
@click.option("--size", type=opt.Size(), help="Longest side, or WxH.  [default: 512 at most]")
@opt.features
@click.option("--film", metavar="FILE.mp4", help="Fly into the picture: dream, zoom, dream again.")
@click.option("--seconds", type=float, help="Of the flight.  [default: 6]")
@click.option("--speed", type=float, help="How much larger things are after a second.  [default: 1.25]")
@click.option("--turn", type=float, help="Degrees a second.  [default: 0]")
@click.option("--loop", is_flag=True, help="The flight ends where it begins.")
@click.option("--fps", help="Of the flight, or of a film if not its own.  [default: 24]")
@click.option("--crf", type=int, help="Quality of a film's encoder: lower is better.")
@opt.ground
@opt.device
@click.option("-o", "--output", "target", metavar="FILE|FOLDER", help="What to write.")
@opt.overwrite
def command(source: Path, target: str | None, film: str | None, overwrite: bool, **options: Any) -> None:
    """DeepDream: a picture, a folder of pictures, a film, or the film of a flight into a picture.

    \b
    latentart dream photo.jpg -o dream.png
    latentart dream photo.jpg --channels 6,54,170 --guide shells.jpg -o shells.png
    latentart dream photo.jpg --film zoom.mp4 --seconds 6 --loop
    """
    from latentart.errors import SettingsError
    from latentart.painting.dream import DreamSettings, check

    given = {name: value for name, value in options.items() if value is not None and value is not False}
    if "channels" in given:
        given["channels"] = channels(given["channels"])
    settings = check(DreamSettings(**{name: given.pop(name) for name in SETTINGS if name in given}))
    if not target and not film:
        raise SettingsError("nothing to make: give -o dream.png, or --film zoom.mp4")
    flight = {name: given.pop(name) for name in FLIGHT if name in given}
    if flight and not film:
        raise SettingsError(f"--{next(iter(flight))} is for a flight: give --film zoom.mp4")
    if target:
        _dream(source, target, settings, overwrite, given)
    if film:
        _fly(source, film, settings, {**given, **flight, "overwrite": overwrite})


def channels(text: str) -> tuple[int, ...]:
    """'3,17-20' -> (3, 17, 18, 19, 20), 'scales' -> those of that motif."""
    from latentart import seeds
    from latentart.errors import SettingsError
    from latentart.painting.dream import MOTIFS

    if text in MOTIFS:
        return MOTIFS[text]
    try:
        return tuple(seeds.parse(text))
    except SettingsError:
        named = ", ".join(MOTIFS)
        raise SettingsError(
            f"cannot read channels {text!r}: give {named}, or numbers and ranges like 3,17-20"
        ) from None


def _dream(source: Path, target: str, settings: Any, overwrite: bool, given: dict[str, Any]) -> None:
    from latentart import footage
    from latentart.render import dream

    if source.is_dir() or footage.moves(source):
        with progress(Path(target).name) as report:
            said(dream.dream_file(source, target, settings, overwrite=overwrite, on_frame=report, **given))
        return
    with watching(Path(target), None, None, settings.steps, overwrite=overwrite) as on_step:
        said(dream.dream_file(source, target, settings, overwrite=overwrite, on_step=on_step, **given))


def _fly(source: Path, film: str, settings: Any, given: dict[str, Any]) -> None:
    from latentart.errors import SettingsError
    from latentart.render import dream

    if given.pop("strength", 1.0) != 1.0:
        raise SettingsError("--strength has no meaning for a flight: give fewer --steps, or a smaller --rate")
    with progress(Path(film).name) as report:
        said(dream.zoom_film(source, film, settings, on_frame=report, **given))
