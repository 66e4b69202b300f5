"""Torch files: every dictionary of tensors in them, whatever it is called, loaded when it is used."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from latentart.weights.checkpoint import Contents, is_average
from latentart.weights.containers import npz
from latentart.weights.pickle.storage import StoredGroup, StoredTensor
from latentart.weights.pickle.torch_file import is_torch, open_torch

SOURCE = "torch"
DEEPEST, MOST_GROUPS = 3, 64
PREFERRED = ("G", "g", "netG", "generator", "state_dict")


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a torch file, in either container; NumPy's archives are zips, too."""
    return is_torch(head) and not npz.matches(path, head)


def read(path: Path) -> Contents:
    """Groups: '' for the file's own tensors, 'netG', 'model/state_dict'... for those inside. Raises WeightsError,
    RefusedError, also where tensors are first used.

    Averages over the training ('params_ema') come first, then the names that generators usually have.
    """
    size = path.stat().st_size
    groups = sorted(itertools.islice(_groups(open_torch(path), "", 0), MOST_GROUPS), key=lambda group: _rank(group[0]))
    return Contents({where: StoredGroup(tensors, size) for where, tensors in groups})


def _rank(where: str) -> tuple[bool, int]:
    top = where.partition("/")[0]
    return not is_average(where), PREFERRED.index(top) if top in PREFERRED else len(PREFERRED)


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
