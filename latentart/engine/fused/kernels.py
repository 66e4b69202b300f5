"""What follows a convolution as one pass for each layer, by Triton; the same functions as in `plain`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from latentart.engine.fused import tiles
from latentart.engine.fused.plain import Finished
from latentart.engine.fused.plan import DIRECT, Layer

TILE, TILE_DOUBLED, TILE_DIRECT = 2048, 1024, 4096
"""Values that a program holds of what it makes; one that doubles holds four."""
MOST_CHANNELS_AT_ONCE, MOST_DEPTH, LEAST_SIDE = 64, 32, 16
"""Channels of a program that doubles; input channels of one product of matrices; the smallest side of its matrices."""


def finish(
    z: Tensor,
    layer: Layer,
    scale: Tensor,
    noise: Tensor | None,
    style: Tensor | None,
    *,
    kernel: Tensor,
    below: Tensor | None,
    uint8: bool,
) -> Finished:
    """As `plain.finish`; the third of what it returns is one number for each program."""
    assert layer.colours is not None
    (n, height, width, _), channels, colours = z.shape, layer.channels, kernel.shape[1]
    direct = layer.form == DIRECT
    tile = _power_of_two(channels, LEAST_SIDE if direct else 1)
    pixels = max(LEAST_SIDE if direct else 1, (TILE_DIRECT if direct else TILE) // tile)
    grid = (-(-height * width // pixels), n)
    features = None if style is None else z.new_empty((n, height, width, channels))
    picture = z.new_empty((n, height, width, colours), dtype=torch.uint8 if uint8 else torch.float32)
    tell = z.new_empty(grid, dtype=torch.float32) if uint8 else None
    made = (
        features, picture, tell, scale, layer.bias, noise, layer.strength, style, kernel,
        layer.colours.bias, below, layer.colours.taps, height, width,
    )  # fmt: skip
    more = (channels, scale.shape[1], _step(noise), layer.limit, layer.colours.limit)
    sizes = {"COLOURS": colours, "PIXELS": pixels, "CHANNELS": tile}
    if direct:
        tiles.convolve[grid](z, layer.weight, *made, z.shape[3], *more, **sizes, **_products(z))
    else:
        tiles.finish[grid](z, *made, *more, **sizes)
    return features, picture, tell


def finish_transposed(z: Tensor, layer: Layer, scale: Tensor, noise: Tensor | None, style: Tensor) -> Tensor:
    """As `plain.finish_transposed`."""
    features, grid, sizes = _doubling(z, layer)
    rest = (scale, layer.bias, noise, layer.strength, style, *_small(layer), layer.channels, scale.shape[1])
    tiles.finish_transposed[grid](z, features, layer.taps, *rest, _step(noise), layer.limit, **sizes)
    return features


def finish_phases(z: Tensor, layer: Layer, scale: Tensor, noise: Tensor | None, style: Tensor) -> Tensor:
    """As `plain.finish_phases`."""
    features, grid, sizes = _doubling(z, layer)
    factors = (scale, layer.bias, noise, layer.strength, style, *_small(layer))
    rest = (layer.channels, scale.shape[1], _step(noise), layer.limit)
    if layer.form == DIRECT:
        tiles.convolve_phases[grid](z, layer.weight, features, *factors, z.shape[3], *rest, **sizes, **_products(z))
    else:
        tiles.finish_phases[grid](z, features, *factors, *rest, **sizes)
    return features


def _doubling(z: Tensor, layer: Layer) -> tuple[Tensor, tuple[int, int, int], dict[str, int]]:
    """The map to be written, how many programs there are, and how much each of them holds."""
    direct = layer.form == DIRECT
    channels = min(_power_of_two(layer.channels, LEAST_SIDE if direct else 1), MOST_CHANNELS_AT_ONCE)
    pixels = (TILE_DIRECT if direct else TILE_DOUBLED) // channels
    # With its convolution a program makes one of the four, without it all of them.
    parts = -(-layer.channels // channels) * (4 if direct else 1)
    grid = (-(-math.prod(_small(layer)) // pixels), parts, len(z))
    features = z.new_empty((len(z), *layer.size, layer.channels))
    return features, grid, {"PIXELS": pixels, "CHANNELS": channels}


def _small(layer: Layer) -> tuple[int, int]:
    """(height, width) before the doubling."""
    return layer.size[0] // 2, layer.size[1] // 2


def _products(x: Tensor) -> dict[str, int]:
    """How the input channels of a convolution are dealt to products of matrices."""
    depth = min(_power_of_two(x.shape[3], LEAST_SIDE), MOST_DEPTH)
    return {"DEPTH": depth, "BLOCKS": -(-x.shape[3] // depth)}


def _step(noise: Tensor | None) -> int:
    """How far the maps of two samples are apart: 0 when all share one."""
    return 0 if noise is None or len(noise) == 1 else noise.stride(0)


def _power_of_two(count: int, least: int = 1) -> int:
    """The next one, `least` or more; Triton's tiles have no other sides."""
    return max(least, 1 << (count - 1).bit_length())
