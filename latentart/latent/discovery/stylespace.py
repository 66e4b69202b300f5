"""StyleSpace: single style channels, ranked by how much of the picture they move (Wu et al. 2021, arXiv:2011.12799).

A channel is played as a bend, 'style=2@b16.conv1/37': two standard deviations more of style 37 of that layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import seeds
from latentart.latent import bending
from latentart.latent.axes import pca
from latentart.models.base import Generator

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Channel:
    """One style channel and what one standard deviation of it does."""

    layer: str
    number: int
    effect: float
    """Root mean square change of the pixels, -1 .. 1, averaged over pictures."""

    def bend(self, amount: str | float) -> str:
        """The text of the --bend option that plays this channel."""
        return f"{bending.STYLE}={amount}@{self.layer}/{self.number}"


def ranked(G: Generator, ws: Tensor, *, probes: int = 8, count: int = 40) -> list[Channel]:
    """The channels that change the pictures of ws [N, num_ws, w_dim] most, the strongest first.

    All channels are measured at once: the gradient of a random projection of the picture, squared and averaged over
    projections, is the squared length of each channel's own change (Hutchinson 1989).
    """
    scale = sigmas(G)
    squares: dict[str, Array] = {name: np.zeros(len(sigma)) for name, sigma in scale.items()}
    for number, w in enumerate(ws):
        for name, found in _squares(G, w[None], probes, number).items():
            squares[name] += found / len(ws)
    pixels = G.img_channels * G.img_size[0] * G.img_size[1]
    channels = [
        Channel(name, i, float(np.sqrt(value / pixels) * scale[name][i]))
        for name, values in squares.items()
        for i, value in enumerate(values)
    ]
    return sorted(channels, key=lambda channel: -channel.effect)[:count]


def sigmas(G: Generator) -> dict[str, Array]:
    """Standard deviation of every style, by layer."""
    matrices = {name: bending.style_matrix(G, name) for name in bending.layers(G)}
    every = pca.spread_along(G, np.concatenate(list(matrices.values())))
    ends = np.cumsum([len(matrix) for matrix in matrices.values()])
    return dict(zip(matrices, np.split(every, ends[:-1]), strict=True))


def _squares(G: Generator, ws: Tensor, probes: int, seed: int) -> dict[str, Array]:
    """Mean square of the gradient of random projections, by layer, [styles] each."""
    seen: dict[str, Tensor] = {}
    changes = [(f"{name}.affine", partial(_watched, seen, name)) for name in bending.layers(G)]
    rng = seeds.stream(seed)
    with torch.enable_grad(), bending.hooked(G, changes):
        img: Tensor = G.synthesis(ws.detach().clone(), noise_mode="const")
        total = {name: np.zeros(styles.shape[1]) for name, styles in seen.items()}
        for _ in range(probes):
            probe = torch.from_numpy(rng.standard_normal(tuple(img.shape))).to(img)
            found: Sequence[Tensor] = torch.autograd.grad((img * probe).sum(), list(seen.values()), retain_graph=True)
            for name, gradient in zip(seen, found, strict=True):
                total[name] += gradient[0].double().square().cpu().numpy() / probes
    return total


def _watched(seen: dict[str, Tensor], name: str, styles: Tensor) -> Tensor:
    """Styles as a leaf of the graph, remembered."""
    seen[name] = styles.detach().clone().requires_grad_()
    return seen[name]
