"""Folders of ml5 and deeplearn.js: manifest.json, and one file of raw float32 numbers for each variable.

The manifest is {name: {"filename": ..., "shape": [...]}}; numbers are little-endian, kernels stand as TensorFlow keeps
them, [height, width, in, out].
"""

from __future__ import annotations

import math
from pathlib import Path

from torch import Tensor

from latentart.errors import WeightsError
from latentart.files import regular
from latentart.weights.checkpoint import Contents
from latentart.weights.containers import raw
from latentart.weights.pickle.inert_pickle import refuse

SOURCE = "ml5 folder"
MANIFEST = "manifest.json"


def matches(path: Path, head: bytes) -> bool:
    """Whether it is such a folder, or the manifest in it."""
    return (path / MANIFEST).is_file() if path.is_dir() else path.name == MANIFEST


def read(path: Path) -> Contents:
    """One group, '': name -> tensor, as it stands there. Raises WeightsError, RefusedError."""
    folder = path if path.is_dir() else path.parent
    listed = raw.read_json(folder / MANIFEST)
    shapes = {name: _shape(name, entry) for name, entry in listed.items()}
    files = {name: raw.beside(folder, entry.get("filename")) for name, entry in listed.items()}
    if len(set(files.values())) < len(files):
        refuse("one file for several tensors")
    for name, shape in shapes.items():
        raw.check_size([files[name]], 4 * math.prod(shape), f"tensor {name[:80]!r} of shape {list(shape)}")
    raw.check_total(shapes.values())
    return Contents({"": {name: _variable(name, files[name], shape) for name, shape in shapes.items()}})


def _shape(name: str, entry: object) -> tuple[int, ...]:
    if not isinstance(entry, dict):
        raise WeightsError(f"{name[:80]!r} in {MANIFEST} is no object with a filename and a shape")
    return raw.check_shape(name, entry.get("shape"))


def _variable(name: str, file: Path, shape: tuple[int, ...]) -> Tensor:
    return raw.numbers(name, memoryview(regular.content(file, raw.MOST_BYTES)), "<f4", shape)
