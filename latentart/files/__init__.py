"""Files that appear whole or not at all: written under a `.part` name, flushed to the disk, renamed into place."""

from __future__ import annotations

import errno
import math
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latentart.errors import TargetError

# It can only be asked for by setting it, which no other thread should see.
UMASK = os.umask(0o022)
os.umask(UMASK)
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_UNITS = ("KB", "MB", "GB", "TB")


def check_target(target: str | Path, *, overwrite: bool = False) -> Path:
    """Returns `target` as a Path when a file can be made there; raises TargetError otherwise.

    Asked before the work starts, so that a night of rendering does not end at a missing folder.
    """
    path = Path(target)
    with explained(path):
        if path.is_dir():
            raise TargetError(f"cannot write {str(path)!r}: it is a folder: give a file name")
        if path.exists() and not overwrite:
            raise TargetError(
                f"{str(path)!r} exists already: choose another name, or give --overwrite (overwrite=True)"
            )
        check_folder(path)
    return path


def check_folder(path: Path, part: Path | None = None) -> None:
    """Raises TargetError when the folder that is to hold `path` is missing, OSError when `part` cannot be written."""
    probe = part or part_of(path)
    folder = probe.parent
    if not folder.exists():
        raise TargetError(f"cannot write {str(path)!r}: there is no folder {str(folder)!r}: create it first")
    if not folder.is_dir():
        raise TargetError(f"cannot write {str(path)!r}: {str(folder)!r} is a file, not a folder: choose another name")
    # The only question whose answer is sure on every file system is to write.
    probe.touch()
    probe.unlink()


def part_of(target: Path) -> Path:
    """Where `target` is written until it is whole; machine and process id keep two renders of one name apart."""
    return target.with_name(f"{target.name}.{machine()}.{os.getpid()}.part")


def machine() -> str:
    """This machine's name as it stands in file names: in a folder that several share, process ids alone meet."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", platform.node().split(".")[0])[:40] or "here"


@contextmanager
def part_file(target: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A path to write to; it becomes `target` when the block ends, and nothing is left when the block raises.

    Raises TargetError when `target` cannot be made: see `check_target` and `explained`.
    """
    path = check_target(target, overwrite=overwrite)
    part = part_of(path)
    try:
        with explained(path):
            yield part
            commit(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(target: str | Path, text: str, *, overwrite: bool = False) -> Path:
    """Writes `text` as UTF-8, whole or not at all."""
    with part_file(target, overwrite=overwrite) as part:
        part.write_text(text, encoding="utf-8")
    return Path(target)


def commit(part: Path, target: Path) -> None:
    """Flushes `part` to the disk and renames it to `target`: a power cut leaves the old file or the new one."""
    flush(part)
    if part.is_file():
        # Some libraries make files that only their owner can read.
        part.chmod(target.stat().st_mode & 0o777 if target.is_file() else 0o666 & ~UMASK)
    os.replace(part, target)
    flush(target.parent)


def flush(path: Path) -> None:
    """fsync of a file or a folder; Windows has no fsync for folders, and renames durably without."""
    if os.name == "nt" and path.is_dir():
        return
    # Windows flushes only what is open for writing.
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def explained(target: Path, missing: str = "") -> Iterator[None]:
    """Turns an OSError of the block into a TargetError about `target`; `missing` says how much room is needed."""
    try:
        yield
    except OSError as error:
        raise TargetError(_explain(error, target, missing)) from error


def _explain(error: OSError, target: Path, missing: str) -> str:
    folder = str(target.parent)
    what = f"cannot write {str(target)!r}"
    if error.errno in _FULL:
        free = size_text(shutil.disk_usage(folder).free)
        need = f", {missing}" if missing else ""
        return f"{what}: no room left in folder {folder!r} ({free} free{need}): make room or choose another disk"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{what}: no permission to write in folder {folder!r}: choose another folder"
    return f"{what}: {error.strerror or error}: choose another name or folder"


def size_text(count: float) -> str:
    """Formats a number of bytes for messages: 1536 -> '1.5 KB'."""
    if count < 1024:
        return f"{count:.0f} bytes"
    power = min(int(math.log(count, 1024)), len(_UNITS))
    return f"{count / 1024**power:.1f} {_UNITS[power - 1]}"
