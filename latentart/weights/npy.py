"""NumPy's .npy and .npz, read by their published format: nothing is unpickled, no claim is believed.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from latentart.files import regular

MOST_BYTES = 2**30
MOST_ARRAYS = 4096
LARGEST_GROWTH = 64
"""How many times larger than the archive its arrays may claim to be: weights hardly shrink when packed."""
CHUNK = 1 << 20
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
    # Python counts True as 1, NumPy's header check does so too, and `reshape` does not.
    if not all(type(side) is int and side >= 0 for side in shape) or not dtype.itemsize:
        raise ValueError(f"its header claims shape {str(shape)[:80]} of {str(dtype)[:40]}, which no array has")
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"its header claims shape {list(shape)}, more than the {size} bytes there are")
    array = np.empty(math.prod(shape), dtype)
    # Filled in place, so that it is in memory once and can be written to.
    if _fill(stream, array.view(np.uint8).data) < array.nbytes:
        raise EOFError("it ends within its numbers: download it again")
    return array.reshape(shape, order="F" if fortran else "C")


def _fill(stream: IO[bytes], room: memoryview) -> int:
    """Bytes read into `room`, fewer than it holds at the end of the stream."""
    done = 0
    while done < len(room) and (part := stream.read(min(CHUNK, len(room) - done))):
        room[done : done + len(part)] = part
        done += len(part)
    return done


def _header(stream: IO[bytes], version: tuple[int, int]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, type. Raises ValueError for whatever makes no sense."""
    try:
        with warnings.catch_warnings():
            # NumPy warns of headers that Python 2 wrote.
            warnings.simplefilter("ignore", UserWarning)
            return _HEADERS[version](stream)
    except (tokenize.TokenError, SyntaxError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError("its header is damaged") from error


def read_file(path: Path) -> NDArray[np.generic]:
    """The array in a .npy file. Raises one of FAULTS."""
    with regular.opened(path) as stream:
        return read_npy(stream, regular.check(path))


def is_archive(path: Path) -> bool:
    """Whether a file is a zip, as all .npz are. Raises OSError."""
    with regular.opened(path) as stream:
        return zipfile.is_zipfile(stream)


def read_npz(path: Path, *, growth: int = LARGEST_GROWTH) -> dict[str, NDArray[np.generic]]:
    """Name -> array of a .npz. Raises one of FAULTS, also for an archive that unpacks to far more than it is.

    growth: how many times larger than the archive its arrays may be.
    """
    with opened(path, growth=growth) as archive:
        return {name: read_member(archive, name) for name in array_names(archive)}


@contextmanager
def opened(path: Path, *, growth: int = LARGEST_GROWTH, most: int = MOST_BYTES) -> Iterator[zipfile.ZipFile]:
    """A .npz whose directory claims no more than it could hold. Raises one of FAULTS."""
    size = regular.check(path)
    with regular.opened(path) as stream, zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        claimed = sum(member.file_size for member in members)
        if len(members) > MOST_ARRAYS:
            raise ValueError(f"{len(members)} arrays are more than any network has")
        if claimed > min(most, max(FREE, growth * size)):
            raise ValueError(f"its {size} bytes would unpack to {claimed} (a bomb?)")
        yield archive


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """Names of the arrays in an archive."""
    return [name.removesuffix(".npy") for name in archive.namelist()]


def read_member(archive: zipfile.ZipFile, name: str) -> NDArray[np.generic]:
    """The array of that name. Raises one of FAULTS; KeyError when there is none."""
    names = archive.namelist()
    member = archive.getinfo(f"{name}.npy" if f"{name}.npy" in names else name)
    with archive.open(member) as stream:
        return read_npy(stream, member.file_size)
