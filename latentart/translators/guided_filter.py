"""The guided filter: smooths a picture within the edges of a guide (He, Sun and Tang 2010, section 3)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def box(x: Tensor, radius: int) -> Tensor:
    """x [N, C, H, W] -> the mean of what lies within `radius` pixels, at the border of what there is."""
    # Rows and columns one after the other: the cost grows with the radius, not with its square.
    rows = F.avg_pool2d(x, (1, 2 * radius + 1), 1, (0, radius), count_include_pad=False)
    return F.avg_pool2d(rows, (2 * radius + 1, 1), 1, (radius, 0), count_include_pad=False)


def guided_filter(guide: Tensor, x: Tensor, radius: int, eps: float) -> Tensor:
    """x [N, C, H, W], smoothed where the guide [N, C or 1, H, W] is flat, that is of variance below `eps`."""
    mean_guide, mean_x = box(guide, radius), box(x, radius)
    covariance = box(guide * x, radius) - mean_guide * mean_x
    variance = box(guide * guide, radius) - mean_guide * mean_guide
    slope = covariance / (variance + eps)
    offset = mean_x - slope * mean_guide
    return box(slope, radius) * guide + box(offset, radius)
