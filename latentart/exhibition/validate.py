"""What must hold between the values of a score."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from latentart import pixels
from latentart.errors import LatentartError, SettingsError, unknown
from latentart.exhibition import automation, synth
from latentart.exhibition.score import LONGEST_SIDE, SHORTEST_SIDE, Output, Score, Section, check_positive
from latentart.latent import automation as notes
from latentart.latent import bending, path
from latentart.media.transparency import colour
from latentart.models.load import names
from latentart.render import film as films
from latentart.sinks import formats, images
from latentart.sinks.video import CONTAINERS
from latentart.translators import chain

ENDINGS = (*CONTAINERS, ".gif", ".webp", "/")
"""'/' is a folder of pictures."""
MOST_TILES = 256


class Wrong(SettingsError):
    """Something about one place of the score: ('section', 0, 'psi')."""

    def __init__(self, where: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.where = where


def _colours(texts: tuple[str, ...]) -> None:
    for text in texts:
        colour(text)
    if len(texts) == 1:
        raise SettingsError("one colour is no range: give two or more, from dark to bright")


def _count(most: int) -> Callable[[int], None]:
    def check(value: int) -> None:
        if not 1 <= value <= most:
            raise SettingsError(f"{value!r} is impossible: give 1 to {most}")

    return check


def _synth(name: str) -> None:
    if name and name not in synth.PIECES:
        raise SettingsError(unknown("synth", name, synth.PIECES))


def _each(check: Callable[[str], Any]) -> Callable[[tuple[str, ...]], None]:
    def check_all(texts: tuple[str, ...]) -> None:
        for text in texts:
            check(text)

    return check_all


CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "background": colour,
    "colours": _colours,
    "chunk": check_positive,
    "tempo": check_positive,
    "loops": _count(10_000),
    "repeat": _count(10_000),
    "columns": _count(16),
    "rows": _count(16),
    "size": pixels.check_size,
    "synth": _synth,
    "edits": _each(notes.parse),
    "then": _each(chain.parse),
    "bends": _each(bending.check),
    "blend": notes.parse,
}
"""What can be wrong with a value by itself, by its key."""


def check(score: Score) -> None:
    """Raises Wrong for values that do not fit together."""
    if not score.section:
        raise Wrong(("section",), "the score has no section: add [[section]] with a walk and its seeds")
    if not all(SHORTEST_SIDE <= side <= LONGEST_SIDE for side in score.size):
        raise Wrong(("size",), f"size {score.size!r} is impossible: give sides of {SHORTEST_SIDE} to {LONGEST_SIDE}")
    for number, section in enumerate(score.section):
        _check_section(score, section, ("section", number))
    _check_lengths(score)
    _check_places(score)
    for number, output in enumerate(score.outputs()):
        _check_output(score, output, ("output", number))
    _check_names(score)


def _check_section(score: Score, section: Section, where: tuple[str | int, ...]) -> None:
    film = section.film
    try:
        path.clock(film.seconds, score.rate)
    except SettingsError as error:
        raise Wrong((*where, "seconds"), str(error)) from error
    try:
        films.check(film)
    except SettingsError as error:
        raise Wrong(where, str(error)) from error
    if not film.seeds and not film.latents:
        raise Wrong(where, "this section has no seeds: add seeds = [3, 11, 20], or latents")
    if section.transition.kind != "cut" and not 0 < section.crossing <= film.seconds:
        what = f"a transition of {section.crossing:g} seconds into a section of {film.seconds:g}"
        raise Wrong((*where, "transition", "seconds"), f"{what}: make it shorter, or kind = 'cut'")
    for name, text in section.play:
        try:
            automation.check(name, text, heard=score.audio is not None, mixed=film.mix_seed is not None)
        except LatentartError as error:
            raise Wrong((*where, "play", name), str(error)) from error


def _check_lengths(score: Score) -> None:
    for name, sections in score.voices().items():
        seconds = sum(section.film.seconds for section in sections)
        if abs(seconds - score.seconds) > 1e-6:
            number = score.section.index(sections[0])
            what = f"voice {name!r} lasts {seconds:g} seconds, the film {score.seconds:g}"
            raise Wrong(("section", number), f"{what}: all voices must end together, or the loop has a seam")


def _check_places(score: Score) -> None:
    if len(score.tiles()) > MOST_TILES:
        raise Wrong(("tile",), f"{len(score.tiles())} tiles: give at most {MOST_TILES}")
    if score.tile and score.grid:
        raise Wrong(("grid",), "the score has tiles and a grid: leave one of them out")
    for number, tile in enumerate(score.tile):
        if tile.voice not in score.voices():
            raise Wrong(("tile", number, "voice"), unknown("voice", tile.voice, score.voices()))
        _check_inside(score, ("tile", number), tile.at, tile.size)
    for number, screen in enumerate(score.screen):
        _check_inside(score, ("screen", number), screen.at, screen.size)


def _check_inside(
    score: Score, where: tuple[str | int, ...], at: tuple[int, int], size: tuple[int, int] | None
) -> None:
    width, height = size or (score.size[0] - at[0], score.size[1] - at[1])
    if min(at) < 0 or at[0] + width > score.size[0] or at[1] + height > score.size[1] or min(width, height) < 1:
        canvas = f"{score.size[0]}x{score.size[1]}"
        raise Wrong(
            where, f"{width}x{height} at {list(at)} is not on the canvas of {canvas}: move it, or make it smaller"
        )


def _check_output(score: Score, output: Output, where: tuple[str | int, ...]) -> None:
    if output.ending in CONTAINERS:
        try:
            name = formats.choose(output.ending, output.format)
            formats.encoder_options(name, output.crf, output.preset)
        except SettingsError as error:
            raise Wrong((*where, "format"), str(error)) from error
        _check_pixels(score, name, where)
    elif output.ending == "/" and output.format not in (None, *images.KINDS):
        raise Wrong((*where, "format"), unknown("format of a sequence", output.format, images.KINDS))
    elif (output.format and output.ending != "/") or output.crf or output.preset or output.repeat != 1:
        raise Wrong(where, f"{output.ending!r} takes no {'' if output.ending == '/' else 'format, '}crf, preset or "
                           "repeat: leave them out")  # fmt: skip
    elif score.alpha and output.ending == ".gif":
        raise Wrong(where, "a GIF has no soft transparency: use .webp, .webm or .mov")


def depth(output: Output) -> int:
    """Bits of the pictures that an output makes the most of: 8 or 16."""
    if output.ending in CONTAINERS:
        return formats.FORMATS[formats.choose(output.ending, output.format)].depth
    return images.depth(output.format or "png") if output.ending == "/" else 8


def depths(score: Score) -> list[int]:
    """Every depth in which the score's pictures are wanted."""
    return sorted({depth(output) for output in score.outputs()})


def _check_pixels(score: Score, name: str, where: tuple[str | int, ...]) -> None:
    chosen = formats.FORMATS[name]
    if score.alpha and not chosen.alpha:
        raise Wrong(where, f"{name} has no transparency, and the score wants some: use {formats.WITH_ALPHA}")
    for screen in score.screens():
        width, height = screen.size or score.size
        if "420" in chosen.pixels and (width % 2 or height % 2):
            raise Wrong(where, f"{name} needs even sides, and a screen has {width}x{height}: change its size by one")
        if min(width, height) < chosen.smallest:
            raise Wrong(where, f"{name} needs {chosen.smallest} pixels a side, and a screen has {width}x{height}")


def _check_names(score: Score) -> None:
    names = [screen.name for screen in score.screens()]
    for number, name in enumerate(names):
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,40}", name) or name in names[:number] or (not name and len(names) > 1):
            raise Wrong(
                ("screen", number), f"screen name {name!r}: give each a name of its own, letters, digits, - and _"
            )
    endings = [output.ending for output in score.outputs()]
    for number, ending in enumerate(endings):
        if ending in endings[:number]:
            raise Wrong(("output", number), f"two outputs end in {ending!r} and would have one name: keep one of them")


def with_files(score: Score, folder: Path) -> Score:
    """The files a score names, found beside it. Raises Wrong for sound and checkpoints that are not there."""

    def found(name: str) -> str:
        beside = folder / name
        return str(beside) if name and beside.is_file() else name

    def film(old: films.Film) -> films.Film:
        directions = found(old.directions) if old.directions else None
        blend = old.blend and _with_names(old.blend, [notes.parse(old.blend).name], found)
        then = tuple(_with_names(line, _named(chain.parse(line)), found) for line in old.then)
        latents = tuple(map(found, old.latents))
        return replace(old, network=found(old.network), latents=latents, directions=directions, blend=blend, then=then)

    audio = replace(score.audio, file=found(score.audio.file)) if score.audio else None
    if audio and audio.file and not Path(audio.file).is_file():
        raise Wrong(("audio",), f"there is no sound {audio.file!r} beside the score: give a .wav, .flac or .mp3")
    sections = tuple(replace(section, film=film(section.film)) for section in score.section)
    for number, section in enumerate(sections):
        name = section.film.network
        if not Path(name).exists() and name not in names():
            what = unknown("checkpoint", name, names())
            raise Wrong(("section", number, "network"), f"{what}, and there is no such file beside the score")
    return replace(score, audio=audio, section=sections, upscale=found(score.upscale))


def _named(link: chain.Link) -> list[str]:
    return [link.network, *link.styles]


def _with_names(line: str, names: list[str], found: Callable[[str], str]) -> str:
    """A line with the files it names as they were found."""
    for name in names:
        line = line.replace(name, found(name), 1)
    return line
