"""Animated pictures: GIF, APNG, WebP and AVIF, frame by frame, with the times they stand."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from latentart.media import image_files


@dataclass(frozen=True)
class Facts:
    """Size (width, height) upright, milliseconds of each frame, whether anything is transparent."""

    size: tuple[int, int]
    times: tuple[int, ...]
    alpha: bool


def facts(path: Path) -> Facts:
    """What is known of an animated picture once every frame was seen. Raises what Pillow raises."""
    times, alpha = [], False
    with warnings.catch_warnings():
        # Pillow only warns up to twice its limit.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with image_files.opened(path) as image:
            for number in range(getattr(image, "n_frames", 1)):
                times.append(_hold(image, number))
                alpha = alpha or bool(np.asarray(image.convert("RGBA").getchannel("A")).min() < 255)
            return Facts(image_files.upright(image).size, tuple(times), alpha)


def _hold(image: Image.Image, number: int) -> int:
    """Milliseconds for which a frame stands; what is too short to be meant counts as 100, as in browsers."""
    image.seek(number)
    # Of WebP the duration is known when the frame is.
    image.load()
    own = int(image.info.get("duration") or 0)
    return own if own > 10 else 100


def pictures(path: Path, alpha: bool) -> Iterator[tuple[Fraction, Any]]:
    """(seconds, frame uint8 [H, W, 3], or [H, W, 4] with alpha); None instead of a frame says when the last ends."""
    time = 0
    with image_files.opened(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            hold = _hold(image, number)
            seen = image_files.standard(image_files.upright(image)).convert("RGBA" if alpha else "RGB")
            yield Fraction(time, 1000), np.array(seen, dtype=np.uint8)
            time += hold
    yield Fraction(time, 1000), None
