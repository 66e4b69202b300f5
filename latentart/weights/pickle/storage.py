"""Tensors of pickled files, checked before a single number is read: a claim larger than its bytes is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights.pickle.inert_pickle import Name, refuse

MOST_DIMENSIONS = 8

_DTYPES = {
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "DoubleStorage": "<f8",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
    "UntypedStorage": "|u1",
}
STORAGE_NAMES = {
    *(f"{module}.{name}" for name in _DTYPES for module in ("torch", "torch.cuda")),
    "torch.storage.UntypedStorage",
}


@dataclass
class Storage:
    """Numbers of one type in a row: `data` is a window on the file, filled in when its place is known."""

    dtype: str
    numel: int
    data: memoryview | None = None

    @property
    def itemsize(self) -> int:
        return 2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize

    def fill(self, data: memoryview) -> None:
        """Gives the storage its bytes; refuses fewer than it claims."""
        if len(data) < self.numel * self.itemsize:
            refuse(f"a storage that claims {self.numel * self.itemsize} bytes and has {len(data)}")
        self.data = data[: self.numel * self.itemsize]


@dataclass(frozen=True)
class StoredTensor:
    """A view of a storage: nothing is read before `load`."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.storage.itemsize

    def load(self) -> Tensor:
        """A copy on the CPU; every floating type becomes float32."""
        if self.storage.data is None:
            refuse("a tensor without bytes")
        if math.prod(self.shape) == 0:
            return torch.zeros(self.shape)
        size, half = self.storage.itemsize, self.storage.dtype == "bfloat16"
        view = np.ndarray(
            self.shape,
            np.dtype("<u2" if half else self.storage.dtype),
            buffer=self.storage.data,
            offset=self.offset * size,
            strides=[s * size for s in self.stride],
        )
        tensor = torch.from_numpy(np.array(view, order="C"))
        return single(tensor.view(torch.bfloat16) if half else tensor)


def single(tensor: Tensor) -> Tensor:
    """Floating tensors as float32: what models compute in, whatever the file was stored in."""
    return tensor.to(torch.float32) if tensor.is_floating_point() else tensor


def storage(identity: tuple[Any, ...]) -> tuple[Storage, str]:
    """(storage without bytes, its key) from torch's persistent id ('storage', type, key, place, numel, view?)."""
    match identity:
        case ("storage", Name(name), str(key), str(), int(numel)) | (
            "storage", Name(name), str(key), str(), int(numel), None
        ) if name in STORAGE_NAMES and _is_count(numel):  # fmt: skip
            return Storage(_DTYPES[name.rpartition(".")[2]], numel), key
    refuse("a storage of a kind this reader does not know")


def rebuild(args: tuple[Any, ...]) -> StoredTensor:
    """Stands for `torch._utils._rebuild_tensor_v2(storage, offset, shape, stride, ...)`, with every claim checked."""
    match args:
        case (Storage() as stored, int(offset), tuple(shape), tuple(stride), *_):
            pass
        case _:
            refuse("a tensor made from something that is not a storage")
    if len(shape) != len(stride) or len(shape) > MOST_DIMENSIONS or not all(map(_is_count, (offset, *shape, *stride))):
        refuse(f"a tensor of shape {_brief(shape)}, strides {_brief(stride)}, offset {_brief((offset,))}")
    numel = math.prod(shape)
    last = offset + sum((n - 1) * s for n, s in zip(shape, stride, strict=True))
    if numel > stored.numel or (numel > 0 and last >= stored.numel):
        refuse(f"a tensor of shape {_brief(shape)}, strides {_brief(stride)} on a storage of {stored.numel} values")
    return StoredTensor(stored, offset, shape, stride)


def load(tensors: Mapping[str, StoredTensor], file_size: int) -> dict[str, Tensor]:
    """All of them in memory; refuses tensors that share bytes until they add up to more than the file has."""
    total = sum(t.nbytes for t in tensors.values())
    if total > file_size:
        refuse(f"tensors of {total} bytes together in a file of {file_size}")
    try:
        return {name: t.load() for name, t in tensors.items()}
    except ValueError as error:
        raise WeightsError(f"a tensor that its own bytes contradict: {error}") from error


class StoredGroup(Mapping[str, Tensor]):
    """Tensors of a file by name. All of them are loaded when the first one is asked for, none for their names."""

    def __init__(self, stored: Mapping[str, StoredTensor], file_size: int) -> None:
        self.stored, self._file_size = stored, file_size

    @cached_property
    def _loaded(self) -> dict[str, Tensor]:
        return load(self.stored, self._file_size)

    def __getitem__(self, name: str) -> Tensor:
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __contains__(self, name: object) -> bool:
        return name in self.stored

    def __len__(self) -> int:
        return len(self.stored)

    def renamed(self, new: Callable[[str], str | None]) -> StoredGroup:
        """Those whose new name is not None, under it."""
        pairs = ((new(name), tensor) for name, tensor in self.stored.items())
        return StoredGroup({name: tensor for name, tensor in pairs if name is not None}, self._file_size)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**48


def _brief(values: tuple[object, ...]) -> str:
    shown = (str(v) if type(v) is int and abs(v) < 2**63 else type(v).__name__ for v in values[:MOST_DIMENSIONS])
    return "(" + ", ".join(shown) + ")"
