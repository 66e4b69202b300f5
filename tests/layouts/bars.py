"""Pictures that cost nothing, as a job draws them: importable by worker processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from latentart.errors import PictureError
from latentart.jobs.plan import Job, Plan, Track


@dataclass(frozen=True)
class Bars:
    """Frame i is a bar of its own place and grey. `trouble` says what happens, once, when `at` is drawn."""

    screens: int = 1
    trouble: str = ""
    at: int = 5
    marks: str = ""
    pause: float = 0.0
    channels: int = 3
    noisy: bool = False
    """The later a frame, the more noise, which does not compress."""

    def frames(self, start: int, stop: int) -> Iterator[tuple[np.ndarray, ...]]:
        """See `jobs.plan.Source`."""
        for i in range(start, stop):
            if i == self.at and self.trouble:
                self._trouble()
            if self.marks:
                (Path(self.marks) / f"frame-{i}.{os.getpid()}").touch()
            time.sleep(self.pause)
            pictures = [bar(i, screen, self.channels) for screen in range(self.screens)]
            if self.noisy:
                pictures[0][: min(32, i)] = np.random.RandomState(i).randint(0, 256, (min(32, i), 64, self.channels))
            yield tuple(pictures)

    def _trouble(self) -> None:
        match self.trouble:
            case "error":
                raise PictureError("the picture holds NaN")
            case "bug":
                raise ZeroDivisionError("one by zero")
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "die once":
                mark = Path(self.marks) / "died"
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)


def bar(i: int, screen: int = 0, channels: int = 3) -> np.ndarray:
    """[32, 64, channels]"""
    frame = np.full((32, 64, channels), 40 + 100 * screen, np.uint8)
    frame[:, (i * 4) % 64 : (i * 4) % 64 + 4] = (i * 7) % 256
    return frame


def bars_job(
    output: Path,
    source: Bars | None = None,
    *,
    frames: int = 20,
    chunk: int = 6,
    ending: str = ".mkv",
    target: str = "",
    fps: str = "30000/1001",
    **options: object,
) -> Job:
    """Lossless by default, so that pictures can be compared."""
    source = source or Bars()
    names = [target or f"film{n}{ending}" for n in range(source.screens)]
    given = {"format": "ffv1"} if ending == ".mkv" else {}
    tracks = tuple(Track(n, name, ending, {**given, **options}) for n, name in enumerate(names))
    plan = Plan(frames, Fraction(fps), tracks, {"score": {"title": "bars", "screens": source.screens}}, chunk)
    return Job(plan, source, output, "bars")
