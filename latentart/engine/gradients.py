"""Losses and their gradients, step after step: on CUDA forward and backward are one graph, recorded once.

    slopes = gradients.slopes(loss, variables, steps)   # loss: variables -> [N]
    losses, found = slopes(variables)                   # [N], gradients of their sum by the variables' names

On other devices this is autograd, called each time. So it is on CUDA where too few steps are to come for a recording to
pay, where the loss cannot be recorded because it waits for the device, and where the graph gives something else.

Precision is PyTorch's own: convolutions of float32 are rounded to TF32 by cuDNN, which points a step a little to the
side and makes it several times as fast; `benchmarks/gpu.py` measures both. Weights lie as their owner laid them:
`projection` lays them in planes on GPUs.

Tested on a fake of `torch.cuda`; run on an H100 (docs/engine.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latentart.engine import graph, stream
from latentart.engine.precision import searching
from latentart.engine.request import RouteError, log

Variables = Mapping[str, Tensor]
"""Name -> [N, ...], one row per picture."""
Loss = Callable[[dict[str, Tensor]], Tensor]
Taken = tuple[Tensor, dict[str, Tensor]]
"""Losses [N], and the gradient of their sum by each variable."""

WORTH = 30
"""Steps that are to come before a recording pays: it takes about as long as six."""
ALLOWED = 0.02
"""Largest relative difference between the graph and autograd, which rounds to TF32 in its own order."""


@dataclass(frozen=True)
class Slopes:
    """A way to take losses and gradients; choice names it: "autograd" or "cuda graph"."""

    choice: str
    take: Callable[[Variables], Taken]

    def __call__(self, variables: Variables) -> Taken:
        """Variables -> (losses [N], the gradient of their sum by each variable)."""
        return self.take(variables)


def slopes(loss: Loss, variables: Variables, steps: int) -> Slopes:
    """How to take losses and gradients for variables of these shapes, `steps` times.

    The loss must give for the same variables the same values each time. What it reads beside them may change in place
    and not be replaced, or a graph would not know of it.
    """
    plainly = plain(loss)
    device = next(iter(variables.values())).device
    if not stream.beside(device) or steps < WORTH:
        return plainly
    try:
        return _checked(recorded(loss, variables), plainly, variables)
    except RouteError as error:
        log.warning("gradients are taken step by step, which is slower: %s", error)
        return plainly


def plain(loss: Loss) -> Slopes:
    """Computes losses and gradients by autograd, without a recorded graph."""

    def take(variables: Variables) -> Taken:
        losses, *found = _taken(loss, variables)
        return losses, dict(zip(variables, found, strict=True))

    return Slopes("autograd", take)


def recorded(loss: Loss, variables: Variables) -> Slopes:
    """As one CUDA graph for variables of these shapes. Raises RouteError."""
    names = list(variables)

    def step(*values: Tensor) -> tuple[Tensor, ...]:
        return _taken(loss, dict(zip(names, values, strict=True)))

    with searching():
        whole = graph.capture(step, *variables.values())

    def take(variables: Variables) -> Taken:
        losses, *found = whole(*(variables[name].detach() for name in names))
        return losses, dict(zip(names, found, strict=True))

    return Slopes("cuda graph", take)


def _taken(loss: Loss, variables: Variables) -> tuple[Tensor, ...]:
    own = {name: value.detach().requires_grad_() for name, value in variables.items()}
    with torch.enable_grad():
        losses = loss(own)
        return losses.detach(), *torch.autograd.grad(losses.sum(), list(own.values()))


def _checked(made: Slopes, plainly: Slopes, variables: Variables) -> Slopes:
    """What was made, compared at other values than it was recorded with. Raises RouteError."""
    elsewhere = {name: value.detach() * 0.9 + 0.01 for name, value in variables.items()}
    (losses, found), (wanted, exact) = made(elsewhere), plainly(elsewhere)
    pairs = {"losses": (losses, wanted), **{name: (found[name], exact[name]) for name in exact}}
    for name, (got, right) in pairs.items():
        apart = float((got - right).norm() / right.norm().clamp_min(1e-30))
        if not apart <= ALLOWED:
            raise RouteError(f"the graph is {apart:.1e} off in {name}, {ALLOWED:.0e} is allowed")
    return made
