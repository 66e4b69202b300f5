"""NumPy's .npy and .npz, read by their published format: nothing is unpickled, no claim is believed.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 2**30
MOST_ARRAYS = 4096
LARGEST_GROWTH = 64
"""How many times larger than the archive its arrays may claim to be: weights hardly shrink when packed."""
FREE = 1 << 22
"""Bytes that are not worth suspecting, however small the archive."""
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
FAULTS = (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What a damaged file makes these readers raise."""


def read_npy(stream: IO[bytes], size: int) -> NDArray[np.generic]:
    """The array in a .npy stream of `size` bytes; what its header claims is checked before memory is taken."""
    if size > MOST_BYTES:
        raise ValueError(f"{size} bytes is more than an array here needs (at most {MOST_BYTES})")
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"NumPy format version {version} is not read: save it again")
    shape, fortran, dtype = _header(stream, version)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never read")
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"its header claims shape {list(shape)}, more than the {size} bytes there are")
    data = stream.read(math.prod(shape) * dtype.itemsize)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _header(stream: IO[bytes], version: tuple[int, int]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, type. Raises ValueError for whatever makes no sense."""
    try:
        with warnings.catch_warnings():
            # NumPy warns of headers that Python 2 wrote.
            warnings.simplefilter("ignore", UserWarning)
            return _HEADERS[version](stream)
    except (tokenize.TokenError, SyntaxError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError("its header is damaged") from error


def read_npz(path: Path) -> dict[str, NDArray[np.generic]]:
    """Name -> array of a .npz. Raises one of FAULTS, also for an archive that unpacks to far more than it is."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        claimed = sum(member.file_size for member in members)
        if len(members) > MOST_ARRAYS:
            raise ValueError(f"{len(members)} arrays are more than any network has")
        if claimed > max(FREE, LARGEST_GROWTH * path.stat().st_size):
            raise ValueError(f"its {path.stat().st_size} bytes would unpack to {claimed} (a bomb?)")
        return {member.filename.removesuffix(".npy"): _member(archive, member) for member in members}


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[np.generic]:
    with archive.open(member) as stream:
        return read_npy(stream, member.file_size)
