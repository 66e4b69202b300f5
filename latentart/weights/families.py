"""The families of generators: each is a module here that knows what its tensors say and what they leave out."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

from torch import Tensor

from latentart import folder, weights
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.stylegan2 import Parts


class Family(Protocol):
    """A module of this folder that describes one family."""

    FAMILY: str

    def complete(self, tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
        """Tensors and config with nothing left out. Raises WeightsError."""
        ...

    def facts_shown(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """What `inspect` shows beside the config: resolution [height, width], num_ws, widths by layer."""
        ...


def families() -> dict[str, Family]:
    """Name -> module, of those that have `complete`."""
    found = [importlib.import_module(f"{weights.__name__}.{m}") for m in folder.modules(weights.__path__)]
    return {m.FAMILY: cast(Family, m) for m in found if hasattr(m, "complete") and hasattr(m, "FAMILY")}


def recognised(tensors: Mapping[str, Tensor]) -> str | None:
    """The family that these tensors in its own names belong to, for families whose names are unlike any other's."""
    return next((n for n, family in families().items() if getattr(family, "FIRST_TENSOR", None) in tensors), None)


def complete(family: str, tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """What the family of that name makes of the tensors. Raises WeightsError."""
    return families()[family].complete(tensors, stated)
