"""The guided filter: smooths a picture within the edges of a guide (He, Sun and Tang 2010, section 3)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def box(x: Tensor, radius: int) -> Tensor:
    """x [N, C, H, W] -> the mean within `radius` pixels; at the border, of the pixels inside the picture."""
    if radius == 1:  # a plain pooling, which tiles see when they measure how far a network looks
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    height, width = x.shape[-2:]
    rows, columns = x.new_ones(1, 1, height, 1), x.new_ones(1, 1, 1, width)
    count = summed(rows, radius, 2) * summed(columns, radius, 3)
    return summed(summed(x, radius, 3), radius, 2) / count


def summed(x: Tensor, radius: int, dim: int) -> Tensor:
    """x [N, C, H, W] -> sums over 2 radius + 1 rows (dim 2) or columns (dim 3), zeros beyond the border.

    Sums of 1, 2, 4 ... neighbours make those of any number: a few additions, seven times faster than pooling.
    """
    length, width = x.shape[dim], 2 * radius + 1
    power = F.pad(x, (0, 0, radius, radius) if dim == 2 else (radius, radius))
    total = x.new_zeros(())
    at, size = 0, 1
    while size <= width:
        if width & size:
            total = total + power.narrow(dim, at, length)
            at += size
        if 2 * size <= width:
            left = power.shape[dim] - size
            power = power.narrow(dim, 0, left) + power.narrow(dim, size, left)
        size *= 2
    return total


def guided_filter(guide: Tensor, x: Tensor, radius: int, eps: float) -> Tensor:
    """x [N, C, H, W], smoothed where the guide [N, C or 1, H, W] is flat, that is of variance below `eps`."""
    mean_guide, mean_x = box(guide, radius), box(x, radius)
    covariance = box(guide * x, radius) - mean_guide * mean_x
    variance = box(guide * guide, radius) - mean_guide * mean_guide
    slope = covariance / (variance + eps)
    offset = mean_x - slope * mean_guide
    return box(slope, radius) * guide + box(offset, radius)
