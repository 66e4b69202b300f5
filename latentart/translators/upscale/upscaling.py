"""Pictures made larger by a network, in tiles that show no seam; without a network they are resampled."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from latentart import pixels
from latentart.errors import SettingsError
from latentart.models.device import choose_device
from latentart.translators.base import pad
from latentart.translators.load import open_translator
from latentart.translators.tiles import Tile, tiles
from latentart.translators.upscale import esrgan
from latentart.translators.upscale.esrgan import Upscaler

TILE, MARGIN = 192, 32
"""Pixels of a tile, and how much more of the picture the network sees around it. Over the margin, tiles are blended:
what the network sees beyond it changes little, and what it changes has no edge."""

Resize = Callable[[Tensor, tuple[int, int], str], Tensor]


def load_upscaler(path: str | Path, device: str | torch.device | None = None) -> Upscaler:
    """An ESRGAN or Real-ESRGAN file -> its network. Raises WeightsError, SettingsError for another kind of file."""
    checkpoint = open_translator(Path(path))
    if checkpoint.config.get("family") != esrgan.FAMILY:
        what = f"{str(path)!r} is of family {checkpoint.config.get('family')!r}"
        raise SettingsError(f"{what} and does not make pictures larger: give an ESRGAN or Real-ESRGAN file")
    network = esrgan.build(checkpoint)
    network.name, network.sha256 = checkpoint.name, checkpoint.sha256
    network.licence = str(checkpoint.card.get("license", ""))
    return network.to(choose_device(device)).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def enlarge(network: Upscaler, img: Tensor, *, tile: int = TILE, margin: int = MARGIN) -> Tensor:
    """img [N, 1 or 3, H, W] in [-1, 1], any size -> [N, 3, scale * H, scale * W] in [-1, 1].

    Pictures above `tile` pixels are drawn in tiles, each seeing `margin` pixels around it and crossing into its
    neighbours over as many. Raises SettingsError for tiles that are smaller than their margin.
    """
    if not 0 < margin <= tile or (tile % network.config.squeeze or margin % network.config.squeeze):
        raise SettingsError(
            f"tiles of {tile!r} pixels with margins of {margin!r}: give multiples of 4, the tile larger"
        )
    height, width = img.shape[-2:]
    colours = pad(img.expand(-1, 3, -1, -1), network.config.squeeze)
    plan = tiles(colours.shape[-2], colours.shape[-1], tile, margin)
    with torch.no_grad():
        made = network(colours) if len(plan) == 1 else _crossed(network, colours, plan)
    return made[..., : network.scale * height, : network.scale * width].clamp(-1, 1)


def resize_by(network: Upscaler) -> Resize:
    """As `pixels.resize`; pictures that grow are enlarged by the network first, and then brought to size."""

    def resize(img: Tensor, size: tuple[int, int], fit: str = "crop") -> Tensor:
        grows = size[0] > img.shape[-1] or size[1] > img.shape[-2]
        return pixels.resize(enlarge(network, img) if grows else img, size, fit)

    return resize


def _crossed(network: Upscaler, img: Tensor, plan: list[Tile]) -> Tensor:
    """The tiles on top of each other, each fading where the next one comes: at every place their shares sum to 1."""
    scale = network.scale
    made = img.new_zeros(len(img), 3, scale * img.shape[-2], scale * img.shape[-1])
    for tile in plan:
        part = network(img[..., *tile.seen])
        down, across = (
            _share(drawn, seen, side, tile.margin, scale).to(part)
            for drawn, seen, side in zip(tile.drawn, tile.seen, img.shape[-2:], strict=True)
        )
        rows, columns = (slice(scale * seen.start, scale * seen.stop) for seen in tile.seen)
        made[..., rows, columns] += part * down[:, None] * across
    return made


def _share(drawn: slice, seen: slice, side: int, margin: int, scale: int) -> Tensor:
    """How much of each row (or column) that it sees a tile gives, [scale * rows]; all of it at the picture's edge."""
    place = (torch.arange(scale * (seen.stop - seen.start)) + 0.5) / scale + seen.start
    start = drawn.start if drawn.start > 0 else -math.inf
    stop = drawn.stop if drawn.stop < side else math.inf
    rising: Tensor = ((place - start) / margin + 0.5).clamp(0, 1)
    falling: Tensor = ((stop - place) / margin + 0.5).clamp(0, 1)
    return rising * falling
