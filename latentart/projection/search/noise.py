"""Noise maps as part of what is searched: a layer of fine detail, to be kept apart from the picture's meaning."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

SMALLEST = 8
"""Correlation is measured down to this size (Karras et al. 2020, arXiv:1912.04958, appendix D)."""


def correlation(maps: Mapping[str, Tensor]) -> Tensor:
    """How far noise maps [N, 1, H, W] are from white noise, [N]: squared correlation of neighbours, at all scales.

    Reduced per picture, so that pictures of a batch do not feel each other.
    """
    total = next(iter(maps.values())).new_zeros(())
    for noise in maps.values():
        level = noise
        while True:
            total = total + _neighbours(level)
            if min(level.shape[2:]) <= SMALLEST:
                break
            level = F.avg_pool2d(level, 2)
    return total


def _neighbours(noise: Tensor) -> Tensor:
    right = (noise * noise.roll(1, dims=3)).mean(dim=(1, 2, 3))
    below = (noise * noise.roll(1, dims=2)).mean(dim=(1, 2, 3))
    return right.square() + below.square()


def normalise(maps: Mapping[str, Tensor]) -> None:
    """Sets mean 0 and variance 1 in each map of each picture, in place."""
    for noise in maps.values():
        noise.sub_(noise.mean(dim=(1, 2, 3), keepdim=True))
        noise.mul_(noise.square().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12).rsqrt())
