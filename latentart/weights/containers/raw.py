"""Plain numbers in files beside a JSON: what it claims is checked before anything is read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights import safe
from latentart.weights.pickle.inert_pickle import refuse
from latentart.weights.pickle.storage import MOST_DIMENSIONS

LARGEST_JSON = 32 << 20


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises WeightsError, RefusedError for one of more than 32 MiB."""
    if path.stat().st_size > LARGEST_JSON:
        refuse(f"{path.name!r} of {path.stat().st_size} bytes: a list of tensors needs less")
    return safe.parse_json(path.read_bytes(), f"file {path.name!r}")


def beside(folder: Path, name: object) -> Path:
    """A file of this folder. Raises RefusedError for a name that leads out of it or is no name."""
    if not isinstance(name, str) or not 0 < len(name) < 256 or any(c in name for c in "/\\\0:") or name in (".", ".."):
        refuse(f"a file called {str(name)[:80]!r}: only plain names of files beside the list are read")
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise WeightsError(f"the file {name!r} that it lists is missing beside it")
    return path


def check_shape(name: str, shape: object) -> tuple[int, ...]:
    """A shape from JSON as a tuple. Raises RefusedError for what is none."""
    if isinstance(shape, list) and len(shape) <= MOST_DIMENSIONS and all(map(_is_side, shape)):
        return tuple(shape)
    refuse(f"tensor {name[:80]!r} of shape {str(shape)[:80]}")


def numbers(name: str, data: memoryview, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """A copy of `data` as a tensor of that NumPy type. Raises WeightsError unless it has exactly the bytes it needs."""
    wanted = math.prod(shape) * np.dtype(dtype).itemsize
    if len(data) != wanted:
        raise WeightsError(f"tensor {name[:80]!r} of shape {list(shape)} needs {wanted} bytes and has {len(data)}")
    return torch.from_numpy(np.frombuffer(data, dtype).reshape(shape).copy())


def _is_side(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**40
