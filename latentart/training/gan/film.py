"""The previews of a run as a film of the learning."""

from __future__ import annotations

from pathlib import Path

from latentart import pixels
from latentart.errors import PictureError
from latentart.sinks.sink import open_sink

NAME = "learning.mp4"
FPS, LAST = 8, 16
"""Frames of a second, and how long the last preview stands."""


def write(folder: Path) -> Path | None:
    """RUN/learning.mp4 from RUN/previews; None when there are fewer than two. Raises TargetError."""
    sheets = sorted((folder / "previews").glob("step*.png"))
    if len(sheets) < 2:
        return None
    frames = [frame for sheet in sheets if (frame := _opened(sheet)) is not None]
    # Sheets of an older run of other settings may differ in size.
    frames = [_even(frame) for frame in frames if frame.shape == frames[-1].shape]
    with open_sink(folder / NAME, fps=FPS, overwrite=True) as sink:
        for frame in [*frames, *[frames[-1]] * LAST]:
            sink.write(frame)
    return folder / NAME


def _opened(path: Path) -> pixels.Frame | None:
    """A sheet, or None for one that is damaged."""
    try:
        return pixels.open_image(path)
    except PictureError:
        return None


def _even(frame: pixels.Frame) -> pixels.Frame:
    """Cut to even sides, which films need."""
    return frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]
