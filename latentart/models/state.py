"""From a checkpoint to a model: its config as the family's `Config`, its tensors by name into the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from torch import Tensor

from latentart.errors import WeightsError
from latentart.models.base import Generator
from latentart.weights.checkpoint import Checkpoint, Parts

C = TypeVar("C")
Complete = Callable[[Mapping[str, Tensor], Mapping[str, Any]], Parts]


def whole(checkpoint: Checkpoint, kind: type[Any], complete: Complete) -> Checkpoint:
    """A checkpoint with every field of the config class `kind`: what was opened has them all, what was put together
    by hand is completed here. Raises WeightsError."""
    if all(field.name in checkpoint.config for field in fields(kind)):
        return checkpoint
    parts = complete(checkpoint.tensors, checkpoint.config)
    return replace(checkpoint, tensors=parts.tensors, config=parts.config)


def config_of(kind: type[C], stated: Mapping[str, Any]) -> C:
    """The config class filled from a checkpoint's config, lists as tuples; what is no field of it is left out."""
    return kind(**{field.name: _frozen(stated[field.name]) for field in fields(kind)})  # type: ignore[arg-type]


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


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
