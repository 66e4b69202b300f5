"""The one rule for transparency: kept where the result can hold it, otherwise laid over a ground.

The ground is black unless another colour is asked for; training data is laid over white, as ink on paper. A ground
that is asked for is laid under everything, and the result is opaque. Networks that draw RGB see the picture over its
ground, and the picture's alpha is put back behind them. Masks use alpha where it says something. Alpha is straight
(colours are not multiplied by it); colours under clear pixels never show.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from latentart.errors import PictureError, SettingsError

Ground = tuple[int, int, int]
"""A colour, red, green and blue in 0..255."""
BLACK: Ground = (0, 0, 0)
WHITE: Ground = (255, 255, 255)
NAMES = {"black": BLACK, "white": WHITE, "grey": (128, 128, 128), "gray": (128, 128, 128)}
DARK, BRIGHT = 32, 223
"""A mask that is drawn in black and white has visible pixels below and above these."""

Change = Callable[[Tensor, NDArray[np.float64]], Tensor]
"""Pictures [N, C, H, W] in [-1, 1] and their phases u [N] -> pictures."""


def colour(text: str) -> Ground:
    """'#ff8000', 'black', 'white' or 'grey' -> (255, 128, 0). Raises SettingsError."""
    if text.lower() in NAMES:
        return NAMES[text.lower()]
    match = re.fullmatch(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", text)
    if not match:
        raise SettingsError(f"{text!r} is no colour: write black, white, or red, green and blue such as #ff8000")
    return int(match[1], 16), int(match[2], 16), int(match[3], 16)


def spelled(ground: Ground) -> str:
    """(255, 128, 0) -> '#ff8000'; black and white by name."""
    names = {BLACK: "black", WHITE: "white"}
    return names.get(ground) or "#{:02x}{:02x}{:02x}".format(*ground)


def over(frame: NDArray[Any], ground: Ground = BLACK) -> NDArray[Any]:
    """A frame [H, W, 4], uint8 or uint16, laid over a ground -> [H, W, 3]; one without alpha as it is."""
    if frame.shape[2] != 4:
        return frame
    white = int(np.iinfo(frame.dtype).max)
    wide: Any = np.uint16 if white == 255 else np.uint32
    alpha = frame[..., 3:].astype(wide)
    # A product of two bytes, and a sum of two whose weights add up to one, fit twice the width.
    product = frame[..., :3] * alpha
    if ground != BLACK:
        product += np.array(ground, wide) * wide(white // 255) * (wide(white) - alpha)
    laid: NDArray[Any] = ((product + wide(white // 2)) // wide(white)).astype(frame.dtype)
    return laid


def is_clear(frame: NDArray[Any]) -> bool:
    """Whether any pixel of a frame [H, W, C] shows what is behind it."""
    return frame.ndim == 3 and frame.shape[2] == 4 and bool((frame[..., 3] < np.iinfo(frame.dtype).max).any())


def rgb(img: Tensor, ground: Ground = BLACK) -> Tensor:
    """img [N, 1, 3 or 4, H, W] in [-1, 1] -> [N, 3, H, W]: grey is repeated, RGBA is laid over the ground.

    Raises PictureError for another number of channels.
    """
    channels = img.shape[1]
    if channels == 3:
        return img
    if channels == 1:
        return img.expand(-1, 3, -1, -1)
    if channels != 4:
        raise PictureError(f"a picture of {channels} channels: pictures are grey, RGB or RGBA")
    behind = img.new_tensor(ground)[None, :, None, None] / 127.5 - 1
    return over_picture(img, behind)


def over_picture(img: Tensor, behind: Tensor) -> Tensor:
    """img [N, 4, H, W] in [-1, 1] over another picture [N or 1, 3, H or 1, W or 1] -> [N, 3, H, W]."""
    share = ((img[:, 3:] + 1) / 2).clamp(0, 1)
    return behind + (img[:, :3] - behind) * share


def kept(change: Change) -> Change:
    """A change of RGB pictures as one of pictures of any kind: it sees them over black, and alpha is put back.

    A change with the attribute `sees_alpha` gets the four channels themselves.
    """

    def through(img: Tensor, u: NDArray[np.float64]) -> Tensor:
        if img.shape[1] != 4:
            return change(img, u)
        made = change(img if getattr(change, "sees_alpha", False) else rgb(img), u)
        return made if made.shape[1] == 4 else with_alpha(made, img[:, 3:])

    return through


def with_alpha(img: Tensor, alpha: Tensor) -> Tensor:
    """img [N, 1 or 3, H, W] with alpha [N, 1, h, w], brought to its size -> [N, 4, H, W], all in [-1, 1]."""
    if alpha.shape[-2:] != img.shape[-2:]:
        alpha = F.interpolate(alpha, size=img.shape[-2:], mode="bilinear", antialias=True)
    return torch.cat([rgb(img), alpha.to(img)], dim=1)


def weighted(change: Callable[[Tensor], Tensor], img: Tensor) -> Tensor:
    """A resampling of img [N, 4, H, W] in which colours weigh by their alpha: none bleeds out of clear pixels."""
    share = ((img[:, 3:] + 1) / 2).clamp(0, 1)
    made = change(torch.cat([(img[:, :3] + 1) * share - 1, img[:, 3:]], dim=1))
    share = ((made[:, 3:] + 1) / 2).clamp(0, 1)
    colours = ((made[:, :3] + 1) / share.clamp_min(1e-4)).mul(share > 0) - 1
    return torch.cat([colours.clamp(-1, 1), made[:, 3:]], dim=1)


def freed(canvas: NDArray[Any]) -> None:
    """Brightness of a canvas [H, W, 4] becomes its alpha, in place, and colours are freed of their darkness.

    Laid over black it looks as before; over a light ground it has no dark rims.
    """
    white = int(np.iinfo(canvas.dtype).max)
    wide = np.uint32 if white == 255 else np.uint64
    for row in canvas:  # a row at a time, so that wide numbers of a whole canvas are never there
        row[:, :3].max(axis=1, out=row[:, 3])
        alpha = np.maximum(row[:, 3:], 1).astype(wide)
        row[:, :3] = (row[:, :3] * wide(white) + alpha // wide(2)) // alpha


def mask(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A mask painted as RGBA [H, W, 4] -> [H, W, 1], white where it counts.

    Where nothing is clear, or black and white are both painted, light says where, and what is clear counts as black;
    otherwise alpha alone says it, whatever the colour of the paint.
    """
    light: NDArray[np.uint8] = np.round(over(frame) @ np.array([0.2126, 0.7152, 0.0722])).astype(np.uint8)[..., None]
    if not is_clear(frame):
        return light
    visible = light[frame[..., 3] >= 250]
    both = visible.size > 0 and visible.min() < DARK and visible.max() > BRIGHT
    return light if both else np.ascontiguousarray(frame[..., 3:])
