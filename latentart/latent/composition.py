"""Several latents in one picture, wider pictures than a model was trained for, and tiles that repeat.

Latents meet in feature space: after every layer the maps of all latents are mixed by masks, so that the layers above
see one picture and there is no seam to hide. Wider pictures start from a constant that is laid out several times;
repeating ones keep a margin around every map that is copied from the opposite side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from latentart.errors import SettingsError, unknown
from latentart.latent import bending
from latentart.models.base import Generator

Array = NDArray[np.float64]
MARGIN = 2
"""Pixels around the 4x4 maps of a tile that repeats; it doubles with the maps, and hides what borders do."""
MOST_TILES = 64


@dataclass(frozen=True)
class Layout:
    """How far a picture goes beyond the model's own: tiles (down, across), and which axes repeat."""

    tiles: tuple[int, int] = (1, 1)
    wrap: tuple[bool, bool] = (False, False)

    def __post_init__(self) -> None:
        if not all(1 <= n <= MOST_TILES for n in self.tiles):
            raise SettingsError(f"{self.tiles!r} tiles: give 1 to {MOST_TILES} down and across")

    def laid(self, x: Tensor) -> Tensor:
        """[..., h, w] -> that many times in each direction. Plainly repeated: mirrored constants, whose edges would
        meet, make models draw things that they never learned."""
        return x.repeat(*[1] * (x.ndim - 2), *self.tiles)

    def margins(self, x_size: Sequence[int], const: Sequence[int]) -> tuple[int, int]:
        """Margins (down, across) of maps whose inner size is x_size, where those of the constant are MARGIN."""
        return tuple(  # type: ignore[return-value]
            MARGIN * n // c if on else 0 for n, c, on in zip(x_size, const, self.wrap, strict=True)
        )

    def wrapped(self, inner: Tensor, margins: tuple[int, int]) -> Tensor:
        """Inner maps with margins copied from the opposite side."""
        for axis, m in zip((-2, -1), margins, strict=True):
            if m:
                inner = torch.cat([inner.narrow(axis, -m, m), inner, inner.narrow(axis, 0, m)], dim=axis)
        return inner


def inner(x: Tensor, margins: tuple[int, int]) -> Tensor:
    """Maps without their margins."""
    down, across = margins
    return x[..., down : x.shape[-2] - down, across : x.shape[-1] - across]


def compose(
    G: Generator,
    ws: Tensor,
    masks: Tensor | None = None,
    *,
    tiles: tuple[int, int] = (1, 1),
    wrap: tuple[bool, bool] = (False, False),
    noise_mode: str = "const",
) -> Tensor:
    """One picture [1, C, H * tiles[0], W * tiles[1]] of K latents: ws [K, num_ws, w_dim], masks [K, h, w] of any size.

    Masks weight each latent by place; they are normalised to sum 1 at every place. None: one latent, everywhere.
    wrap: (down, across), axes along which the picture repeats without a seam. Raises SettingsError for a family
    that does not begin with a constant.
    """
    first = _start(G)
    layout = Layout(tiles, wrap)
    shares = _shares(masks, len(ws), ws)
    const = layout.laid(first.const.detach())
    scene = _Scene(G, layout, shares, (const.shape[-2], const.shape[-1]))
    noise = scene.noise() if noise_mode == "const" else None
    handle = first.conv1.register_forward_pre_hook(partial(_begin, scene.padded(const)))
    try:
        with torch.inference_mode(), bending.hooked(G, [(name, scene.mixed) for name in bending.layers(G)]):
            painted = G.synthesis(ws, noise_mode="const" if noise else "none", noise=noise)
            return scene.mixed(painted)[:1, ..., *_inside(scene, painted)].clone()
    finally:
        handle.remove()


def _inside(scene: _Scene, x: Tensor) -> tuple[slice, slice]:
    down, across = scene.margins(x)
    return slice(down, x.shape[-2] - down), slice(across, x.shape[-1] - across)


def _begin(start: Tensor, module: torch.nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first layer reads another constant than its model's."""
    return (start.expand(len(inputs[0]), -1, -1, -1), *inputs[1:])


@dataclass(frozen=True)
class _Scene:
    """One composition being drawn."""

    G: Generator
    layout: Layout
    shares: Tensor  # [K, 1, h, w]
    const: tuple[int, int]

    def margins(self, x: Tensor) -> tuple[int, int]:
        """Of maps that have them already: each axis is (const + 2 MARGIN) times the same power of two."""
        return tuple(  # type: ignore[return-value]
            MARGIN * (size // (c + 2 * MARGIN)) if on else 0
            for size, c, on in zip(x.shape[-2:], self.const, self.layout.wrap, strict=True)
        )

    def padded(self, x: Tensor) -> Tensor:
        """Maps without margins -> with them."""
        return self.layout.wrapped(x, self.layout.margins(x.shape[-2:], self.const))

    def mixed(self, x: Tensor) -> Tensor:
        """[K, C, H, W] -> the masks' mixture of the K, for all K, with fresh margins."""
        margins = self.margins(x)
        own = inner(x, margins)
        if len(x) > 1:
            own = (own * self.share(own)).sum(dim=0, keepdim=True)
        whole = self.layout.wrapped(own, margins)
        return whole.expand(len(x), -1, -1, -1)

    def share(self, x: Tensor) -> Tensor:
        """The masks at the size of x, summing to 1."""
        small = F.interpolate(self.shares, size=x.shape[-2:], mode="bilinear", antialias=True, align_corners=False)
        return small / small.sum(dim=0, keepdim=True).clamp_min(1e-6)

    def noise(self) -> dict[str, Tensor]:
        """The model's own noise maps, laid out like the constant, by layer."""
        stored = {name: getattr(layer, "noise_const", None) for name, layer in bending.layers(self.G).items()}
        return {n: self.padded(self.layout.laid(m))[None, None] for n, m in stored.items() if m is not None}


def _start(G: Generator) -> Any:
    """The block that holds the constant."""
    blocks = getattr(G.synthesis, "blocks", None)
    if not blocks or not hasattr(blocks[0], "const"):
        raise SettingsError(f"{G.name} ({G.family}) does not begin with a constant: composition needs a StyleGAN2")
    return blocks[0]


def _shares(masks: Tensor | None, count: int, like: Tensor) -> Tensor:
    """Masks [K, h, w] as shares [K, 1, h, w] that sum to 1. Raises SettingsError."""
    masks = torch.ones(count, 1, 1) if masks is None and count == 1 else masks
    if masks is None or masks.ndim != 3 or len(masks) != count:
        shape = None if masks is None else list(masks.shape)
        raise SettingsError(f"{count} latents need masks of shape [{count}, height, width], not {shape}")
    if not bool(torch.isfinite(masks).all()) or float(masks.min()) < 0 or float(masks.sum(dim=0).min()) <= 0:
        raise SettingsError("masks must be finite, 0 or more, and above 0 for some latent at every place")
    masks = masks.to(like)
    return (masks / masks.sum(dim=0, keepdim=True))[:, None]


class Panorama:
    """A walk played side by side: the picture is tiles[1] times as wide, tiles[0] times as high, and each part is the
    walk at another moment, so that what happens at one side happens at the other later. A scene for `frames`."""

    def __init__(self, G: Generator, walk: Callable[[Array], Tensor], layout: Layout) -> None:
        """walk: phases u [N] -> ws [N, num_ws, w_dim], such as a `Path`."""
        self.G, self.walk, self.layout = G, walk, layout
        self.masks = grid(*layout.tiles, soft=1.0, wrap=layout.wrap)

    def at(self, u: Array) -> bending.Drawing:
        """What draws the frames at phases u [N]."""
        return partial(self._draw, u)

    def _draw(self, u: Array, ws: Tensor, *, noise_mode: str = "const", noise: Any = None) -> Tensor:
        if noise is not None:
            raise SettingsError("a panorama has no maps for random noise: choose the noise modes const or none")
        later = np.arange(len(self.masks)) / len(self.masks)
        options: dict[str, Any] = {"tiles": self.layout.tiles, "wrap": self.layout.wrap, "noise_mode": noise_mode}
        return torch.cat([compose(self.G, self.walk(phase + later), self.masks, **options) for phase in u])


WRAPS = {"none": (False, False), "across": (False, True), "down": (True, False), "both": (True, True)}


def layout(tiles: tuple[int, int], wrap: str = "none") -> Layout:
    """(across, down) tiles and 'none', 'across', 'down' or 'both' for what repeats. Raises SettingsError."""
    if wrap not in WRAPS:
        raise SettingsError(unknown("wrap", wrap, WRAPS))
    return Layout((tiles[1], tiles[0]), WRAPS[wrap])


def grid(
    rows: int, columns: int, *, size: int = 64, soft: float = 0.5, wrap: tuple[bool, bool] = (False, False)
) -> Tensor:
    """Masks [rows * columns, h, w] of a grid, `size` places for each cell; `soft`: part of a cell over which
    neighbours cross, 0 for hard edges; wrap: whether the last meets the first."""
    if not 0 <= soft <= 1:
        raise SettingsError(f"soft is {soft!r}: give 0 (hard edges) to 1")
    down, across = (_bands(n, size, soft, on) for n, on in zip((rows, columns), wrap, strict=True))
    return torch.einsum("ah,bw->abhw", down, across).reshape(rows * columns, rows * size, columns * size)


def _bands(count: int, size: int, soft: float, wrap: bool) -> Tensor:
    """Where each of `count` neighbours rules along an axis, [count, count * size]."""
    place = (torch.arange(count * size) + 0.5) / size
    middle = torch.arange(count)[:, None] + 0.5
    away = (place - middle).abs()
    if wrap:
        away = torch.minimum(away, count - away)
    elif count > 1:
        # The outer cells reach to the edge at full strength.
        away = torch.where((place < 0.5) & (middle < 1), 0.0, away)
        away = torch.where((place > count - 0.5) & (middle > count - 1), 0.0, away)
    if count == 1:
        return torch.ones(1, size)
    t = ((0.5 + soft / 2 - away) / max(soft, 1e-6)).clamp(0, 1)
    return t * t * (3 - 2 * t) + 1e-9
