"""Gradient descent on many pictures at once, where no picture feels that it is in a batch.

Each picture has its own loss, its own best step and its own end; those that are done leave the batch.
Adam is Kingma and Ba 2015 (arXiv:1412.6980), written per picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from latentart.engine import gradients

Variables = dict[str, Tensor]
"""What is being searched: name -> [N, ...], one row per picture."""


class Objective(Protocol):
    """A loss that gradient descent minimizes."""

    def loss(self, variables: Variables) -> Tensor:
        """The loss of each picture, [N]."""
        ...

    def settle(self, variables: Variables) -> None:
        """Called after each step, without gradients: puts variables back where they may be."""
        ...

    def select(self, keep: Tensor) -> Objective:
        """The same for some of the pictures."""
        ...


@dataclass(frozen=True)
class Schedule:
    """How long and how boldly: rates by variable, rising over `warm_up` of the steps, falling over `cool_down`.

    A picture whose best loss fell by less than `plateau` (a ratio) in `patience` steps is done. at_once: pictures
    whose gradients are taken together, 0 for all; it changes time and memory, not results.
    """

    steps: int
    rates: Mapping[str, float]
    warm_up: float = 0.05
    cool_down: float = 0.25
    patience: int = 0
    plateau: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    at_once: int = 0

    def factor(self, progress: float) -> float:
        """Learning rate at `progress` 0..1 as a part of the full one: line up, plateau, half a cosine down."""
        up = min(1.0, progress / self.warm_up) if self.warm_up else 1.0
        down = min(1.0, (1 - progress) / self.cool_down) if self.cool_down else 1.0
        return up * (0.5 - 0.5 * math.cos(math.pi * down))


Watcher = Callable[[int, Tensor, Variables], None]
"""Called after each step with (step, best losses so far [N], the variables of the best steps [N, ...])."""


def descend(
    objective: Objective, start: Variables, schedule: Schedule, watch: Watcher | None = None
) -> tuple[Variables, Tensor]:
    """(the best variables seen, their losses [N]) after gradient descent from `start`."""
    best = {name: value.detach().clone() for name, value in start.items()}
    count = len(next(iter(best.values())))
    best_loss = torch.full([count], math.inf, device=next(iter(best.values())).device)
    active = torch.arange(count, device=best_loss.device)
    walker = _Adam({name: value.clone() for name, value in best.items()}, schedule)
    parts = _parts(objective, count, schedule.at_once)
    slopes = _slopes(parts, walker.variables, schedule.steps)
    history: list[Tensor] = []
    for step in range(schedule.steps):
        loss, found = slopes(walker.variables)
        _keep_best(best, best_loss, active, walker.variables, loss)
        if watch:
            watch(step, best_loss, best)
        walker.step(found, schedule.factor((step + 0.5) / schedule.steps))
        objective.settle(walker.variables)
        history.append(best_loss.clone())
        keep = _unfinished(history, active, schedule)
        if keep is not None:
            if not len(keep):
                return best, best_loss
            active, objective = active[keep], objective.select(keep)
            parts = _parts(objective, len(keep), schedule.at_once)
            walker.select(keep)
            slopes = _slopes(parts, walker.variables, schedule.steps - step - 1)
    with torch.no_grad():
        last = torch.cat([part.loss(_rows(walker.variables, rows)) for rows, part in parts])
        _keep_best(best, best_loss, active, walker.variables, last)
    return best, best_loss


Part = tuple[Tensor | None, Objective]
"""Which rows, None for all, and the objective of these."""


def _parts(objective: Objective, count: int, at_once: int) -> list[Part]:
    if not at_once or count <= at_once:
        return [(None, objective)]
    groups = (torch.arange(i, min(count, i + at_once)) for i in range(0, count, at_once))
    return [(rows, objective.select(rows)) for rows in groups]


def _rows(variables: Variables, rows: Tensor | None) -> Variables:
    return variables if rows is None else {name: value[rows] for name, value in variables.items()}


def _slopes(parts: list[Part], variables: Variables, steps: int) -> gradients.Slopes:
    """How (losses [N], their gradients) are taken from now on, some pictures after the others."""
    if len(parts) == 1:
        return gradients.slopes(parts[0][1].loss, variables, steps)

    def take(variables: gradients.Variables) -> gradients.Taken:
        taken = [gradients.plain(part.loss)(_rows(dict(variables), rows)) for rows, part in parts]
        found = {name: torch.cat([slope[name] for _, slope in taken]) for name in variables}
        return torch.cat([losses for losses, _ in taken]), found

    return gradients.Slopes("autograd", take)


def _keep_best(best: Variables, best_loss: Tensor, active: Tensor, now: Variables, loss: Tensor) -> None:
    better = loss < best_loss[active]
    rows = active[better]
    best_loss[rows] = loss[better]
    for name, value in now.items():
        best[name][rows] = value.detach()[better]


def _unfinished(history: list[Tensor], active: Tensor, schedule: Schedule) -> Tensor | None:
    """Which of the active pictures go on; None when all do."""
    if not schedule.patience or len(history) <= schedule.patience:
        return None
    # Looking costs a wait for the device, so not at every step.
    if len(history) % max(1, schedule.patience // 4):
        return None
    before, now = history[-1 - schedule.patience][active], history[-1][active]
    moving = now < before * (1 - schedule.plateau)
    return None if bool(moving.all()) else moving.nonzero().flatten()


class _Adam:
    """Adam whose moments can lose rows with the variables."""

    def __init__(self, variables: Variables, schedule: Schedule) -> None:
        self.variables = variables
        self.schedule = schedule
        self.first = {name: torch.zeros_like(value) for name, value in variables.items()}
        self.second = {name: torch.zeros_like(value) for name, value in variables.items()}
        self.count = 0

    def step(self, gradients: Variables, factor: float) -> None:
        self.count += 1
        beta1, beta2 = self.schedule.betas
        with torch.no_grad():
            for name, gradient in gradients.items():
                self.first[name].lerp_(gradient, 1 - beta1)
                self.second[name].lerp_(gradient.square(), 1 - beta2)
                size = (self.second[name] / (1 - beta2**self.count)).sqrt_().add_(1e-8)
                rate = self.schedule.rates[name] * factor / (1 - beta1**self.count)
                self.variables[name].addcdiv_(self.first[name], size, value=-rate)

    def select(self, keep: Tensor) -> None:
        for kept in (self.first, self.second):
            kept.update({name: value[keep] for name, value in kept.items()})
        self.variables = {name: value[keep] for name, value in self.variables.items()}
