"""The published schedule of StyleGAN2's projector, for comparison (Karras et al. 2020, arXiv:1912.04958, appendix D).

Written from its description: one w for all layers and all noise maps; Adam at 0.1, raised over 5 % of the steps and
lowered over the last 25 %; noise on w that fades over the first 75 %; noise maps kept free of correlation. The
last step is the result, and its noise maps are thrown away: pictures are rendered with the generator's own.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from latentart import seeds
from latentart.models.base import Generator
from latentart.projection.search.loss import Likeness
from latentart.projection.search.noise import correlation, normalise
from latentart.projection.search.optimize import Schedule, Variables, _Adam
from latentart.projection.search.prior import Prior

STEPS = 1000
RATE = 0.1
EXPLORATION = 0.05
EXPLORATION_END = 0.75
NOISE_WEIGHT = 1e5


def published(
    G: Generator, likeness: Likeness, prior: Prior, *, seed: int = 0, steps: int | None = None,
    watch: Callable[[int, Tensor], None] | None = None,
) -> Tensor:  # fmt: skip
    """ws [N, num_ws, w_dim] of the last step; watch(step, ws) is called before each step.

    likeness: distance to the N targets without a pixel term, as published.
    """
    steps = steps or STEPS
    rng = torch.Generator().manual_seed(seed)
    count = len(likeness.target)
    variables: Variables = {"w": prior.w_avg.expand(count, 1, -1).clone()}
    for name, values in seeds.noise(G.noise_shapes, seed).items():
        variables[name] = torch.from_numpy(values).to(G.device).expand(count, 1, -1, -1).clone()
    walker = _Adam(variables, Schedule(steps, dict.fromkeys(variables, RATE)))
    for step in range(steps):
        t = step / steps
        if watch:
            watch(step, walker.variables["w"].expand(-1, G.num_ws, -1))
        spread = prior.radius * EXPLORATION * max(0.0, 1 - t / EXPLORATION_END) ** 2
        # The same for every picture, so that a batch gives what single pictures give.
        away = spread * torch.randn(1, 1, G.w_dim, generator=rng).to(prior.w_avg)
        walker.step(_gradients(G, likeness, walker.variables, away), walker.schedule.factor(t))
        with torch.no_grad():
            normalise({name: value for name, value in walker.variables.items() if name != "w"})
    return walker.variables["w"].expand(-1, G.num_ws, -1)


def _gradients(G: Generator, likeness: Likeness, variables: Variables, away: Tensor) -> Variables:
    own = {name: value.detach().requires_grad_() for name, value in variables.items()}
    maps = {name: value for name, value in own.items() if name != "w"}
    img = G.synthesis((own["w"] + away).expand(-1, G.num_ws, -1), noise_mode="const", noise=maps)
    loss = likeness.perceptual(img) + NOISE_WEIGHT * correlation(maps)
    return dict(zip(own, torch.autograd.grad(loss.sum(), list(own.values())), strict=True))
