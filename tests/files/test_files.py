"""Files that appear whole or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from latentart import files
from latentart.errors import TargetError


def test_a_block_that_ends_makes_the_file(tmp_path: Path) -> None:
    with files.part_file(tmp_path / "a.bin") as part:
        part.write_bytes(b"whole")
        assert part.name.endswith(".part")
        assert not (tmp_path / "a.bin").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_raises_leaves_the_old_file(error: type[BaseException], tmp_path: Path) -> None:
    target = files.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(error), files.part_file(target, overwrite=True) as part:  # noqa: PT012
        part.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_existing_file_is_refused_without_overwrite(tmp_path: Path) -> None:
    target = files.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(TargetError, match=r"a\.txt' exists already: .*--overwrite"):
        files.write_text(target, "new")
    assert files.write_text(target, "new", overwrite=True).read_text() == "new"


def test_targets_that_cannot_be_are_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetError, match="it is a folder"):
        files.check_target(tmp_path)
    with pytest.raises(TargetError, match=r"no folder .*create it first"):
        files.check_target(tmp_path / "none" / "a.txt")
    with pytest.raises(TargetError, match="is a file, not a folder"):
        files.check_target(tmp_path / "file" / "a.txt")
    with pytest.raises(TargetError, match="choose another name"):
        files.check_target(tmp_path / ("x" * 300))


def test_no_permission_is_told_in_one_line(tmp_path: Path) -> None:
    # Another user, because nothing is forbidden to root.
    code = (
        "import os, sys; os.geteuid() or os.setuid(65534)\nfrom latentart import files\nfiles.check_target(sys.argv[1])"
    )
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    preload = "from latentart.files import check_target as _\n"
    done = subprocess.run(
        [sys.executable, "-c", preload + code, str(closed / "a.txt")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "TargetError" in done.stderr
    assert "permission" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no room left in folder .* free, 2 more"),
        (errno.EFBIG, "no room left"),
        (errno.EROFS, "no permission to write"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_what_the_system_says_is_put_into_words(number: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=words) as told, files.explained(tmp_path / "a.txt", "2 more"):
        raise OSError(number, os.strerror(number))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KB"), (3 * 1024**3, "3.0 GB"), (2**50, "1024.0 TB")],
)
def test_sizes_for_people(count: int, text: str) -> None:
    assert files.size_text(count) == text
