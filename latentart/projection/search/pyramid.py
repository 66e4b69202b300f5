"""Pictures from the lower blocks of a generator: a search that starts small is several times faster.

A small picture is not the downsampled full one, only close to it: a search ends at full size.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from latentart.models.base import Generator


def nearest(G: Generator, size: int) -> int:
    """The smallest of `G.sizes` that is not below `size`, the full one at most."""
    return next((s for s in G.sizes if s >= size), G.img_resolution)


def render(G: Generator, ws: Tensor, size: int | None = None, noise: Mapping[str, Tensor] | None = None) -> Tensor:
    """ws [N, num_ws, w_dim] -> [N, C, h, w] whose longer side is `size` (one of `G.sizes`; None: the full one).

    Noise maps are the generator's own, but where `noise` replaces them.
    """
    return G.lower(ws, min(size or G.img_resolution, G.img_resolution), noise)
