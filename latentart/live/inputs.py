"""Pictures that come in from a browser: webcam or canvas. Limits are checked before anything is decoded."""

from __future__ import annotations

import io
import threading
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from latentart.errors import PictureError
from latentart.live.protocol import JPEG, PNG, WEBP, unpack
from latentart.pixels import Frame

LONGEST = 8 << 20
MOST_PIXELS = 16_000_000
_FORMATS = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP"}


class Inputs:
    """The newest picture that came in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frame: Frame | None = None
        self.count = 0

    @property
    def frame(self) -> Frame | None:
        """uint8 [H, W, 3], None before the first."""
        with self._lock:
            return self._frame

    def take(self, message: bytes) -> None:
        """A `latentart.v1` picture message. Raises SettingsError, PictureError."""
        header, payload = unpack(message)
        frame = decode(bytes(payload), _FORMATS.get(header.codec, ""))
        with self._lock:
            self._frame = frame
            self.count += 1


def decode(data: bytes, kind: str) -> Frame:
    """Bytes of a JPEG, PNG or WebP -> uint8 [H, W, 3]. Raises PictureError."""
    if kind not in _FORMATS.values() or len(data) > LONGEST:
        raise PictureError(f"a picture is JPEG, PNG or WebP of at most {LONGEST} bytes; this one has {len(data)}")
    try:
        with warnings.catch_warnings():
            # Our own limit is far below the size that Pillow warns of.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=[kind])
        if image.width * image.height > MOST_PIXELS:
            raise PictureError(f"a picture of {image.width}x{image.height} is too large: send at most 16 megapixels")
        return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise PictureError(f"cannot read the picture: {str(error)[:80]}") from error
