"""Opens regular files only: a pipe waits for a writer forever, a device such as /dev/zero never ends.

Every path that a user gives or a folder listing finds is opened here. The errors are OSErrors with a `strerror`, so
that readers explain them as they explain a missing file.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import stat
from collections.abc import Container
from pathlib import Path

_NO_FILE = "a device, a pipe or a socket, not a file"
_log = logging.getLogger(__name__)


def check(path: str | Path) -> int:
    """Size of a regular file in bytes. Raises OSError for anything else, folders included."""
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a path with a zero byte in it", str(path))
    found = os.stat(path)
    _check_mode(found.st_mode, path)
    return found.st_size


def opened(path: str | Path) -> io.BufferedReader:
    """The file, open for reading. Raises OSError for what is no regular file."""
    check(path)
    # Without waiting, and asked again: a pipe may have taken the file's place since.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    try:
        _check_mode(os.fstat(file.fileno()).st_mode, path)
    except OSError:
        file.close()
        raise
    return file


def content(path: str | Path, most: int) -> bytes:
    """All bytes of a file. Raises OSError for one of more than `most` bytes."""
    with opened(path) as file:
        # A sparse file costs nothing to make: its size is asked before anything is read.
        size = os.fstat(file.fileno()).st_size
        found = file.read(most + 1) if size <= most else b""
    if max(size, len(found)) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes", str(path))
    return found


def listed(folder: Path, endings: Container[str]) -> list[Path]:
    """Regular files of a folder with these endings ('.png', compared in lower case), by name.

    Others of these endings (pipes, devices, links to nothing) are skipped with a warning.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in endings)
    return [path for path in found if is_file(path)]


def is_file(path: Path) -> bool:
    """Whether a path in a listing is a regular file; a warning when it is neither that nor a folder."""
    if path.is_file():
        return True
    if not path.is_dir():
        _log.warning("%s is skipped: %s", path, "a link to nothing" if path.is_symlink() else _NO_FILE)
    return False


def _check_mode(mode: int, path: str | Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, _NO_FILE, str(path))
