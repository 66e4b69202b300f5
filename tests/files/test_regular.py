"""Only regular files are opened, whatever a path or a folder listing leads to."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from latentart.files import regular


def hostile(folder: Path) -> dict[str, Path]:
    """A path of each kind that must not be opened."""
    os.mkfifo(folder / "pipe.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    (folder / "lost.png").symlink_to("nothing")
    return {name: folder / f"{name}.png" for name in ("pipe", "zero", "lost")} | {"device": Path("/dev/zero")}


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    for path in (*hostile(tmp_path).values(), tmp_path):
        for read in (regular.check, regular.opened, lambda place: regular.content(place, 9)):
            with pytest.raises(OSError, match=r"\[Errno") as caught:
                read(path)
            assert caught.value.strerror


def test_content_is_bounded_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert regular.content(path, 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        regular.content(path, 4)
    with path.open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="more than 4 bytes"):
        regular.content(path, 4)


def test_a_listing_skips_and_says_what_is_no_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hostile(tmp_path)
    (tmp_path / "folder.png").mkdir()
    for name in ("b.PNG", "a.png", "c.txt"):
        (tmp_path / name).touch()
    with caplog.at_level(logging.WARNING):
        assert [path.name for path in regular.listed(tmp_path, (".png",))] == ["a.png", "b.PNG"]
    assert [record.getMessage().count("is skipped") for record in caplog.records] == [1, 1, 1]
