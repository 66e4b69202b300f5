"""What style is made of: how the channels of a network's activations go together once place is forgotten.

Mean and covariance of the activations are equivalent to their Gram matrix (Gatys et al. 2016, arXiv:1508.06576),
which is the covariance plus the mean's square. Two distances between such statistics are offered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

FLOOR = 1e-4
"""Added to variances, as a part of their mean: roots have no gradient at 0."""


@dataclass(frozen=True)
class Moments:
    """mean [C] and gram [C, C], the mean of x x^T, of activations."""

    mean: Tensor
    gram: Tensor

    @property
    def covariance(self) -> Tensor:
        """[C, C]."""
        return self.gram - torch.outer(self.mean, self.mean)


def moments(x: Tensor, mask: Tensor | None = None) -> Moments:
    """Of activations x [1, C, h, w]; mask [1, 1, H, W] in 0..1 weights the places that count (None: all alike)."""
    flat = x[0].flatten(1)
    if mask is None:
        return Moments(flat.mean(dim=1), flat @ flat.T / flat.shape[1])
    weight = F.interpolate(mask, size=x.shape[2:], mode="area").flatten()
    weight = weight / weight.sum().clamp_min(1e-6)
    seen = flat * weight
    return Moments(seen.sum(dim=1), seen @ flat.T)


def mix(parts: Sequence[Moments], shares: Sequence[float]) -> Moments:
    """The moments of a mixture; shares need not sum to 1."""
    total = sum(shares)
    mean = torch.stack([m.mean * (share / total) for m, share in zip(parts, shares, strict=True)]).sum(dim=0)
    gram = torch.stack([m.gram * (share / total) for m, share in zip(parts, shares, strict=True)]).sum(dim=0)
    return Moments(mean, gram)


class GramDistance:
    """Squared distance of Gram matrices as a part of the wanted one's square (Gatys et al. 2016)."""

    def __init__(self, wanted: Moments) -> None:
        self.gram = wanted.gram
        self.energy = wanted.gram.square().sum()

    def __call__(self, found: Moments) -> Tensor:
        """A number, 0 where the statistics agree."""
        apart: Tensor = (found.gram - self.gram).square().sum() / self.energy
        return apart


class WassersteinDistance:
    """Squared Wasserstein-2 distance between Gaussians of these moments, as a part of the wanted one's energy.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C2^1/2 C1 C2^1/2)^1/2): Olkin and Pukelsheim 1982; for style, Vacher et al. 2020
    (arXiv:2006.10457).
    """

    def __init__(self, wanted: Moments) -> None:
        self.mean = wanted.mean
        self.trace = wanted.covariance.trace()
        self.energy = wanted.gram.trace()
        values, vectors = torch.linalg.eigh(wanted.covariance.double())
        self.root = (vectors * values.clamp_min(0).sqrt() @ vectors.T).to(wanted.mean)

    def __call__(self, found: Moments) -> Tensor:
        """A number, 0 where the statistics agree."""
        covariance = found.covariance
        between = self.root @ covariance @ self.root
        # The trace of a root needs eigenvalues only, whose gradient is smooth even where some are alike.
        values = torch.linalg.eigvalsh((between + between.T) / 2).clamp_min(0)
        floor = FLOOR * self.trace.square() / len(values) ** 2
        spread = covariance.trace() + self.trace - 2 * ((values + floor).sqrt() - floor.sqrt()).sum()
        apart: Tensor = ((found.mean - self.mean).square().sum() + spread) / self.energy
        return apart


DISTANCES: dict[str, Callable[[Moments], Callable[[Moments], Tensor]]] = {
    "gram": GramDistance, "wasserstein": WassersteinDistance,
}  # fmt: skip
