"""When a progressively grown GAN fades to its next size (Karras et al. 2018, arXiv:1710.10196, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import SettingsError

KIMG = 600.0
"""Thousands of pictures of each fade and of each hold in the paper; small sets need less."""


@dataclass(frozen=True)
class Phase:
    """level: 0 for 4x4, 1 for 8x8 ... alpha: share of that size in what is seen, 1 when its fade is over."""

    level: int
    alpha: float

    @property
    def side(self) -> int:
        """Pixels of a side."""
        return 4 << self.level


def phase(images: int, levels: int, kimg: float = KIMG) -> Phase:
    """The phase after `images` pictures of a training with `levels` sizes: nothing else decides, so that a resumed
    training goes on inside a fade exactly. 4x4 is held for `kimg`; each further size fades in and is held for as long.
    """
    if levels < 1 or images < 0 or not kimg > 0:
        raise SettingsError(
            f"levels {levels!r}, images {images!r}, fade of {kimg!r} kimg: give 1, 0 and above 0 or more"
        )
    length = 1000 * kimg
    whole, into = divmod(images, length)
    # Odd numbers of whole lengths are fades: hold 0, fade 1, hold 1, fade 2 ...
    level = min((int(whole) + 1) // 2, levels - 1)
    fading = whole % 2 == 1 and (whole + 1) // 2 == level
    return Phase(level, into / length if fading else 1.0)


def fitting(kimg: float, levels: int) -> float:
    """Length of a fade with which a training of `kimg` in all reaches the last size and holds it twice as long."""
    return kimg / (2 * levels)


def begins(images: int, batch: int, levels: int, kimg: float = KIMG) -> bool:
    """Whether the step that ends at `images` + `batch` is the first at a new size: optimisers then start anew."""
    return images > 0 and phase(images, levels, kimg).level != phase(images - batch, levels, kimg).level


def pooled(images: Tensor, side: int) -> Tensor:
    """Square pictures [N, C, H, H] -> [N, C, side, side] by averages; smaller ones stay as they are."""
    factor = images.shape[3] // side
    return F.avg_pool2d(images, factor) if factor > 1 else images


def faded(images: Tensor, now: Phase) -> Tensor:
    """Real pictures at the size of a phase, blended with the size below as the generator's are."""
    seen = pooled(images, now.side)
    if now.alpha == 1 or now.level == 0:
        return seen
    below = F.interpolate(F.avg_pool2d(seen, 2), scale_factor=2, mode="nearest")
    return torch.lerp(below, seen, now.alpha)
