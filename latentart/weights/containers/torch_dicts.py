"""Torch files: every dictionary of tensors in them, whatever it is called, loaded when it is used."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from latentart.weights.checkpoint import Contents, is_average
from latentart.weights.containers import npz, nvidia_pickle
from latentart.weights.pickle.inert_pickle import Record
from latentart.weights.pickle.storage import StoredGroup, StoredTensor
from latentart.weights.pickle.torch_file import is_torch, open_torch

SOURCE = "torch"
DEEPEST, MOST_GROUPS, MOST_SETTINGS = 3, 64, 256
PREFERRED = ("G", "g", "netG", "generator", "state_dict")


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a torch file, in either container; NumPy's archives are zips, too."""
    return is_torch(head) and not npz.matches(path, head)


def read(path: Path) -> Contents:
    """Groups: '' for the file's own tensors, 'netG', 'model/state_dict'... for those inside. Raises WeightsError,
    RefusedError, also where tensors are first used.

    Averages over the training ('params_ema') come first, then the names that generators usually have. Whole networks
    of NVIDIA's classes are read as in their own pickles.
    """
    size, document = path.stat().st_size, open_torch(path)
    if nvidia_pickle.holds_network(document):
        return nvidia_pickle.contents_of(document, size)
    groups = sorted(itertools.islice(_groups(document, "", 0), MOST_GROUPS), key=lambda group: _rank(group[0]))
    found = {where: StoredGroup(tensors, size) for where, tensors in groups}
    return Contents(found, settings=_settings(document))


def _settings(document: object) -> dict[str, dict[str, Any]]:
    """Place -> numbers and texts of the dictionaries and records in a file, the outer ones first."""
    found: dict[str, dict[str, Any]] = {}
    waiting = deque([("", document)])
    # One dictionary may stand in a file a million times: a few are looked at, and the beginning of each.
    for _ in range(MOST_GROUPS):
        if not waiting:
            break
        where, value = waiting.popleft()
        items = list(itertools.islice(_items(value), MOST_SETTINGS))
        found[where] = {name: each for name, each in items if isinstance(each, (bool, int, float, str))}
        inner = [
            (f"{where}/{name}" if where else name, each) for name, each in items if isinstance(each, (dict, Record))
        ]
        waiting.extend(inner[:MOST_GROUPS])
    return {where: own for where, own in found.items() if own}


def _items(value: object) -> Iterator[tuple[str, Any]]:
    state = value.state if isinstance(value, Record) else value
    return ((k, v) for k, v in state.items() if isinstance(k, str)) if isinstance(state, dict) else iter(())


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
