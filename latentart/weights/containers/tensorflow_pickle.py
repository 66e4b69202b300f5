"""Reads the .pkl files of StyleGAN2 and StyleGAN2-ADA for TensorFlow; TensorFlow is not needed.

A file holds (G, D, Gs): networks with their keyword arguments, their parts, the source code that once built them
(never looked at here) and their variables.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from latentart.errors import WeightsError
from latentart.weights.checkpoint import Contents
from latentart.weights.pickle.inert_pickle import Budget, Record, Table, inert, refuse
from latentart.weights.pickle.inert_pickle import read as read_pickle
from latentart.weights.pickle.storage import Storage, StoredGroup, StoredTensor, rebuild
from latentart.weights.pickle.torch_file import TABLE, raw_bytes, window

SOURCE = "tensorflow-pickle"
NETWORK = "dnnlib.tflib.network.Network"
MOST_VARIABLES, LONGEST_NAME = 5000, 200
FIRST_VERSION = 4
"""Networks of lower version are StyleGAN1's."""


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a pickle of the TensorFlow era."""
    return head[:1] == b"\x80" and b"dnnlib.tflib" in head


def read(path: Path) -> Contents:
    """One group: 'Gs', the averaged generator (the last network). `stated` holds its keyword arguments. Raises
    WeightsError, RefusedError."""
    data = window(path)
    document, _ = read_pickle(data, 0, _TABLE, Budget())
    network = _generator(document)
    stored = _variables(network)
    if not stored:
        raise WeightsError("a pickle of the TensorFlow era whose generator Gs lists none of its variables")
    unknown = "the variables of its generator are not those of StyleGAN2"
    return Contents({"Gs": StoredGroup(stored, len(data))}, {"kwargs": _kwargs(network)}, unknown=unknown)


_TABLE: Table = {
    **TABLE,
    NETWORK: inert(NETWORK),
}


def _generator(document: object) -> Record:
    found = document[-1] if isinstance(document, (tuple, list)) and document else document
    if not isinstance(found, Record) or found.name != NETWORK or not isinstance(found.state, dict):
        raise WeightsError("a pickle of the TensorFlow era without a generator Gs")
    version = found.state.get("version")
    if type(version) is int and version < FIRST_VERSION:
        raise WeightsError("a StyleGAN1 (2018, progressive growing and AdaIN), which is another network: not supported")
    return found


def _parts(network: Record) -> dict[str, Record]:
    """The network itself under '', and its components."""
    found = network.state.get("components")
    components = found if isinstance(found, dict) else {}
    own = {k: v for k, v in components.items() if isinstance(v, Record) and isinstance(v.state, dict)}
    return {"": network, **{str(k)[:LONGEST_NAME]: v for k, v in own.items()}}


def _kwargs(network: Record) -> dict[str, Any]:
    """Keyword arguments of the network and its components."""
    found: dict[str, Any] = {}
    for part in _parts(network).values():
        kwargs = part.state.get("static_kwargs")
        found |= {str(k): v for k, v in kwargs.items()} if isinstance(kwargs, dict) else {}
    return found


def _variables(network: Record) -> dict[str, StoredTensor]:
    """Variables by name, those of components below the component's name."""
    found: dict[str, StoredTensor] = {}
    for prefix, part in _parts(network).items():
        listed = part.state.get("variables")
        for entry in listed if isinstance(listed, list) else []:
            match entry:
                case (str(name), Record("numpy.ndarray") | float() as value) if len(name) <= LONGEST_NAME:
                    full = f"{prefix}/{name}" if prefix else name
                case _:
                    refuse("a variable that is not a name and an array")
            if full in found or len(found) == MOST_VARIABLES:
                refuse(f"two variables named {full[:80]!r}, or more than {MOST_VARIABLES}")
            found[full] = _stored(value)
    return found


def _stored(value: Record | float) -> StoredTensor:
    """A numpy array as a view of its bytes, with every claim checked; TensorFlow gives single values as numbers."""
    if isinstance(value, float):
        return StoredTensor(Storage("<f8", 1, memoryview(struct.pack("<d", value))), 0, (), ())
    match value.state:
        case (
            _,
            tuple(shape),
            Record("numpy.dtype", (str(code), *_), (_, "<", *_)),
            fortran,
            memoryview() | str() as stored,
        ):
            raw = memoryview(raw_bytes(stored))
        case _:
            refuse("an array without a shape, a type and bytes")
    if code not in ("f4", "f2", "f8", "i4", "i8"):
        refuse(f"an array of type {code!r}")
    numel = len(raw) // int(code[1])
    storage = Storage(f"<{code}", numel)
    storage.fill(raw)
    return rebuild((storage, 0, shape, _strides(shape, fortran is True)))


def _strides(shape: tuple[Any, ...], fortran: bool) -> tuple[int, ...]:
    if not all(type(n) is int and 0 <= n < 2**40 for n in shape) or len(shape) > 8:
        refuse("an array of an impossible shape")
    strides, step = [], 1
    for n in shape if fortran else reversed(shape):
        strides.append(step)
        step = min(step * n, 2**47)
    return tuple(strides if fortran else reversed(strides))
