"""Perceptual distance between pictures: LPIPS v0.1 (Zhang et al. 2018, arXiv:1801.03924)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

Embedding = tuple[Tensor, ...]
"""One tensor [N, C, h, w] per layer; the squared difference of two, summed over C and averaged over h, w, is LPIPS."""


class Network(Protocol):
    """What a perceptual distance looks through: a torch module from pictures to activations of the layers `taps`."""

    def __call__(self, img: Tensor, taps: Sequence[str]) -> list[Tensor]:
        """See `Trunk.forward`."""
        ...


class Lpips(torch.nn.Module):
    """LPIPS through `trunk`, with a weight per channel for each layer of `heads` (layer name -> [C], none negative).

    `name` is the network's name in results: distances through different networks cannot be compared.
    """

    def __init__(self, name: str, trunk: Network, heads: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.name = name
        self.trunk = trunk
        self.taps = tuple(heads)
        for tap, head in heads.items():
            self.register_buffer(f"root_{tap}", head.float().sqrt()[:, None, None])

    def embed(self, img: Tensor) -> Embedding:
        """img [N, C, H, W] in [-1, 1], C in 1, 3, 4 -> weighted unit vectors of each layer."""
        activations = self.trunk(img, self.taps)
        return tuple(_unit(x) * self.get_buffer(f"root_{t}") for t, x in zip(self.taps, activations, strict=True))

    def distance(self, a: Embedding, b: Embedding, mask: Tensor | None = None) -> Tensor:
        """LPIPS of each pair, [N]; `mask` [N or 1, 1, H, W] in 0..1 weights the places that count (None: all alike)."""
        return torch.stack([spatial_mean(_squares(x, y), mask) for x, y in zip(a, b, strict=True)]).sum(dim=0)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """LPIPS of pictures a and b, [N, C, H, W] in [-1, 1] -> [N]."""
        return self.distance(self.embed(a), self.embed(b))


def spatial_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """values [N, 1, h, w] -> mean over h, w where `mask` is not 0, [N]; an empty mask gives 0."""
    if mask is None:
        return values.mean(dim=(1, 2, 3))
    weight = F.interpolate(mask, size=values.shape[2:], mode="area")
    return (values * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3)).clamp_min(1e-6)


def _squares(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().sum(dim=1, keepdim=True)


def _unit(x: Tensor) -> Tensor:
    # The gradient of a norm is infinite at 0, where ReLU networks often are: so the square root sees 1e-20 more.
    return x / ((x.square().sum(dim=1, keepdim=True) + 1e-20).sqrt() + 1e-10)
