"""What follows a convolution as one pass for each layer, by Triton; the same functions as in `plain`."""

from __future__ import annotations

import torch
from torch import Tensor

from latentart.engine.fused.alias_free import tiles
from latentart.engine.fused.alias_free.filters import Strip
from latentart.engine.fused.alias_free.plan import Layer, Paint

PROGRAMS, LEAST_ROWS = 1024, 32
"""A large GPU is full with so many; rows below which a program mostly warms up (its filters reach 11 rows back)."""
TILE = 2048
"""Values of a program that paints."""
REGISTERS = {8: 128, 16: 168}
"""Channels of a tile -> registers of a thread, so that four or three programs share a multiprocessor."""
WARPS = 4


def filtered(z: Tensor, layer: Layer, scale: Tensor, style: Tensor) -> Tensor:
    """As `plain.filtered`."""
    strip, laid = Strip.named(layer.form), layer.filters
    n, height, width, channels = z.shape
    features = z.new_empty((n, *layer.size, channels))
    across = -(-layer.size[1] // laid.step) * -(-channels // strip.channels)
    rows = _rows(layer.size[0], across * n)
    grid = (across, -(-layer.size[0] // rows), n)
    tiles.filtered[grid](
        z, features, scale, layer.bias, style, laid.wide, laid.edges, laid.tall, laid.narrow, laid.small,
        height, width, *layer.size, rows, channels // 8, scale.shape[1], *laid.first, layer.limit,
        STEP=laid.step, UP=layer.up, ODD=laid.first[0] % 2, RANK=laid.rank, COARSE=laid.wide.shape[1], FINE=strip.fine,
        OUT=laid.narrow.shape[1], CHANNELS=strip.channels, UNROLL=strip.unroll, num_warps=WARPS, num_stages=1,
        **_registers(strip, laid.rank),
    )  # fmt: skip
    return features


def _registers(strip: Strip, rank: int) -> dict[str, int]:
    """A limit of registers for what fits into it; more ranks need what they need."""
    return {"maxnreg": REGISTERS[strip.channels]} if rank == 1 else {}


def _rows(height: int, programs: int) -> int:
    """Rows of a program: as many as leave the device full."""
    rows = height
    while programs * -(-height // rows) < PROGRAMS and rows > LEAST_ROWS:
        rows = -(-rows // 2)
    return rows


def painted(x: Tensor, paint: Paint, kernel: Tensor, *, uint8: bool) -> tuple[Tensor, Tensor | None]:
    """As `plain.painted`; tell is one number for each program."""
    (n, height, width, channels), colours = x.shape, kernel.shape[1]
    tile = max(16, 1 << (channels - 1).bit_length())
    pixels = max(16, TILE // tile)
    grid = (-(-height * width // pixels), n)
    picture = x.new_empty((n, height, width, colours), dtype=torch.uint8 if uint8 else torch.float32)
    tell = x.new_empty(grid, dtype=torch.float32) if uint8 else None
    tiles.painted[grid](
        x, picture, tell, kernel, paint.bias, height * width, channels, kernel.shape[2], paint.limit, paint.gain,
        COLOURS=colours, PIXELS=pixels, CHANNELS=tile,
    )  # fmt: skip
    return picture, tell
