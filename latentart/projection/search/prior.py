"""Where a generator's own codes lie: the centre and radius of W, and the whitened space in which they are Gaussian.

Undoing the last leaky ReLU of the mapping network, p = leaky_relu(w, 5), gives codes that are close to normal
(Zhu et al. 2020, arXiv:2012.09036). Their principal components, scaled to variance 1, are the coordinates v.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import seeds
from latentart.models.base import Generator

SLOPE = 0.2
NARROWEST = 0.03
"""Components with less than this part of the largest deviation count as having it: nothing is divided by 0."""


@dataclass(frozen=True)
class Prior:
    """Statistics of w over many samples.

    w_avg [w_dim] mean; radius: root mean square distance from it; p_mean [w_dim], components [w_dim, w_dim] (rows),
    deviation [w_dim] describe p.
    """

    w_avg: Tensor
    radius: float
    p_mean: Tensor
    components: Tensor
    deviation: Tensor

    def whiten(self, w: Tensor) -> Tensor:
        """w [..., w_dim] -> v [..., w_dim], about standard normal for the generator's own codes."""
        p = F.leaky_relu(w, 1 / SLOPE)
        return (p - self.p_mean) @ self.components.T / self.deviation

    def colour(self, v: Tensor) -> Tensor:
        """Maps whitened codes back to w; the inverse of `whiten`."""
        return F.leaky_relu((v * self.deviation) @ self.components + self.p_mean, SLOPE)

    def norm(self, ws: Tensor) -> Tensor:
        """Mean of v squared, [N] for ws [N, rows, w_dim]: about 1 for the generator's own codes, more for strangers.

        The P-norm that keeps W+ editable, and the gauge of it.
        """
        return self.whiten(ws).square().mean(dim=(1, 2))

    def distance(self, ws: Tensor) -> Tensor:
        """Mean squared distance from `w_avg` in radii, [N] for ws [N, rows, w_dim]: about 1 for the generator's own.

        Unlike the P-norm it weighs directions by what they change: a walk between codes far apart in it is long.
        """
        return (ws - self.w_avg).square().sum(dim=2).mean(dim=1) / self.radius**2


def prior(G: Generator, samples: int = 20_000) -> Prior:
    """Statistics over seeded samples, all classes alike. Needs the mapping network only, a second or two."""
    # On the processor: not every device has double precision.
    w = sample_w(G, samples, 123).cpu().double()
    p = F.leaky_relu(w, 1 / SLOPE)
    mean = p.mean(dim=0)
    centred = p - mean
    variance, components = torch.linalg.eigh(centred.T @ centred / len(p))
    deviation = variance.clamp_min(0).sqrt()
    deviation = deviation.clamp_min(float(deviation.max()) * NARROWEST).clamp_min(1e-12)
    w_avg = w.mean(dim=0)
    radius = float((w - w_avg).square().sum(dim=1).mean().sqrt())
    parts = (x.float().contiguous().to(G.device) for x in (w_avg, mean, components.T, deviation))
    centre, p_mean, rows, spread = parts
    return Prior(centre, radius, p_mean, rows, spread)


def sample_w(G: Generator, count: int, *seed: int, batch: int = 1000) -> Tensor:
    """w of `count` samples of a seeded stream, [count, w_dim]; classes at random, each as often."""
    rng = seeds.stream(*seed)
    found = []
    for start in range(0, count, batch):
        n = min(batch, count - start)
        z = torch.from_numpy(rng.randn(n, G.z_dim)).float().to(G.device)
        c = None
        if G.c_dim:
            c = torch.from_numpy(np.eye(G.c_dim, dtype=np.float32)[rng.randint(G.c_dim, size=n)]).to(G.device)
        with torch.no_grad():
            found.append(G.mapping(z, c)[:, 0])
    return torch.cat(found)
