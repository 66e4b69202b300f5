"""The loop of everything that writes a film: draw, encode beside that, report, and keep the frames so far at Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from latentart.pixels import Deep, Frame
from latentart.sinks.background import Background
from latentart.sinks.sink import Sink


@dataclass(frozen=True)
class Written:
    """The finished file, its number of frames, the last frame's size (width, height), and the seconds it took."""

    target: Path
    frames: int
    size: tuple[int, int]
    seconds: float


def write(sink: Sink, pictures: Iterable[Frame | Deep], planned: int, on_frame: Callable[[int, int], None]) -> Written:
    """Writes pictures into a sink and finishes it; each is made while those before it are encoded.

    planned: number of frames, 0 where it is not known. on_frame(done, total) is called after each frame. Raises
    LatentartError; KeyboardInterrupt, with a line about it, leaves a playable file of what was written.
    """
    began, size, beside = time.monotonic(), (0, 0), Background(sink)
    try:
        with beside:
            for frame in pictures:
                beside.write(frame)
                size = (frame.shape[1], frame.shape[0])
                on_frame(beside.frames, max(planned, beside.frames))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_interrupted(beside, planned)) from None
    return Written(beside.close(), beside.frames, size, time.monotonic() - began)


def _interrupted(sink: Sink, planned: int) -> str:
    if not sink.frames:
        return "interrupted: no frames"
    return f"interrupted: {str(sink.close())!r} holds {sink.frames} of {planned or '?'} frames"
