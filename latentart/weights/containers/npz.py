"""NumPy archives: how variables of TensorFlow are often handed on. Names as they are, without TensorFlow's ':0'."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights import npy
from latentart.weights.checkpoint import Contents
from latentart.weights.pickle.storage import single

SOURCE = "npz"
_ZIP, _NPY = b"PK\x03\x04", b".npy"


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a zip whose first member is an array: torch's zips begin with a pickle."""
    return head.startswith(_ZIP) and _NPY in head[30 : 30 + int.from_bytes(head[26:28], "little")]


def read(path: Path) -> Contents:
    """One group, '': name -> tensor, floating ones as float32. Raises WeightsError; arrays of objects are refused."""
    try:
        return Contents({"": {name.removesuffix(":0"): tensor(array) for name, array in npy.read_npz(path).items()}})
    except npy.FAULTS as error:
        raise WeightsError(f"a NumPy archive that cannot be used: {' '.join(str(error).split())[:200]}") from error


def tensor(array: NDArray[np.generic]) -> Tensor:
    """The array as a tensor of its own memory. Raises ValueError for a type that no network has."""
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise ValueError(f"an array of type {array.dtype}, which no network has")
    return single(torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C")))
