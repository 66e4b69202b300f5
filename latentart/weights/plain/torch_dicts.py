"""Torch files: every dictionary of tensors in them, whatever it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from latentart.weights.plain import npz
from latentart.weights.storage import StoredTensor, load
from latentart.weights.torch_file import is_average, is_torch, open_torch

SOURCE = "torch"
DEEPEST, MOST_GROUPS = 3, 64


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a torch file, in either container; NumPy's archives are zips, too."""
    return is_torch(head) and not npz.matches(path, head)


def read(path: Path) -> dict[str, dict[str, Tensor]]:
    """'' for the file's own tensors, 'netG', 'model/state_dict'... for those inside -> name -> tensor.

    Those that are averages over the training ('params_ema') come first: of two sets of weights they are the better.

    Raises WeightsError, RefusedError.
    """
    size = path.stat().st_size
    groups = dict(sorted(_groups(open_torch(path), "", 0), key=lambda group: not is_average(group[0])))
    return {where: load(tensors, size) for where, tensors in groups.items()}


def _groups(document: object, where: str, depth: int) -> Iterator[tuple[str, dict[str, StoredTensor]]]:
    """Dictionaries with tensors in them, the outer ones first."""
    if not isinstance(document, dict) or depth > DEEPEST:
        return
    own = {str(name).removeprefix("module."): t for name, t in document.items() if isinstance(t, StoredTensor)}
    if own:
        yield where, own
    for name, inner in list(_named(document))[:MOST_GROUPS]:
        yield from _groups(inner, f"{where}/{name}" if where else name, depth + 1)


def _named(document: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, inner) for name, inner in document.items() if isinstance(name, str) and isinstance(inner, dict))
