"""Shapes of tensors, checked, for the families whose networks are plain chains of layers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from latentart.errors import WeightsError

MOST_LAYERS = 64


def shape(tensors: Mapping[str, Tensor], name: str, dimensions: int, family: str) -> tuple[int, ...]:
    """The shape of one tensor, with its number of dimensions checked. Raises WeightsError."""
    if name not in tensors:
        raise WeightsError(f"no tensor {name!r}: not a whole {family} generator")
    found = tuple(tensors[name].shape)
    if len(found) != dimensions or 0 in found:
        raise WeightsError(f"tensor {name!r} has shape {list(found)}, {dimensions} dimensions are wanted")
    return found


def chain(tensors: Mapping[str, Tensor], family: str) -> list[tuple[int, ...]]:
    """Shapes of 'layers.0.weight', 'layers.1.weight' ... without a gap. Raises WeightsError."""
    found = sorted(int(m[1]) for n in tensors if (m := re.fullmatch(r"layers\.(\d{1,3})\.weight", n)))
    if found != list(range(len(found))) or len(found) > MOST_LAYERS:
        raise WeightsError(f"layers {found[:8]}: a {family} generator has 0, 1 ... without a gap")
    return [shape(tensors, f"layers.{i}.weight", 4, family) for i in found]


def shown(widths: list[int]) -> dict[str, Any]:
    """What `inspect` shows of a network that doubles from 4 x 4: channels by resolution."""
    return {"widths": {str(4 << i): width for i, width in enumerate(widths)}, "use_noise": False}
