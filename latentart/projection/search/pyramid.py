"""Pictures from the lower blocks of a skip generator: a search that starts small is several times faster.

Karras et al. 2020 (arXiv:1912.04958, section 4.1) sum a picture over resolutions, so every resolution has one.
It is not the downsampled full picture, only close to it: a search ends at full size.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from latentart.models.base import Generator
from latentart.models.stylegan2 import StyleGAN2


def sizes(G: Generator) -> list[int]:
    """Longer sides, in pixels, at which `render` can stop: only the full one where there is no pyramid."""
    if not isinstance(G, StyleGAN2) or G.config.architecture != "skip":
        return [G.img_resolution]
    return [max(G.config.block_size(i)) for i in range(len(G.config.widths))]


def nearest(G: Generator, size: int) -> int:
    """The smallest size of the pyramid that is not below `size`, the full one at most."""
    return next((s for s in sizes(G) if s >= size), G.img_resolution)


def render(G: Generator, ws: Tensor, size: int | None = None, noise: Mapping[str, Tensor] | None = None) -> Tensor:
    """ws [N, num_ws, w_dim] -> [N, C, h, w] whose longer side is `size` (one of `sizes`; None: the full one).

    Noise maps are the generator's own, but where `noise` replaces them.
    """
    if size is None or size >= G.img_resolution or not isinstance(G, StyleGAN2):
        img: Tensor = G.synthesis(ws, noise_mode="const", noise=noise)
        return img
    return _lower(G, ws, sizes(G).index(size) + 1, noise or {})


def _lower(G: StyleGAN2, ws: Tensor, count: int, noise: Mapping[str, Tensor]) -> Tensor:
    synthesis = G.synthesis
    maps = synthesis.noise_maps(len(ws), "const", noise)
    x = img = None
    row = 0
    for name, block in list(zip(synthesis.names, synthesis.blocks, strict=True))[:count]:
        rows = 1 if block.first else 2
        x = block.features(x, ws[:, row : row + rows], {k: maps.get(f"{name}.{k}") for k in ("conv0", "conv1")})
        row += rows
        img = block.picture(img, x, ws[:, row])
    assert img is not None
    return img
