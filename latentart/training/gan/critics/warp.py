"""Antialiased affine warps of pictures, differentiable to any order.

A picture is enlarged twofold, sampled bilinearly and halved again, as Karras et al. 2020 (arXiv:2006.06676, appendix
B) do. Their sym6 wavelet moves a turned picture by a fraction of a pixel, because it is not symmetric; this low-pass
is symmetric and nearly orthogonal to its shifts by two samples, so that the identity returns the picture to 0.5 %.
Beyond its edges a picture continues as its mirror image, without end.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

HALF = (0.68006544, 0.136365, -0.12636584, -0.0132109, 0.04060077, -0.01034768)
LOW_PASS = (*HALF[::-1], *HALF)
"""12 taps, sum sqrt(2): least squares of what passes above 0.66 of the highest frequency, and of the products with its
own shifts by two (a quadrature mirror filter; Johnston 1980)."""
MARGIN = len(LOW_PASS) // 2 - 1
"""Half pixels beyond an edge that the halved picture depends on."""


def warp(images: Tensor, inverse: Tensor) -> Tensor:
    """Moves pictures [N, C, H, W] by affine maps.

    inverse: [N, 2, 3], from a place in the result to the place in the source that is seen there, both (x, y) in
    pixels from the centre.
    """
    height, width = images.shape[2:]
    large = _doubled(images)
    size = 2 * height + 2 * MARGIN, 2 * width + 2 * MARGIN
    # From the normalised coordinates of affine_grid to half pixels of the result, and from pixels to the source's.
    scales = inverse.new_tensor([size[1] / 4, size[0] / 4, 1])
    theta = inverse * scales / inverse.new_tensor([[width / 2], [height / 2]])
    grid = F.affine_grid(theta, [len(images), 1, *size], align_corners=False)
    made: Tensor = _Sample.apply(large, grid)  # type: ignore[no-untyped-call]
    return _halved(made)


def mirrored(place: Tensor, length: int) -> Tensor:
    """Pixel numbers of an endless row -> those of a picture of `length` pixels that is mirrored at its edges."""
    place = place.remainder(2 * length)
    return torch.where(place < length, place, 2 * length - 1 - place)


def _doubled(x: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, C, 2 H, 2 W]."""
    rows, columns = (doubling(side).to(x) for side in x.shape[2:])
    return rows @ (x @ columns.T)


def _halved(x: Tensor) -> Tensor:
    """[N, C, 2 H + 2 MARGIN, 2 W + 2 MARGIN] -> [N, C, H, W]."""
    rows, columns = (halving(side // 2 - MARGIN).to(x) for side in x.shape[2:])
    return rows @ x @ columns.T


# Products with whole matrices are several times faster than strided convolutions of single channels.
@lru_cache(maxsize=8)
def doubling(length: int) -> Tensor:
    """[2 length, length] float64: the low-pass after zeros between the pixels, mirrored at the edges."""
    place = torch.arange(2 * length)[:, None]
    tap = torch.arange(len(LOW_PASS))[None]
    row, twice = place.expand(-1, len(LOW_PASS)), place + MARGIN - tap
    used = twice % 2 == 0
    weight = _taps(math.sqrt(2)).expand_as(twice)[used]
    column = mirrored(twice[used] // 2, length)
    return _zeros(2 * length, length).index_put((row[used], column), weight, accumulate=True)


@lru_cache(maxsize=8)
def halving(length: int) -> Tensor:
    """[length, 2 length + 2 MARGIN] float64: the low-pass at every other place."""
    row = torch.arange(length)[:, None].expand(-1, len(LOW_PASS))
    column = 2 * row + torch.arange(len(LOW_PASS))
    weight = _taps(math.sqrt(0.5)).expand_as(column)
    return _zeros(length, 2 * length + 2 * MARGIN).index_put((row, column), weight)


def _zeros(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.float64)


def _taps(gain: float) -> Tensor:
    return torch.tensor(LOW_PASS, dtype=torch.float64) * gain


class _Sample(torch.autograd.Function):
    """Bilinear sampling, which is linear in the picture: its derivative is its transpose, whose derivative it is.

    PyTorch's grid_sample has a first derivative only, and R1 needs the second.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor) -> Tensor:
        """images [N, C, H, W], grid [N, h, w, 2] -> [N, C, h, w]."""
        ctx.save_for_backward(grid)
        ctx.size = images.shape
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Gradient by the pictures; the grid has none."""
        (grid,) = ctx.saved_tensors
        return _Spread.apply(gradient, grid, ctx.size), None  # type: ignore[no-untyped-call]


class _Spread(torch.autograd.Function):
    """The transpose of _Sample: values at the places of a grid are spread over the pixels around each."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, grid: Tensor, size: torch.Size) -> Tensor:
        """values [N, C, h, w], grid [N, h, w, 2] -> pictures of `size`."""
        ctx.save_for_backward(grid)
        # The pictures' values matter for the gradient by the grid alone, which is not asked for.
        images = values.new_empty(size)
        bilinear, reflection = 0, 2
        spread: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            values.contiguous(), images, grid, bilinear, reflection, False, [True, False]
        )[0]
        return spread

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Gradient by the values."""
        (grid,) = ctx.saved_tensors
        return _Sample.apply(gradient, grid), None, None  # type: ignore[no-untyped-call]
