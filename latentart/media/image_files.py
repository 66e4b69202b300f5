"""What Pillow decodes, as pictures mean it: upright, 8 bits, and sRGB where a colour profile is embedded."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from latentart.errors import PictureError
from latentart.files import regular
from latentart.media import kinds

COLOURS = ("RGB", "RGBA", "L", "CMYK")
SPACES = {"GRAY": "L", "RGB ": "RGB"}
"""Colour spaces of profiles, as they are written in them (ICC.1, 7.2.8), and the pixels that they are for."""
ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif")
"""Files that count as pictures where a folder is read."""
LISTED = "PNG, JPEG, WebP, TIFF, BMP, AVIF or HEIC"
READ = ("a PNG picture", "a JPEG picture", "a GIF picture", "a WebP picture", "a BMP picture", "an AVIF picture",
        kinds.HEIC)  # fmt: skip
SAME = 1
"""A profile that changes no colour by more than this is sRGB under another name, and its pictures are left alone."""


@contextmanager
def opened(path: str | Path) -> Iterator[Image.Image]:
    """Pillow's image of a regular file, not decoded yet, HEIC included where pillow-heif is installed."""
    if kinds.kind(kinds.head(path)) == kinds.HEIC:
        _with_heic()
    with regular.opened(path) as file, Image.open(file) as image:
        yield image


@lru_cache(maxsize=1)
def _with_heic() -> bool:
    try:
        from pillow_heif import register_heif_opener  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return False
    register_heif_opener()
    return True


def remedy(path: str | Path) -> str:
    """What a file is that Pillow cannot open, and what to do; '' where that is not known."""
    if "%" in Path(path).name and not os.path.exists(path):
        return f"it names a sequence, not a file: give the folder of its pictures, {str(Path(path).parent)!r}"
    found = kinds.kind(kinds.head(path))
    if found == kinds.HEIC and not _with_heic():
        return f"it is {found}: install 'latentart[heic]' to open those, or save it as JPEG"
    if os.path.isfile(path) and not os.path.getsize(path):
        return "it is empty (0 bytes): copy or save it again"
    if found in kinds.FILM and "film" in found:
        return f"it is {found}, no picture: give its name the ending {kinds.FILM[found]}"
    if found in READ:
        return f"it is {found}, but damaged or cut short: copy or save it again"
    return f"it is {found}, which is not read as a picture: save it as PNG" if found else ""


def upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF says; EXIF that cannot be read turns nothing."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow's reader of damaged EXIF raises nearly everything
        return image.copy()


def standard(image: Image.Image) -> Image.Image:
    """L, RGB or RGBA with 8 bits, in sRGB. Raises PictureError for floating-point pixels beyond 0..1."""
    return srgb(eight_bit(image), image.info.get("icc_profile"))


def eight_bit(image: Image.Image) -> Image.Image:
    """16 and 32 bits of grey keep the upper byte of 16, floats in 0..1 are scaled; L, RGB, RGBA or CMYK result."""
    if image.mode == "F":
        return Image.fromarray(_scaled(np.asarray(image)))
    if image.mode.startswith("I"):
        # Pillow's own conversion would cut everything above 255 to white.
        return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    if image.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    return image if image.mode in COLOURS else image.convert("L" if image.mode == "1" else "RGB")


def _scaled(values: Any) -> Any:
    low, high = float(np.min(values)), float(np.max(values))
    if not (low >= 0 and high <= 1):
        raise PictureError(
            f"floating-point pixels from {low:g} to {high:g}, whose white is unknown: scale them to 0..1"
        )
    return np.round(values * 255).astype(np.uint8)


def srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """L, RGB or RGBA in sRGB. A profile that cannot be used leaves the numbers as they are."""
    if not profile:
        return image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB")
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    plain = _as_meant(image, profile)
    transform = _transform(profile, plain.mode)
    if transform is None:
        return image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB")
    made: Image.Image = transform.apply(plain)
    if alpha is not None:
        made.putalpha(alpha)
    return made


def _as_meant(image: Image.Image, profile: bytes) -> Image.Image:
    """The image without alpha, in the pixels that its profile is for: greys may be stored as colours, and so on."""
    mode = SPACES.get(profile[16:20].decode("latin-1"), image.mode)
    if image.mode == "CMYK" or image.mode == mode:
        return image
    return image.convert(mode if mode in SPACES.values() else "RGB")


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> Any:
    """Pillow's transform from a profile to sRGB; None where there is nothing to do, or it does not fit the pixels."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        return None if _changes_nothing(made, mode) else made
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _changes_nothing(transform: Any, mode: str) -> bool:
    if mode not in ("L", "RGB"):
        return False
    steps = np.arange(0, 256, 15 if mode == "RGB" else 1, dtype=np.uint8)
    if mode == "L":
        probe = np.asarray(steps[None])
    else:
        probe = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, len(steps), 3)
    made = np.asarray(transform.apply(Image.fromarray(probe))).astype(int)
    return int(np.abs(made - (probe[..., None] if mode == "L" else probe)).max()) <= SAME
