"""Pictures that come in from a browser: webcam or canvas. Limits are checked before anything is decoded."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from latentart.errors import PictureError
from latentart.live.wire.inbox import LARGEST
from latentart.live.wire.protocol import JPEG, PNG, WEBP, unpack
from latentart.media import image_files, kinds, transparency
from latentart.pixels import Frame

LONGEST = 8 << 20
MOST_PIXELS = 16_000_000
_FORMATS = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP"}


@dataclass(frozen=True)
class Shape:
    """How incoming pictures are cropped: to the output's proportions, with this many pixels on the shorter side."""

    stage: tuple[int, int]
    shorter: int
    mirror: bool = False


class Inputs:
    """The newest picture that came in."""

    def __init__(self, pass_on: Callable[[Frame], None] = lambda frame: None) -> None:
        """pass_on is called with every picture, cut as the renderer wants it."""
        self._lock = threading.Lock()
        self._frame: Frame | None = None
        self.count = 0
        self.pass_on = pass_on

    @property
    def frame(self) -> Frame | None:
        """uint8 [H, W, 3], None before the first."""
        with self._lock:
            return self._frame

    def receive(self, message: bytes, shape: Shape) -> None:
        """A `latentart.v1` picture message. Raises SettingsError, PictureError."""
        header, payload = unpack(message)
        frame = decode(bytes(payload), _FORMATS.get(header.codec, ""))
        fitted = fit(frame, shape)
        with self._lock:
            self._frame = frame
            self.count += 1
            self.pass_on(fitted)


def fit(frame: Frame, shape: Shape) -> Frame:
    """The middle of the frame [H, W, 3] in the proportions of the stage, no side longer than the inbox takes."""
    scale = min(shape.shorter / min(shape.stage), LARGEST / max(shape.stage))
    size = tuple(max(1, round(side * scale)) for side in shape.stage)
    image = ImageOps.fit(Image.fromarray(frame), size, Image.Resampling.BILINEAR)  # type: ignore[arg-type]
    return np.ascontiguousarray(np.asarray(image)[:, :: -1 if shape.mirror else 1])


def decode(data: bytes, kind: str) -> Frame:
    """Bytes of a JPEG, PNG or WebP -> uint8 [H, W, 3] as files are read: upright, sRGB, over black.

    Raises PictureError.
    """
    if kind not in _FORMATS.values() or len(data) > LONGEST:
        raise PictureError(f"a picture is JPEG, PNG or WebP of at most {LONGEST} bytes; this one has {len(data)}")
    try:
        with warnings.catch_warnings():
            # Our own limit is far below the size that Pillow warns of.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=[kind])
        if image.width * image.height > MOST_PIXELS:
            raise PictureError(f"a picture of {image.width}x{image.height} is too large: send at most 16 megapixels")
        seen = image_files.standard(image_files.upright(image))
        laid = transparency.over(np.asarray(seen)) if seen.mode == "RGBA" else np.asarray(seen.convert("RGB"))
        return np.ascontiguousarray(laid, dtype=np.uint8)
    except UnidentifiedImageError as error:
        found = kinds.kind(data[:32])
        raise PictureError(f"cannot read the picture: it is {found or 'damaged'}, sent as {kind}") from error
    except (Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise PictureError(f"cannot read the picture: it is a damaged {kind} ({str(error)[:80]})") from error
