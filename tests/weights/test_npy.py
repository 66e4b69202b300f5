"""NumPy files by their format: what is read, and what is refused."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from latentart.weights import npy


def raw(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version)
    return stream.getvalue()


def headed(header: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


def read(data: bytes) -> np.ndarray:
    return npy.read_npy(io.BytesIO(data), len(data))


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.arange(6, dtype=">i2"), np.array(3.5), np.zeros((0, 2))]
)
def test_arrays_are_read(array: np.ndarray, version: tuple[int, int]) -> None:
    found = read(raw(array, version))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    np.testing.assert_array_equal(read(raw(np.asfortranarray(array), version)), array)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (headed("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), "Python objects"),
        (headed("{'descr': '<f4', 'fortran_order': False, 'shape': (99999,), }"), "more than the"),
        (headed("{'descr': '<f4', 'fortran_order': False, 'shape': ("), "header"),
        (headed("(" * 9000), "header"),
        (headed("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}"), "header"),
        (headed("[1, 2]"), "eader"),
        (b"\x93NUMPY\x09\x00" + bytes(80), "version"),
        (b"PK\x03\x04" + bytes(80), "magic"),
    ],
)
def test_what_makes_no_sense_is_a_value_error(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(data)


def test_arrays_of_an_archive_have_their_names(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", **{"generator/w": np.ones(3), "b": np.zeros((2, 2))})
    assert {name: a.shape for name, a in npy.read_npz(tmp_path / "a.npz").items()} == {"generator/w": (3,), "b": (2, 2)}


def test_archives_of_too_many_arrays_and_bombs_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.npz", "w") as archive:
        for i in range(npy.MOST_ARRAYS + 1):
            archive.writestr(f"{i}.npy", b"")
    with pytest.raises(ValueError, match="more than any network has"):
        npy.read_npz(tmp_path / "many.npz")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(1 << 24))
    with pytest.raises(ValueError, match="bomb"):
        npy.read_npz(tmp_path / "bomb.npz")


@pytest.mark.parametrize("seed", range(40))
def test_damage_is_one_of_the_faults(tmp_path: Path, seed: int) -> None:
    rng, path = random.Random(seed), tmp_path / "a.npz"
    np.savez_compressed(path, a=np.arange(300.0), b=np.ones((4, 5), np.float32))
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 4, 20))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data[: rng.randrange(1, len(data) + 1)] if seed % 3 == 0 else data)
    try:
        found = npy.read_npz(path)
    except npy.FAULTS:
        return
    assert all(a.nbytes <= 1 << 20 for a in found.values())
