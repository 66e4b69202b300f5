"""Pivotal tuning (Roich et al. 2021, arXiv:2106.05744) with a change of few numbers.

The code is held still and the generator is bent toward one picture. What is kept is not a generator but a
low-rank change of its convolutions (Hu et al. 2021, arXiv:2106.09685): a megabyte instead of a hundred.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from latentart.errors import SettingsError
from latentart.models.base import Generator
from latentart.projection.search.loss import Likeness
from latentart.projection.search.optimize import Schedule, Watcher

RANK = 16
RATE = 1e-2

Delta = dict[str, Tensor]
"""'<weight>.left' [outputs, rank] and '<weight>.right' [rank, inputs * kernel], or '<bias>' as it is to be added."""


def tunable(G: Generator) -> dict[str, Tensor]:
    """The synthesis weights that may change: convolutions and biases, not the styles' affine layers."""
    found = dict(G.synthesis.named_parameters())
    wanted: dict[str, Tensor] = {n: p for n, p in found.items() if ".affine." not in n and p.ndim in (1, 4)}
    if not wanted:
        raise SettingsError(f"{G.name!r} is a {G.family} model without convolutions to tune: leave out --tune")
    return wanted


def tune(
    G: Generator, ws: Tensor, likeness: Likeness, schedule: Schedule, *, noise: Mapping[str, Tensor] | None = None,
    rank: int = RANK, seed: int = 0, watch: Watcher | None = None,
) -> tuple[Delta, float]:  # fmt: skip
    """(the best change found, its loss) for one picture; ws [1, num_ws, w_dim], noise [1, 1, H, W] by layer.

    watch is called after each step, without variables.
    """
    weights = tunable(G)
    delta = {name: value.requires_grad_() for name, value in start(weights, rank, seed).items()}
    optimizer = torch.optim.Adam(delta.values(), lr=RATE)
    best: tuple[Delta, float] = (_copy(delta), float("inf"))
    recent: list[float] = []
    for step in range(schedule.steps):
        img = functional_call(G.synthesis, apply(weights, delta), (ws,), {"noise_mode": "const", "noise": noise})
        loss = likeness(img).sum()
        if float(loss.detach()) < best[1]:
            best = (_copy(delta), float(loss.detach()))
        if watch:
            watch(step, loss.new_tensor([best[1]]), {})
        recent.append(best[1])
        if schedule.patience and step >= schedule.patience:
            if recent[-1] > recent[-1 - schedule.patience] * (1 - schedule.plateau):
                break
        _step(optimizer, loss, RATE * schedule.factor((step + 0.5) / schedule.steps))
    return best


def start(weights: Mapping[str, Tensor], rank: int, seed: int) -> Delta:
    """No change yet: left is 0, right is random, so that the first step already moves left."""
    rng = torch.Generator().manual_seed(seed)
    delta = {}
    for name, weight in weights.items():
        if weight.ndim == 1:
            delta[name] = torch.zeros_like(weight)
            continue
        outputs, inputs = weight.shape[0], weight[0].numel()
        r = min(rank, outputs, inputs)
        right = torch.randn(r, inputs, generator=rng).to(weight)
        delta[f"{name}.left"], delta[f"{name}.right"] = torch.zeros(outputs, r).to(weight), right * r**-0.5
    return delta


def apply(weights: Mapping[str, Tensor], delta: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The changed weights by name, those without a change left out."""
    changed = {}
    for name, weight in weights.items():
        if f"{name}.left" in delta:
            changed[name] = weight + (delta[f"{name}.left"] @ delta[f"{name}.right"]).view_as(weight)
        elif name in delta:
            changed[name] = weight + delta[name]
    return changed


def tuned(G: Generator, delta: Mapping[str, Tensor], strength: float = 1.0) -> Generator:
    """A copy of G with the change applied; `strength` 0..1 goes from the generator to the tuned one."""
    bent = copy.deepcopy(G)
    weights = dict(bent.synthesis.named_parameters())
    on_device = {name: value.to(G.device) for name, value in delta.items()}
    with torch.no_grad():
        for name, changed in apply(weights, on_device).items():
            weights[name].lerp_(changed, strength)
    return bent


def _step(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _copy(delta: Mapping[str, Tensor]) -> Delta:
    return {name: value.detach().clone() for name, value in delta.items()}
