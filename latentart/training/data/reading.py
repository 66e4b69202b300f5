"""Picture files of any kind as 8-bit sRGB pictures of one size: upright, colour profiles applied, alpha kept."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from latentart.errors import PictureError
from latentart.media import image_files
from latentart.pixels import Frame

MOST_PIXELS = 200_000_000
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
DRAFT = 2
"""A JPEG is decoded at the coarsest of its scales that is still this many times the size asked for."""
OPAQUE = 250
"""Alpha from which a picture counts as covered: encoders round 255 a little."""


@dataclass(frozen=True)
class Header:
    """The header of a file: width and height in pixels, whether it has alpha or several frames."""

    size: tuple[int, int]
    alpha: bool
    grey: bool
    animated: bool


@contextmanager
def quiet() -> Iterator[None]:
    """Pillow's warnings about odd files are no news here: what matters is raised. Set around threads, not in them."""
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The file as a Pillow image, not decoded yet.

    Raises PictureError for whatever goes wrong inside, also while the block decodes.
    """
    try:
        # Without waiting: a pipe that has taken the file's place since it was found must not hold up a night.
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe waits for a writer
            raise PictureError(f"{str(path)!r} is a device, a pipe or a socket, not a file")
        with image_files.opened(path) as image:
            if image.width * image.height > MOST_PIXELS:
                millions = image.width * image.height / 1e6
                raise PictureError(f"{str(path)!r} has {millions:.0f} million pixels: make it smaller first")
            yield image
    except PictureError as error:
        raise error if repr(str(path)) in str(error) else PictureError(f"cannot open {str(path)!r}: {error}") from error
    except OSError as error:
        reason = image_files.remedy(path) or error.strerror or "it is no picture, or damaged"
        raise PictureError(f"cannot open {str(path)!r}: {reason}") from error
    except MemoryError as error:
        raise PictureError(f"{str(path)!r} needs more memory than there is") from error
    # Pillow's readers of damaged files raise nearly everything there is: struct.error, KeyError, zlib.error ...
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PictureError(f"cannot open {str(path)!r}: it is damaged ({reason})") from error


def header(path: Path) -> Header:
    """Reads the header only; nothing is decoded. Raises PictureError."""
    with opened(path) as image:
        alpha = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
        grey = image.mode in ("1", "L", "LA", "La") or image.mode[0] in "IF"
        return Header(image.size, alpha, grey, bool(getattr(image, "is_animated", False)))


def transparent(path: Path) -> bool:
    """Whether any of its pixels shows what is behind. Raises PictureError."""
    with opened(path) as image:
        return int(np.asarray(image.convert("RGBA").getchannel("A")).min()) < OPAQUE


def read(path: Path, size: tuple[int, int], channels: int, fit: str = "crop") -> Frame:
    """The first frame as uint8 [height, width, channels], size (width, height).

    fit: "crop" fills the size and cuts what stands out, "pad" shows everything between bars (clear with alpha, else
    white), "stretch" changes proportions. Without alpha, clear pixels are white. Raises PictureError.
    """
    with opened(path) as image:
        _draft(image, size)
        fitted = _fitted(image_files.standard(image_files.upright(image)), size, fit)
        frame = np.asarray(_with_channels(fitted, channels), np.uint8)
    return frame if frame.ndim == 3 else frame[:, :, None]


def _draft(image: Image.Image, size: tuple[int, int]) -> None:
    """Lets libjpeg leave out detail that would be averaged away: 40 megapixels in a fifth of the time."""
    side = DRAFT * max(size)
    scale = max(side / image.width, side / image.height)
    if scale < 1:
        image.draft(None, (int(image.width * scale) + 1, int(image.height * scale) + 1))


def _fitted(image: Image.Image, size: tuple[int, int], fit: str) -> Image.Image:
    """Resized with antialiasing; colours weigh by their alpha, so that none shines through at edges."""
    if image.mode == "RGBA":
        image = image.convert("RGBa")
    if fit == "crop":
        made = ImageOps.fit(image, size, Image.Resampling.BICUBIC)
    elif fit == "pad":
        clear = image.mode == "RGBa"
        inner = ImageOps.contain(image, size, Image.Resampling.BICUBIC)
        made = Image.new(image.mode, size, (0, 0, 0, 0) if clear else "white")
        made.paste(inner, ((size[0] - inner.width) // 2, (size[1] - inner.height) // 2))
    else:
        made = image.resize(size, Image.Resampling.BICUBIC)
    return made.convert("RGBA") if made.mode == "RGBa" else made


def _with_channels(image: Image.Image, channels: int) -> Image.Image:
    if image.mode == "RGBA" and channels != 4:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert(MODES[channels])
