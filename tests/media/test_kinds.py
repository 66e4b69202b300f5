"""What a file is by its first bytes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentart.media import kinds
from latentart.sinks.sink import open_sink

FILES = {
    "a.png": "a PNG picture", "a.jpg": "a JPEG picture", "a.gif": "a GIF picture", "a.webp": "a WebP picture",
    "a.tif": "a TIFF picture or a camera's raw file", "a.bmp": "a BMP picture", "a.avif": "an AVIF picture",
    "a.mp4": "an MP4 or MOV film", "a.mov": "an MP4 or MOV film", "a.mkv": "a Matroska or WebM film",
    "a.webm": "a Matroska or WebM film",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_are_known_by_their_beginning(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if kinds.FILM.get(FILES[name]) in (".mp4", ".mkv"):
        with open_sink(path) as sink:
            sink.write(np.zeros((64, 64, 3), np.uint8))
    else:
        Image.new("RGB", (8, 8)).save(path)
    assert kinds.kind(kinds.head(path)) == FILES[name]


def test_atoms_of_a_film(tmp_path: Path) -> None:
    with open_sink(tmp_path / "a.mp4") as sink:
        sink.write(np.zeros((64, 64, 3), np.uint8))
    assert kinds.atoms(tmp_path / "a.mp4")[:2] == [b"ftyp", b"moov"]
    (tmp_path / "b.mp4").write_bytes(b"\0\0\0\1mdat" + b"\xff" * 8)
    assert kinds.atoms(tmp_path / "b.mp4") == [b"mdat"]
    (tmp_path / "c.mp4").write_bytes(b"\0\0\0\x04ftyp" * 3)
    assert kinds.atoms(tmp_path / "c.mp4") == [b"ftyp"]


def test_what_is_no_file_has_no_beginning(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "none"):
        assert kinds.head(path) == b""
    assert kinds.kind(b"") == kinds.kind(bytes(32)) == ""
