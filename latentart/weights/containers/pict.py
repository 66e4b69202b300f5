"""`.pict`: the file of affinelayer's pix2pix in the browser, of keijiro's Pix2Pix for Unity and of ml5.

Three blocks, each a big-endian uint32 length and so many bytes: a JSON list of {name, shape}; an index of up to 256
little-endian float32; a byte for each value of all tensors in the order of the list, its place in the index.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.errors import WeightsError
from latentart.files import regular
from latentart.weights.checkpoint import Contents
from latentart.weights.pickle.inert_pickle import refuse
from latentart.weights.pickle.storage import MOST_DIMENSIONS

SOURCE = "pict"
LARGEST_LIST, LARGEST_FILE = 1 << 20, 128 << 20
LONGEST_NAME, LARGEST_SIDE = 200, 1 << 30


def matches(path: Path, head: bytes) -> bool:
    """Whether it opens with a length and a JSON list."""
    return len(head) > 4 and 2 <= int.from_bytes(head[:4], "big") <= LARGEST_LIST and head[4:].lstrip()[:1] == b"["


def read(path: Path) -> Contents:
    """One group, '': name -> tensor, float32. Raises WeightsError, RefusedError."""
    data = memoryview(regular.content(path, LARGEST_FILE))
    listed, data = _block(data, "its list of tensors")
    index, data = _block(data, "its index")
    codes, data = _block(data, "its values")
    if len(data):
        raise WeightsError(f"{len(data)} bytes after its last block: not a .pict, or a damaged one")
    shapes = _shapes(bytes(listed))
    total = sum(math.prod(shape) for shape in shapes.values())
    if total != len(codes):
        refuse(f"tensors of {total} values together, where the file has {len(codes)}")
    return Contents({"": _tensors(shapes, np.frombuffer(codes, np.uint8), _index(index))})


def _block(data: memoryview, what: str) -> tuple[memoryview, memoryview]:
    """The first block and the rest."""
    if len(data) < 4:
        raise WeightsError(f"the file ends before {what} (download it again)")
    (length,) = struct.unpack_from(">I", data)
    if length > len(data) - 4:
        raise WeightsError(f"the file ends within {what}: {length - len(data) + 4} bytes are missing")
    return data[4 : 4 + length], data[4 + length :]


def _shapes(raw: bytes) -> dict[str, tuple[int, ...]]:
    try:
        listed = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"its list of tensors is not JSON: {' '.join(str(error).split())[:200]}") from error
    found: dict[str, tuple[int, ...]] = {}
    for entry in listed if isinstance(listed, list) else [listed]:
        name, shape = _entry(entry)
        if name in found:
            refuse(f"two tensors named {name[:80]!r}")
        found[name] = shape
    return found


def _entry(entry: Any) -> tuple[str, tuple[int, ...]]:
    match entry:
        case {"name": str(name), "shape": [*shape]} if len(name) <= LONGEST_NAME and len(shape) <= MOST_DIMENSIONS:
            if all(type(n) is int and 0 < n <= LARGEST_SIDE for n in shape):
                return name, tuple(shape)
    raise WeightsError(f"{str(entry)[:80]!r} in its list of tensors: a name and a shape of whole numbers are wanted")


def _index(raw: memoryview) -> NDArray[np.float32]:
    if len(raw) % 4 or not 0 < len(raw) <= 1024:
        raise WeightsError(f"its index has {len(raw)} bytes: up to 256 numbers of 4 bytes are wanted")
    index = np.frombuffer(raw, "<f4")
    if not np.isfinite(index).all():
        raise WeightsError("its index holds numbers that are not finite")
    return index


def _tensors(
    shapes: Mapping[str, tuple[int, ...]], codes: NDArray[np.uint8], index: NDArray[np.float32]
) -> dict[str, Tensor]:
    if codes.size and int(codes.max()) >= len(index):
        raise WeightsError(f"a value points at place {int(codes.max())} of an index of {len(index)} numbers")
    found, at = {}, 0
    for name, shape in shapes.items():
        count = math.prod(shape)
        found[name] = torch.from_numpy(index[codes[at : at + count]].reshape(shape))
        at += count
    return found
