"""Characters of a font as pictures: white on black, one scale per font, each centred by its bounding box."""

from __future__ import annotations

import io
import string

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from latentart.errors import PictureError
from latentart.pixels import Frame

CHARACTERS = string.ascii_lowercase + string.ascii_uppercase + string.digits
SUPERSAMPLING = 4
"""Each side is drawn this many times as large and averaged: coverage is exact to 1/16, and nothing rings."""
FILL = 7 / 8
"""The share of the picture's side that the font's largest character takes."""


def draw(data: bytes, size: int = 64, characters: str = CHARACTERS) -> dict[str, Frame]:
    """Character -> uint8 [size, size, 1].

    Raises PictureError for a damaged font, one that lacks a character or draws it empty or as its box for missing ones.
    """
    font = _font(data, size * SUPERSAMPLING)
    drawn = {character: _drawn(font, character) for character in characters}
    missing = _drawn(font, "\U0010fffd")
    for character, mask in drawn.items():
        if mask is None or (missing is not None and mask.shape == missing.shape and (mask == missing).all()):
            raise PictureError(f"the font has no {character!r}")
    masks = {character: mask for character, mask in drawn.items() if mask is not None}
    largest = max(max(mask.shape) for mask in masks.values())
    scale = FILL * size * SUPERSAMPLING / largest
    return {character: _centred(mask, scale, size) for character, mask in masks.items()}


def _font(data: bytes, pixels: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(io.BytesIO(data), pixels, layout_engine=ImageFont.Layout.BASIC)
    except (OSError, ValueError) as error:
        raise PictureError(f"the font cannot be read ({error})") from error


def _drawn(font: ImageFont.FreeTypeFont, character: str) -> Frame | None:
    """The character's own pixels, uint8 [h, w]; None when there are none."""
    try:
        left, top, right, bottom = (int(side) for side in font.getbbox(character))
    except (OSError, ValueError) as error:
        raise PictureError(f"the font cannot draw {character!r} ({error})") from error
    if not (0 < right - left < 4096 and 0 < bottom - top < 4096):
        return None
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), character, fill=255, font=font)
    box = image.getbbox()
    return np.asarray(image.crop(box), np.uint8) if box else None


def _centred(mask: Frame, scale: float, size: int) -> Frame:
    """uint8 [h, w], SUPERSAMPLING times as fine -> uint8 [size, size, 1] with the box of the mask in the middle."""
    side = size * SUPERSAMPLING
    width, height = (max(1, min(side, round(n * scale))) for n in (mask.shape[1], mask.shape[0]))
    # Areas are averaged when it gets smaller and lines joined when it grows: neither overshoots.
    fitted = Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR)
    page = Image.new("L", (side, side))
    page.paste(fitted, ((side - width) // 2, (side - height) // 2))
    return np.asarray(page.reduce(SUPERSAMPLING), np.uint8)[:, :, None]
