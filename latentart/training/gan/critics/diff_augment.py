"""Differentiable augmentation of Zhao et al. 2020 (arXiv:2006.10738): colour, translation and cutout, on every picture.

The projected critic sees real and generated pictures through it. Random numbers come from torch's global generator of
the CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor

SHIFT = 1 / 8
"""Largest translation in parts of a side."""
CUTOUT = 1 / 2
"""Sides of the square that is cut out, in parts of the picture's."""


def augmented(images: Tensor) -> Tensor:
    """Grey or RGB [N, C, H, W] in [-1, 1] -> the same shape; what is uncovered or cut out becomes 0, mid-grey."""
    return cut(translated(recoloured(images)))


def recoloured(images: Tensor) -> Tensor:
    """Brightness by -0.5 .. 0.5, saturation times 0 .. 2, contrast times 0.5 .. 1.5."""
    bright, vivid, contrast = (torch.rand(len(images), 1, 1, 1).to(images) for _ in range(3))
    x = images + (bright - 0.5)
    if images.shape[1] > 1:
        grey = x.mean(dim=1, keepdim=True)
        x = (x - grey) * (2 * vivid) + grey
    middle = x.mean(dim=(1, 2, 3), keepdim=True)
    return (x - middle) * (contrast + 0.5) + middle


def translated(images: Tensor) -> Tensor:
    """Moves each picture by whole pixels, at most SHIFT of a side."""
    count, channels, height, width = images.shape
    (y, y_inside), (x, x_inside) = _moved(count, height), _moved(count, width)
    source = (y[:, :, None] * width + x[:, None, :]).flatten(1).to(images.device)
    inside = (y_inside[:, :, None] & x_inside[:, None, :])[:, None].to(images)
    made = images.flatten(2).gather(2, source[:, None].expand(-1, channels, -1)).view_as(images)
    return made * inside


def _moved(count: int, length: int) -> tuple[Tensor, Tensor]:
    """(where each pixel of a side comes from, whether that is inside), [N, length] each."""
    most = int(length * SHIFT + 0.5)
    place = torch.arange(length)[None] - torch.randint(-most, most + 1, (count, 1))
    return place.clamp(0, length - 1), (place >= 0) & (place < length)


def cut(images: Tensor) -> Tensor:
    """Blanks a rectangle of CUTOUT of each side around a random centre."""
    count, _, height, width = images.shape
    rows, columns = (_covered(count, side) for side in (height, width))
    kept = ~(rows[:, :, None] & columns[:, None, :])
    return images * kept[:, None].to(images)


def _covered(count: int, length: int) -> Tensor:
    size = int(length * CUTOUT + 0.5)
    first = torch.randint(0, length + 1 - size % 2, (count, 1)) - size // 2
    place = torch.arange(length)[None]
    return (place >= first) & (place < first + size)
