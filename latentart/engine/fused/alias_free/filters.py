"""The filters of a StyleGAN3 layer as a GPU wants them: matrices along a row, taps down the rows.

A row of a tile is filtered by a product with a matrix that holds the taps along its diagonal; it is the same for every
tile. A radial filter is not the product of two lines, but nearly: its singular values fall by two orders of magnitude
each (measured on the published designs: 1, 0.03, 2e-4), so a sum of one to three such products is exact enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latentart.models import ops

REACH = 6
"""Pixels of the small map under the upsampling filter, and rows of outputs that an upsampled row reaches."""
DOWN, DOWN_TAPS = 2, 12
LEFT_OUT = {torch.float16: 3e-4, torch.float32: 1e-6}
"""How much of a filter, relative to its norm, the sum of products may leave out."""
LEAST_SIDE = 16
"""Of the matrices of a product."""


@dataclass(frozen=True)
class Strip:
    """A form of the kernel: upsampled columns and channels of a tile, input rows of a turn of its loop."""

    fine: int
    channels: int
    unroll: int

    @classmethod
    def named(cls, form: str) -> Strip:
        """Parses the name of a form, FINExCHANNELSxUNROLL such as '64x16x1'."""
        fine, channels, unroll = map(int, form.split("x"))
        return cls(fine, channels, unroll)


@dataclass(frozen=True)
class Filters:
    """The filters of one layer for tiles of a strip.

    wide [fine, coarse]: what of the input columns each upsampled one is. tall [6 * up]: the taps down the rows, with
    the gains up * sqrt(2). edges: of each upsampled column, how much of its filter lies within the map. narrow
    [rank, fine / 2, fine] and small [rank, 12]: the same for the way down, small flipped. first: (row, column) of the
    upsampled map, counted from what input pixel 0 gives, at which output 0 begins. step: columns that a tile makes.
    """

    wide: Tensor
    tall: Tensor
    edges: Tensor
    narrow: Tensor
    small: Tensor
    first: tuple[int, int]
    step: int

    @property
    def rank(self) -> int:
        """Number of products that make up the downsampling filter."""
        return len(self.small)


def refusal(up: int, down: int, up_taps: tuple[int, ...], down_taps: tuple[int, ...], padding: tuple[int, ...]) -> str:
    """Why the kernel cannot resample like this; '' when it can."""
    if up not in (2, 4) or down != DOWN:
        return f"the fused filters go up 2 or 4 times and down 2 times, not {up} and {down} times"
    if up_taps != (REACH * up,):
        return f"the fused filter has {REACH * up} taps upwards, not {'x'.join(map(str, up_taps))}"
    if down_taps not in ((DOWN_TAPS,), (DOWN_TAPS, DOWN_TAPS)):
        return f"the fused filter has {DOWN_TAPS} taps downwards, not {'x'.join(map(str, down_taps))}"
    if min(_first(up, padding)) < 0:
        return f"padding {list(padding)} reaches beyond the filter"
    return ""


def lay_out(
    up_taps: Tensor, down_taps: Tensor, up: int, padding: tuple[int, ...], *, strip: Strip, dtype: torch.dtype,
    width: int,
) -> Filters:  # fmt: skip
    """The filters of a layer whose convolution gives maps of `width` columns. Products are rounded to `dtype`."""
    rows, columns = terms(down_taps, LEFT_OUT[dtype])
    first, along = _first(up, padding), up_taps.double() * up
    step = (strip.fine - DOWN_TAPS) // DOWN + 1
    step -= step % (up // DOWN)
    made = Filters(
        wide=_wide(evenly(along, up, dtype), up, first[1] % up, strip.fine).to(dtype),
        tall=(along * ops.SQRT2).float(),
        edges=_edges(along, up, first[1], width, strip.fine).float(),
        narrow=torch.stack([_narrow(evenly(line, 1, dtype), strip.fine) for line in columns]).to(dtype),
        small=rows.float().contiguous(),
        first=first,
        step=step,
    )
    return made


def _first(up: int, padding: tuple[int, ...]) -> tuple[int, int]:
    left, _, top, _ = padding
    return REACH * up - 1 - top, REACH * up - 1 - left


def terms(taps: Tensor, left_out: float) -> tuple[Tensor, Tensor]:
    """A filter [K] or [K, K] -> lines down the rows and along them, [rank, K] float64 each, flipped as they are read.

    The sum of their products is the filter but for `left_out` of its norm.
    """
    whole = taps.double().flip(*range(taps.ndim))
    if taps.ndim == 1:
        return whole[None], whole[None]
    down, sizes, along = torch.linalg.svd(whole.cpu())
    # How much the terms from each one on hold.
    rest = sizes.square().flip(0).cumsum(0).flip(0).sqrt() / sizes.norm()
    rank = max(1, int((rest > left_out).sum()))
    root = sizes[:rank].sqrt()
    return (down[:, :rank] * root).t().to(taps.device), (along[:rank] * root[:, None]).to(taps.device)


def evenly(taps: Tensor, phases: int, dtype: torch.dtype) -> Tensor:
    """The taps of each phase rounded to `dtype` so that their sum stays: each error goes onto the next smaller tap."""
    made, values = taps.double().cpu().clone(), taps.double().cpu()
    for phase in range(phases):
        own = values[phase::phases]
        error = torch.zeros((), dtype=torch.float64)
        for place in own.abs().argsort(descending=True).tolist():
            wanted = own[place] + error
            rounded = wanted.to(dtype).double()
            made[phase + place * phases] = rounded
            error = wanted - rounded
    return made.to(taps.device)


def _wide(taps: Tensor, up: int, phase: int, fine: int) -> Tensor:
    """[fine, coarse]: column j reads the input column l places after the tile's first through tap phase + j - ..."""
    coarse = _power_of_two((phase + fine - 1) // up + REACH)
    at = phase + torch.arange(fine)[:, None] + up * (REACH - 1 - torch.arange(coarse)[None, :])
    return _picked(taps, at)


def _narrow(line: Tensor, fine: int) -> Tensor:
    """[fine / 2, fine]: output column o reads upsampled columns 2 o .. 2 o + 11."""
    return _picked(line, torch.arange(fine)[None, :] - DOWN * torch.arange(fine // DOWN)[:, None])


def _picked(line: Tensor, at: Tensor) -> Tensor:
    """The taps at these places, zero elsewhere."""
    there = (at >= 0) & (at < len(line))
    return torch.where(there.to(line.device), line[at.clamp(0, len(line) - 1)], 0.0)


def _edges(taps: Tensor, up: int, first: int, width: int, fine: int) -> Tensor:
    """What each upsampled column is of a map of ones, as far as a tile that begins within the map may read."""
    place = first + torch.arange(up * (width + REACH) + 2 * fine, device=taps.device)
    total = torch.zeros(len(place), dtype=torch.float64, device=taps.device)
    for k in range(REACH):
        column = place // up - k
        inside = (column >= 0) & (column < width)
        total += torch.where(inside, taps[place % up + k * up], 0.0)
    return total


def _power_of_two(count: int) -> int:
    return max(LEAST_SIDE, 1 << (count - 1).bit_length())


Chosen = Mapping[str, str]
"""Name of a layer -> its form."""
