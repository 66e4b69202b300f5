"""Distances between two sets of features, float [N, D] each. Every result depends on the network of the features."""

from __future__ import annotations

import torch
from torch import Tensor

from latentart import seeds
from latentart.errors import SettingsError

SUBSETS, SUBSET = 100, 1000
NEIGHBOURS = 3
BLOCK = 2048
"""Rows of a matrix of distances at a time: 10,000 pictures take 160 MB."""


def kid(real: Tensor, fake: Tensor, *, subsets: int = SUBSETS, size: int = SUBSET, seed: int = 0) -> float:
    """Kernel inception distance (arXiv:1801.01401): mean of `subsets` unbiased MMD^2 of at most `size` features each.

    Subsets are drawn without replacement; sets that are no larger than `size` are taken whole, once. Values below 0
    are noise around 0. Raises SettingsError for fewer than 2 features.
    """
    real, fake = _checked(real, fake)
    count = min(size, len(real), len(fake))
    if count == len(real) == len(fake):
        return _mmd(real, fake)
    random = seeds.stream(seed)
    values = [
        _mmd(real[random.permutation(len(real))[:count]], fake[random.permutation(len(fake))[:count]])
        for _ in range(subsets)
    ]
    return sum(values) / len(values)


def _mmd(x: Tensor, y: Tensor) -> float:
    """Unbiased MMD^2 of [n, D] and [n, D] with the kernel (x.y / D + 1)^3."""
    n = len(x)
    xx, yy, xy = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    within = xx.sum() - xx.trace() + yy.sum() - yy.trace()
    return float(within / (n * (n - 1)) - 2 * xy.mean())


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return torch.pow(x @ y.T / x.shape[1] + 1, 3)


def fid(real: Tensor, fake: Tensor) -> float:
    """Frechet inception distance (arXiv:1706.08500) of the normal distributions with the sets' means and covariances.

    Biased upwards for few pictures: compare values of equal counts only. Raises SettingsError.
    """
    real, fake = _checked(real, fake)
    root = _root(real.T.cov())
    other = fake.T.cov()
    # The trace of (A B)^(1/2) is that of (A^(1/2) B A^(1/2))^(1/2), which is symmetric.
    both = torch.linalg.eigvalsh(root @ other @ root).clamp_min(0).sqrt().sum()
    means = (real.mean(0) - fake.mean(0)).square().sum()
    return float(means + real.T.cov().trace() + other.trace() - 2 * both)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root


def precision_recall(real: Tensor, fake: Tensor, k: int = NEIGHBOURS) -> tuple[float, float]:
    """Improved precision and recall (arXiv:1904.06991): shares of one set inside the other's balls.

    Each ball reaches from a picture's features to those of its k-th neighbour. Precision: samples that look like the
    data; recall: data that samples could be. Raises SettingsError for k features or fewer.
    """
    real, fake = _checked(real, fake, least=k + 1)
    return _inside(fake, real, k), _inside(real, fake, k)


def _inside(points: Tensor, centres: Tensor, k: int) -> float:
    radii = torch.cat([torch.cdist(part, centres).kthvalue(k + 1).values for part in torch.split(centres, BLOCK)])
    hits = [(torch.cdist(part, centres) <= radii).any(dim=1) for part in torch.split(points, BLOCK)]
    return float(torch.cat(hits).double().mean())


def _checked(real: Tensor, fake: Tensor, least: int = 2) -> tuple[Tensor, Tensor]:
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise SettingsError(f"features of shapes {tuple(real.shape)} and {tuple(fake.shape)}: give [N, D] twice")
    if min(len(real), len(fake)) < least:
        raise SettingsError(f"{len(real)} pictures and {len(fake)} samples: judging needs {least} or more of each")
    if not (torch.isfinite(real).all() and torch.isfinite(fake).all()):
        raise SettingsError("features hold NaN or infinity: the network's pictures do, too")
    return real.double().cpu(), fake.double().cpu()
