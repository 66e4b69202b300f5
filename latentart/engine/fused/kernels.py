"""What follows a convolution as one pass for each layer, by Triton; the same functions as in `plain`."""

from __future__ import annotations

import torch
from torch import Tensor

from latentart.engine.fused import tiles
from latentart.engine.fused.plain import Finished
from latentart.engine.fused.plan import Layer

TILE, TILE_DOUBLED = 2048, 1024
"""Values that a program holds of each map; one that doubles holds four."""
MOST_CHANNELS_AT_ONCE = 64


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
    n, height, width, channels = z.shape
    colours, tile = kernel.shape[1], _power_of_two(channels)
    pixels = max(1, TILE // tile)
    grid = (-(-height * width // pixels), n)
    features = None if style is None else torch.empty_like(z)
    picture = z.new_empty((n, height, width, colours), dtype=torch.uint8 if uint8 else torch.float32)
    tell = z.new_empty(grid, dtype=torch.float32) if uint8 else None
    tiles.finish[grid](
        z, features, picture, tell, scale, layer.bias, noise, layer.strength, style, kernel,
        layer.colours.bias, below, layer.colours.taps, height, width, channels, scale.shape[1],
        _step(noise), layer.limit, layer.colours.limit, COLOURS=colours, PIXELS=pixels, CHANNELS=tile,
    )  # fmt: skip
    return features, picture, tell


def finish_transposed(z: Tensor, layer: Layer, scale: Tensor, noise: Tensor | None, style: Tensor) -> Tensor:
    """As `plain.finish_transposed`."""
    features, grid, sizes = _doubling(z, layer)
    tiles.finish_transposed[grid](
        z, features, layer.taps, scale, layer.bias, noise, layer.strength, style,
        layer.size[0] // 2, layer.size[1] // 2, layer.channels, scale.shape[1], _step(noise), layer.limit, **sizes,
    )  # fmt: skip
    return features


def finish_phases(z: Tensor, layer: Layer, scale: Tensor, noise: Tensor | None, style: Tensor) -> Tensor:
    """As `plain.finish_phases`."""
    features, grid, sizes = _doubling(z, layer)
    tiles.finish_phases[grid](
        z, features, scale, layer.bias, noise, layer.strength, style,
        layer.size[0] // 2, layer.size[1] // 2, layer.channels, scale.shape[1], _step(noise), layer.limit, **sizes,
    )  # fmt: skip
    return features


def _doubling(z: Tensor, layer: Layer) -> tuple[Tensor, tuple[int, int, int], dict[str, int]]:
    """The map to be written, how many programs there are, and how much each of them holds."""
    channels = min(_power_of_two(layer.channels), MOST_CHANNELS_AT_ONCE)
    pixels = TILE_DOUBLED // channels
    small = (layer.size[0] // 2) * (layer.size[1] // 2)
    grid = (-(-small // pixels), -(-layer.channels // channels), len(z))
    features = z.new_empty((len(z), *layer.size, layer.channels))
    return features, grid, {"PIXELS": pixels, "CHANNELS": channels}


def _step(noise: Tensor | None) -> int:
    """How far the maps of two samples are apart: 0 when all share one."""
    return 0 if noise is None or len(noise) == 1 else noise.stride(0)


def _power_of_two(count: int) -> int:
    """The next one; Triton's tiles have no other sides."""
    return 1 << (count - 1).bit_length()
