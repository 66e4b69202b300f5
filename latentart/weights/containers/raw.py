"""Plain numbers in files beside a JSON: what it claims is checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.files import regular
from latentart.weights import safe
from latentart.weights.pickle.inert_pickle import refuse
from latentart.weights.pickle.storage import MOST_DIMENSIONS

LARGEST_JSON = 8 << 20
MOST_BYTES = 512 << 20
"""Of all tensors as float32: networks for browsers are smaller."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises WeightsError, OSError for no file or one of more than 8 MiB."""
    return safe.parse_json(regular.content(path, LARGEST_JSON), f"file {path.name!r}")


def beside(folder: Path, name: object) -> Path:
    """A file of this folder. Raises RefusedError for a name that leads out of it or is no name."""
    if not isinstance(name, str) or not 0 < len(name) < 256 or any(c in name for c in "/\\\0:") or name in (".", ".."):
        refuse(f"a file called {str(name)[:80]!r}: only plain names of files beside the list are read")
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise WeightsError(f"the file {name!r} that it lists is missing beside it")
    return path


def check_total(shapes: Iterable[tuple[int, ...]]) -> None:
    """Raises RefusedError for tensors that would take more than MOST_BYTES together."""
    total = sum(4 * math.prod(shape) for shape in shapes)
    if total > MOST_BYTES:
        refuse(f"tensors of {total} bytes together: networks of this kind have at most {MOST_BYTES}")


def check_size(files: Sequence[Path], wanted: int, what: str) -> None:
    """Raises WeightsError unless the files have as many bytes as their tensors need; nothing is read for it."""
    found = sum(map(regular.check, files))
    if found != wanted:
        raise WeightsError(f"{what[:80]} needs {wanted} bytes and has {found} (download it again)")


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
