"""The contents of a score: one tree of frozen values, with the names that the command line uses too."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

from latentart import rate
from latentart.errors import SettingsError
from latentart.render.film import Film

Play = tuple[tuple[str, str], ...]
"""Parameter -> its course: '0.7', '0..2..0 sine' or an expression such as '0.6 + 0.3 * low'."""

SHORTEST_SIDE, LONGEST_SIDE = 16, 16384
CROSSING = 2.0
"""Seconds of a transition of which nothing is said."""


@dataclass(frozen=True, kw_only=True)
class Transition:
    """How a section begins: out of the one before it, the first out of the last."""

    kind: str = "auto"
    """morph walks from latent to latent, fade blends pictures, cut does neither; auto morphs where models match."""
    seconds: float | None = None
    """2 where none are given, or as long as a shorter section."""
    easing: str = "smooth"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A stretch of a voice: one walk, played `loops` times round, with parameters that move."""

    film: Film
    """Its keys stand in the section itself: network, walk, seeds, seconds, psi..."""
    voice: str = "main"
    loops: int = 1
    transition: Transition = field(default_factory=Transition)
    play: Play = ()

    @property
    def crossing(self) -> float:
        """Seconds that the section's transition takes."""
        given = self.transition.seconds
        return min(CROSSING, self.film.seconds) if given is None else given


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A rectangle of the canvas that shows a voice."""

    voice: str = "main"
    at: tuple[int, int] = (0, 0)
    size: tuple[int, int] | None = None
    fit: str = "crop"
    mirror: str = ""
    """x turns left and right, y up and down."""
    shift: float = 0.0
    """Seconds by which this tile is ahead of its voice."""
    colours: tuple[str, ...] = ()
    """Two or more colours that black to white become."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Equal tiles in rows: the voices in turn."""

    columns: int = 1
    rows: int = 1
    mirror: str = ""
    """Which ways every second tile is mirrored: x, y or xy."""
    shift: float = 0.0
    """Seconds from each tile to the next."""
    colours: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Screen:
    """A rectangle of the canvas that becomes films of its own, in step with those of the other screens."""

    name: str = ""
    at: tuple[int, int] = (0, 0)
    size: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Output:
    """A kind of file, made for each screen."""

    ending: str = ".mp4"
    """"/" is a folder of pictures."""
    format: str | None = None
    crf: int | None = None
    preset: str | None = None
    repeat: int = 1
    """Times the loop is written out, for players that hitch where a file begins again."""


@dataclass(frozen=True, kw_only=True)
class Audio:
    """The film's sound: a file, or a piece that the project synthesises."""

    file: str = ""
    synth: str = ""
    seed: int = 0
    tempo: float = 60.0
    gain: float = 0.0
    """Decibels."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """An exhibition: sections in time, tiles and screens in space, files to deliver."""

    title: str = ""
    credits: str = ""
    license: str = ""
    notes: str = ""
    fps: str | float = "30"
    size: tuple[int, int] = (1920, 1080)
    background: str = "#000000"
    upscale: str = ""
    """File of an ESRGAN network that makes pictures larger; without one they are resampled."""
    alpha: str = ""
    """luma makes what is dark transparent, for formats that can."""
    chunk: float = 10.0
    """Seconds that are rendered at a time."""
    audio: Audio | None = None
    section: tuple[Section, ...] = ()
    tile: tuple[Tile, ...] = ()
    grid: Grid | None = None
    screen: tuple[Screen, ...] = ()
    output: tuple[Output, ...] = ()

    @property
    def rate(self) -> Fraction:
        """Frames per second, exactly."""
        return rate.fps(self.fps)

    @property
    def seconds(self) -> float:
        """Length of the loop: that of its first voice."""
        return sum(section.film.seconds for section in self.voices()[self.section[0].voice])

    @property
    def frames(self) -> int:
        """Number of frames of the loop."""
        return round(Fraction(self.seconds) * self.rate)

    def voices(self) -> dict[str, list[Section]]:
        """Sections by voice, in order."""
        found: dict[str, list[Section]] = {}
        for section in self.section:
            found.setdefault(section.voice, []).append(section)
        return found

    def tiles(self) -> list[Tile]:
        """The tiles given, those of the grid, or one that fills the canvas."""
        return list(self.tile) or (_grid_tiles(self, self.grid) if self.grid else [Tile(voice=self.section[0].voice)])

    def screens(self) -> list[Screen]:
        """The screens given, or one that shows the whole canvas."""
        return list(self.screen) or [Screen()]

    def outputs(self) -> list[Output]:
        """The outputs given, or what every player plays."""
        return list(self.output) or [Output()]


def _grid_tiles(score: Score, grid: Grid) -> list[Tile]:
    voices = list(score.voices())
    columns, rows = _edges(score.size[0], grid.columns), _edges(score.size[1], grid.rows)
    made = []
    for number in range(grid.columns * grid.rows):
        y, x = divmod(number, grid.columns)
        made.append(
            Tile(
                voice=voices[number % len(voices)],
                at=(columns[x], rows[y]),
                size=(columns[x + 1] - columns[x], rows[y + 1] - rows[y]),
                mirror="".join(way for way, odd in (("x", x % 2), ("y", y % 2)) if odd and way in grid.mirror),
                shift=number * grid.shift,
                colours=grid.colours,
            )
        )
    return made


def _edges(length: int, parts: int) -> list[int]:
    return [length * n // parts for n in range(parts + 1)]


def check_positive(value: float) -> float:
    """Returns a finite number above zero, or raises SettingsError."""
    if not math.isfinite(value) or value <= 0:
        raise SettingsError(f"{value!r} is impossible: give a number above 0")
    return value
