"""A folder of numbered pictures, read as a film: in the order of their numbers, in the size of the first."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from latentart import pixels, rate
from latentart.errors import PictureError
from latentart.footage import Footage
from latentart.media import image_files, transparency
from latentart.pixels import Frame

log = logging.getLogger(__name__)

FPS = 30
"""Where no rate is asked for."""


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder by name, numbers by their value: 2 comes before 10. Raises PictureError."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in image_files.ENDINGS and path.is_file()]
    if not found:
        raise PictureError(f"there is no picture in {str(folder)!r}: give {image_files.LISTED} files")
    return sorted(found, key=_natural)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """'a2b' -> parts that sort as people count."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def open_footage(folder: str | Path, fps: rate.Rate | None = None) -> Footage:
    """The facts of a folder read as a film. Raises PictureError."""
    found = pictures(Path(folder))
    height, width = next(_frames(found, "RGB")).shape[:2]
    alpha = any(map(_has_alpha, found))
    return Footage(Path(folder), (width, height), rate.fps(FPS if fps is None else fps), len(found), alpha=alpha)


def read(footage: Footage, ground: transparency.Ground | None = transparency.BLACK) -> Iterator[Frame]:
    """See `footage.read`; a picture of another size fills the first one's, one that is damaged is left out and said."""
    mode = "RGBA" if footage.alpha and ground is None else "RGB"
    for frame in _frames(pictures(footage.path), mode, ground or transparency.BLACK):
        if frame.shape[1::-1] == footage.size:
            yield frame
        else:
            yield pixels.to_uint8(pixels.resize_straight(pixels.to_float(frame), footage.size).clamp(-1, 1))[0]


def _frames(
    paths: list[Path], mode: str, ground: transparency.Ground = transparency.BLACK
) -> Iterator[Frame]:  # fmt: skip
    fault: PictureError | None = None
    count = 0
    for path in paths:
        try:
            frame = pixels.open_image(path, mode, ground)
        except PictureError as error:
            log.warning("left out: %s", error)
            fault = fault or error
            continue
        count += 1
        yield np.ascontiguousarray(frame)
    if fault and not count:
        raise PictureError(f"no picture of {str(paths[0].parent)!r} could be used: {fault}") from fault


def _has_alpha(path: Path) -> bool:
    try:
        with image_files.opened(path) as image:
            return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):  # told when it is read
        return False
