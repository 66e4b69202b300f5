"""What a long render is: numbers, targets, the settings that decide its pictures; its hash names the folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from latentart import pixels, provenance
from latentart.errors import SettingsError

CHUNK_SECONDS = 10
"""Shorter chunks cost bytes (each begins with a whole picture), longer ones more work when one is lost."""


class Source(Protocol):
    """What draws the pictures. It is pickled to each worker, so it opens its models there, at the first frame."""

    def frames(self, start: int, stop: int) -> Iterator[tuple[pixels.Frame | pixels.Deep, ...]]:
        """Frames start .. stop - 1, one picture for each screen; any range gives the same as the whole film."""
        ...


@dataclass(frozen=True)
class Track:
    """One film of the job: which screen it shows, where it goes, how it is encoded, how often it is repeated."""

    screen: int
    """Which of the source's pictures it shows."""
    target: str
    """A file name within the job's output folder: 'left.mp4'."""
    ending: str
    """Of the chunks: '.mp4', '.mov', '.mkv' or '.webm'."""
    options: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 1
    played: Mapping[str, Any] = field(default_factory=dict)
    """Options of the target's own sink, for targets that the chunks are played into: sequences and loops."""

    def within(self, output: Path) -> str:
        """The target as `open_sink` takes it: a folder of pictures ends in a slash."""
        return str(output / self.target) + (os.sep if self.target.endswith("/") else "")


@dataclass(frozen=True)
class Plan:
    """A render cut into fixed ranges of frames, which do not depend on how many workers there are."""

    frames: int
    fps: Fraction
    tracks: tuple[Track, ...]
    settings: Mapping[str, Any]
    """The settings record: what the pictures are made from."""
    chunk: int
    """Frames in a chunk; the last may have fewer."""

    def __post_init__(self) -> None:
        if self.frames < 1 or self.chunk < 1 or not self.tracks:
            raise SettingsError(f"{self.frames} frames in chunks of {self.chunk}: a render needs at least 1 of each")

    @property
    def chunks(self) -> range:
        """The numbers of the chunks."""
        return range(-(-self.frames // self.chunk))

    def span(self, number: int) -> tuple[int, int]:
        """First frame of a chunk, and the one after its last."""
        return number * self.chunk, min((number + 1) * self.chunk, self.frames)

    def length(self, number: int) -> int:
        """Frames of a chunk."""
        start, stop = self.span(number)
        return stop - start

    def record(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON."""
        return provenance.check({**asdict(self), "format": 1})

    @property
    def key(self) -> str:
        """sha256 of the record: two plans with the same key make the same films."""
        return hashlib.sha256(provenance.to_text(self.record()).encode()).hexdigest()


@dataclass(frozen=True)
class Job:
    """A plan, what draws it, and the folder of its films. The chunks are kept in a folder of their own within."""

    plan: Plan
    source: Source
    output: Path
    name: str

    @property
    def folder(self) -> Path:
        """Where the chunks are: another plan has another folder, so no two are ever mixed."""
        return self.output / f"{self.name}.job-{self.plan.key[:12]}"

    def chunk_path(self, track: int, number: int) -> Path:
        """One chunk of one film."""
        return self.folder / f"film{track}-{number:05d}{self.plan.tracks[track].ending}"

    def chunk_paths(self, number: int) -> list[Path]:
        """One chunk of every film."""
        return [self.chunk_path(track, number) for track in range(len(self.plan.tracks))]


def chunk_frames(fps: Fraction, seconds: float = CHUNK_SECONDS) -> int:
    """Number of frames in a chunk of the given length in seconds, at least 1."""
    return max(1, round(fps * Fraction(seconds)))
