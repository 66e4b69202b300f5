"""One training at a time in a folder: two would overwrite each other's state."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latentart import files
from latentart.errors import SettingsError

NAME = ".lock"
_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Locks the folder for this process; the system releases the lock when the process ends, even by a kill.

    Raises SettingsError when another process holds it. On file systems without locks it has no effect.
    """
    with files.explained(folder / NAME):
        file = (folder / NAME).open("a+b")
    with file:
        try:
            _lock(file.fileno())
        except OSError as error:
            if error.errno in _TAKEN:
                raise SettingsError(
                    f"another training is under way in {str(folder)!r}: wait for it, or name another folder with -o"
                ) from error
        yield


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
