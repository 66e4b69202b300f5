"""Tensors by name into a model whose shape is already known."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from latentart.errors import WeightsError
from latentart.models.base import Generator


def fill(G: Generator, state: Mapping[str, Tensor]) -> None:
    """Gives a generator made on the meta device its float32 weights, without gradients, in eval mode.

    Raises WeightsError, naming them, when tensors are missing, left over or of another shape.
    """
    state = {name: t.float() for name, t in state.items()}
    check_names(state, G)
    G.load_state_dict(state, assign=True)
    G.requires_grad_(False).eval()


def check_names(state: Mapping[str, Tensor], G: Generator) -> None:
    """Raises WeightsError, naming them, when tensors are missing, left over or of another shape."""
    wanted = G.state_dict()
    faults = [f"{n} is missing" for n in wanted if n not in state]
    faults += [f"{n} is not part of a {G.family} generator" for n in state if n not in wanted]
    faults += [
        f"{n} has shape {list(state[n].shape)}, expected {list(t.shape)}"
        for n, t in wanted.items()
        if n in state and state[n].shape != t.shape
    ]
    if faults:
        more = f" (and {len(faults) - 4} more)" if len(faults) > 4 else ""
        raise WeightsError("the tensors do not fit together: " + "; ".join(faults[:4]) + more)
