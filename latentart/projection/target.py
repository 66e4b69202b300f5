"""Fitting pictures in: from a file of any size and kind to a target of the generator's size and channels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentart import pixels
from latentart.errors import PictureError, SettingsError, unknown
from latentart.media import image_files, transparency
from latentart.models.base import Generator
from latentart.pixels import GREY_WEIGHTS

SUFFIXES = image_files.ENDINGS


@dataclass(frozen=True)
class Target:
    """A picture to be found: img [1, C, H, W] in [-1, 1] of the generator's size, and where it counts.

    mask [1, 1, H, W] in 0..1 or None. source: (width, height) of the file; fit: how it got here. strokes
    [1, C + 1, H, W] or None: colours drawn onto the picture, and how opaque they are in 0..1 (see `scribble`).
    """

    img: Tensor
    mask: Tensor | None = None
    name: str = "picture"
    source: tuple[int, int] = (0, 0)
    fit: str = "crop"
    strokes: Tensor | None = None


def open_target(
    path: str | Path, G: Generator, *, fit: str = "crop", mask: str | Path | None = None,
    strokes: str | Path | None = None,
) -> Target:  # fmt: skip
    """Reads a picture file upright, in the generator's channels, and brings it to its size.

    fit: 'crop' fills the size and cuts what stands out, 'pad' shows all of it, and only it counts, 'stretch'
    changes proportions. mask: a picture of the same size, white where it counts. Transparency counts as mask.
    strokes: a picture of the same size, transparent where nothing was drawn. Raises PictureError, SettingsError.
    """
    frame = pixels.open_image(path, "RGBA")
    seen = None if mask is None else _read_mask(mask, frame.shape)
    found = make_target(frame, G, fit=fit, mask=seen, name=Path(path).stem)
    return found if strokes is None else replace(found, strokes=_read_strokes(strokes, frame.shape, G, fit))


def make_target(
    frame: pixels.Frame, G: Generator, *, fit: str = "crop", mask: Tensor | None = None, name: str = "picture"
) -> Target:
    """frame uint8 [H, W, 1, 3 or 4] -> Target; mask [1, 1, H, W] in 0..1 of the frame's size."""
    if fit not in pixels.FITS:
        raise SettingsError(unknown("fit", fit, pixels.FITS))
    size = (G.img_size[1], G.img_size[0])
    img = to_channels(pixels.to_float(frame), G.img_channels)
    counts = _counting(frame, mask, G.img_channels)
    if fit == "pad":
        counts = torch.ones(1, 1, *frame.shape[:2]) if counts is None else counts
    small = pixels.resize_straight(img, size, fit).clamp(-1, 1)
    # The resize pads with -1; a mask must end in 0 there.
    small_mask = None if counts is None else ((pixels.resize(counts * 2 - 1, size, fit) + 1) / 2).clamp(0, 1)
    if small_mask is not None and not float(small_mask.max()) > 0:
        raise PictureError(f"nothing of {name!r} counts: its mask or its transparency leaves nothing to look at")
    return Target(small, small_mask, name, (frame.shape[1], frame.shape[0]), fit)


def to_channels(img: Tensor, channels: int) -> Tensor:
    """img [N, 1, 3 or 4, H, W] -> [N, channels, H, W]: colours become grey by luma, transparency becomes black.

    Raises PictureError for a number of channels no picture has.
    """
    if img.shape[1] == channels:
        return img
    if img.shape[1] == 4 and channels in (1, 3):
        img = transparency.rgb(img)
    if channels == 1 and img.shape[1] == 3:
        return torch.einsum("nchw,c->nhw", img, img.new_tensor(GREY_WEIGHTS))[:, None]
    if img.shape[1] == 1:
        img = img.expand(-1, 3, -1, -1)
    if channels == 4 and img.shape[1] == 3:
        return torch.cat([img, torch.ones_like(img[:, :1])], dim=1)
    if img.shape[1] != channels:
        raise PictureError(f"a picture of {img.shape[1]} channels does not fit a model of {channels}")
    return img


def _counting(frame: pixels.Frame, mask: Tensor | None, channels: int) -> Tensor | None:
    """The user's mask and the picture's own transparency as one mask [1, 1, H, W]; None when everything counts."""
    if frame.shape[2] != 4 or channels == 4 or bool((frame[:, :, 3] == 255).all()):
        return mask
    opaque = torch.from_numpy(frame[None, None, :, :, 3].astype(np.float32) / 255)
    return opaque if mask is None else mask * opaque


def _read_mask(path: str | Path, shape: tuple[int, ...]) -> Tensor:
    frame = pixels.open_mask(path)
    _check_size("mask", path, frame, shape)
    return torch.from_numpy(frame[None, None, :, :, 0].astype(np.float32) / 255)


def _read_strokes(path: str | Path, shape: tuple[int, ...], G: Generator, fit: str) -> Tensor:
    frame = pixels.open_image(path, "RGBA")
    _check_size("strokes", path, frame, shape)
    drawn = frame[:, :, 3]
    if not drawn.any() or drawn.all():
        amount = "nothing" if not drawn.any() else "everything"
        raise PictureError(f"strokes {str(path)!r} cover {amount}: draw on a transparent layer, save it as PNG")
    opacity = torch.from_numpy(drawn[None, None].astype(np.float32) / 255)
    colours = to_channels(pixels.to_float(np.ascontiguousarray(frame[:, :, :3])), G.img_channels)
    # Reduced with their opacity, so that what lies under transparent pixels does not bleed into the strokes.
    both = torch.cat([(colours + 1) * opacity, opacity], dim=1)
    small = pixels.resize(both, (G.img_size[1], G.img_size[0]), fit).clamp_min(0)
    covered, opacity = small[:, :-1], small[:, -1:].clamp(max=1)
    return torch.cat([(covered / opacity.clamp_min(1e-3) - 1).clamp(-1, 1), opacity], dim=1)


def _check_size(kind: str, path: str | Path, frame: pixels.Frame, shape: tuple[int, ...]) -> None:
    if frame.shape[:2] != tuple(shape[:2]):
        has, wanted = f"{frame.shape[1]}x{frame.shape[0]}", f"{shape[1]}x{shape[0]}"
        raise PictureError(f"{kind} {str(path)!r} is {has} pixels, its picture {wanted}: make them the same size")
