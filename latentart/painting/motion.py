"""How pictures move: optical flow, coarse to fine (Lucas and Kanade 1981, Bouguet 2000), and warping by it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.painting.colours import luma

WINDOW = 11
"""Pixels a side that are taken to move together."""
ROUNDS = 4
COARSEST = 16
SURE = 0.12
"""Difference, in [-1, 1], at which a warped picture is no longer believed."""


def flow(now: Tensor, before: Tensor) -> Tensor:
    """Where each pixel of `now` was in `before`, both [1, 3, H, W] -> [1, 2, H, W], pixels across, down."""
    a, b = _pyramid(luma(now)), _pyramid(luma(before))
    found = torch.zeros_like(a[-1]).repeat(1, 2, 1, 1)
    for here, there in zip(reversed(a), reversed(b), strict=True):
        scale = here.shape[-1] / found.shape[-1]
        found = F.interpolate(found, size=here.shape[-2:], mode="bilinear", align_corners=False) * scale
        for _ in range(ROUNDS):
            found = found + _correction(here, warp(there, found))
            # A window's mean of the field carries motion into what has no texture of its own.
            found = _mean(found, 5)
    return found


def warp(img: Tensor, field: Tensor) -> Tensor:
    """img [1, C, H, W] taken from where `field` [1, 2, H, W] points; what lies outside repeats the border."""
    height, width = img.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height).to(img), torch.arange(width).to(img), indexing="ij")
    at = torch.stack([(x + field[0, 0] + 0.5) * 2 / width - 1, (y + field[0, 1] + 0.5) * 2 / height - 1], dim=-1)
    return F.grid_sample(img, at[None], mode="bicubic", padding_mode="border", align_corners=False)


def confidence(now: Tensor, warped: Tensor) -> Tensor:
    """How far a warped picture can be believed, [1, 1, H, W] in 0..1: not where it differs from what is there now."""
    apart = _mean((now - warped).abs().amax(dim=1, keepdim=True), 3)
    return torch.exp(-((apart / SURE) ** 2))


def _pyramid(img: Tensor) -> list[Tensor]:
    levels = [img]
    while min(levels[-1].shape[-2:]) >= 2 * COARSEST:
        levels.append(F.avg_pool2d(levels[-1], 2, ceil_mode=True, count_include_pad=False))
    return levels


def _correction(here: Tensor, there: Tensor) -> Tensor:
    """The shift of each window that makes `there` like `here`: least squares over its gradients."""
    padded = F.pad(there, (1, 1, 1, 1), mode="replicate")
    gx = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    gy = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    off = here - there
    xx, yy, xy = _mean(gx * gx, WINDOW), _mean(gy * gy, WINDOW), _mean(gx * gy, WINDOW)
    bx, by = _mean(gx * off, WINDOW), _mean(gy * off, WINDOW)
    # A little is added where nothing is to be seen, so that nothing moves there.
    xx, yy = xx + 1e-4, yy + 1e-4
    determinant = xx * yy - xy * xy
    return torch.cat([(yy * bx - xy * by) / determinant, (xx * by - xy * bx) / determinant], dim=1).clamp(-2, 2)


def _mean(x: Tensor, side: int) -> Tensor:
    return F.avg_pool2d(x, side, 1, side // 2, count_include_pad=False)
