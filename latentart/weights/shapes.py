"""Tensors by name, and shapes checked: what families need to read the files of their networks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights.pickle.storage import StoredGroup

MOST_LAYERS = 64
LARGEST_NUMBER = 1e12
LARGEST_SIDE = 8192
"""Pixels of a generator's picture: a file of a few kB can claim any number of doublings."""


def has(tensors: Mapping[str, Tensor], first: str) -> bool:
    """Whether a tensor is called `first`, under any prefix: 'decoder.input.input' for 'input.input'."""
    return any(name == first or name.endswith(f".{first}") for name in tensors)


def below(tensors: Mapping[str, Tensor], first: str) -> Mapping[str, Tensor]:
    """The tensors that have the shortest prefix of `first`, without it; none is loaded for that."""
    prefixes = [name.removesuffix(first) for name in tensors if name == first or name.endswith(f".{first}")]
    prefix = min(prefixes, key=len, default="")
    return renamed(tensors, lambda name: name.removeprefix(prefix) if name.startswith(prefix) else None)


def renamed(tensors: Mapping[str, Tensor], new: Callable[[str], str | None]) -> Mapping[str, Tensor]:
    """The tensors whose new name is not None, under it; those that are left out need not be loaded."""
    if isinstance(tensors, StoredGroup):
        return tensors.renamed(new)
    pairs = ((new(name), tensor) for name, tensor in tensors.items())
    return {name: tensor for name, tensor in pairs if name is not None}


def shape(tensors: Mapping[str, Tensor], name: str, dimensions: int, family: str) -> tuple[int, ...]:
    """The shape of one tensor, with its number of dimensions checked. Raises WeightsError."""
    if name not in tensors:
        raise WeightsError(f"no tensor {name!r}: not a complete {family} generator")
    found = tuple(tensors[name].shape)
    if len(found) != dimensions or 0 in found:
        raise WeightsError(f"tensor {name!r} has shape {list(found)}, {dimensions} dimensions are wanted")
    return found


def check_side(side: int, family: str) -> int:
    """Returns a picture's side in pixels, or raises WeightsError for one that no memory holds."""
    if side > LARGEST_SIDE:
        raise WeightsError(f"pictures of {side} pixels a side: a {family} here draws at most {LARGEST_SIDE}")
    return side


def chain(tensors: Mapping[str, Tensor], family: str) -> list[tuple[int, ...]]:
    """Shapes of 'layers.0.weight', 'layers.1.weight' ... without a gap. Raises WeightsError."""
    found = sorted(int(m[1]) for n in tensors if (m := re.fullmatch(r"layers\.(\d{1,3})\.weight", n)))
    if found != list(range(len(found))) or len(found) > MOST_LAYERS:
        raise WeightsError(f"layers {found[:8]}: a {family} generator has 0, 1 ... without a gap")
    return [shape(tensors, f"layers.{i}.weight", 4, family) for i in found]


def shown(widths: list[int]) -> dict[str, Any]:
    """What `inspect` shows of a network that doubles from 4 x 4: channels by resolution."""
    return {"widths": {str(4 << i): width for i, width in enumerate(widths)}, "use_noise": False}
