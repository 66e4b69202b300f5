"""Folders of ml5 and deeplearn.js: manifest.json, and one file of raw float32 numbers for each variable.

The manifest is {name: {"filename": ..., "shape": [...]}}; numbers are little-endian, kernels stand as TensorFlow keeps
them, [height, width, in, out].
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights.checkpoint import Contents
from latentart.weights.containers import raw

SOURCE = "ml5 folder"
MANIFEST = "manifest.json"


def matches(path: Path, head: bytes) -> bool:
    """Whether it is such a folder, or the manifest in it."""
    return (path / MANIFEST).is_file() if path.is_dir() else path.name == MANIFEST


def read(path: Path) -> Contents:
    """One group, '': name -> tensor, as it stands there. Raises WeightsError, RefusedError."""
    folder = path if path.is_dir() else path.parent
    listed = raw.read_json(folder / MANIFEST)
    return Contents({"": {name: _variable(folder, name, entry) for name, entry in listed.items()}})


def _variable(folder: Path, name: str, entry: object) -> Tensor:
    if not isinstance(entry, dict):
        raise WeightsError(f"{name[:80]!r} in {MANIFEST} is no object with a filename and a shape")
    shape = raw.check_shape(name, entry.get("shape"))
    path = raw.beside(folder, entry.get("filename"))
    return raw.numbers(name, memoryview(path.read_bytes()), "<f4", shape)
