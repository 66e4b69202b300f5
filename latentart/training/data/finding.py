"""Picture files of a folder and its sub-folders, whatever else lies there: links, devices, pipes, broken names."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from latentart.errors import SettingsError
from latentart.media import image_files

SUFFIXES = frozenset(image_files.ENDINGS)
LONGEST_NAME = 100
_WINDOWS = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


@dataclass(frozen=True)
class Source:
    """A picture file: where it is, and its place in the set without ending."""

    path: Path
    folder: str
    name: str
    stamp: tuple[int, int]
    """Its length in bytes and the time of its last change, by which a later run knows that it is the same."""


@dataclass
class Found:
    """Picture files, and one line for each file that cannot be one."""

    sources: list[Source] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    """Endings of files that are no pictures."""


def find(root: Path, *, without: tuple[Path, ...] = (), classes: bool = True) -> Found:
    """The picture files below `root`, by path. Folders in `without` (the set itself) and links to folders are left out.

    classes: the first sub-folder is the picture's class; otherwise all have the folder "". Nothing is opened here,
    so a pipe cannot hold it up. Raises SettingsError when there is no such folder.
    """
    if not root.is_dir():
        raise SettingsError(f"there is no folder {str(root)!r}: name a folder of pictures")
    found = Found()
    skipped = {path.resolve() for path in without}
    taken: dict[str, set[str]] = {}
    folders: dict[str, str] = {}
    labels: set[str] = set()
    for path in _files(root, skipped, found.faults):
        if path.suffix.lower() not in SUFFIXES:
            found.others[path.suffix.lower()] += 1
            continue
        stamp = _stamp(path, found.faults)
        if stamp is None:
            continue
        parts = path.relative_to(root).parts
        label = parts[0] if classes and len(parts) > 1 else ""
        if label not in folders:
            folders[label] = _unique(_plain(label), labels) if label else ""
        folder = folders[label]
        stem = "-".join((*parts[1 if label else 0 : -1], path.stem))
        name = _unique(_plain(stem), taken.setdefault(folder, set()))
        found.sources.append(Source(path, folder, name, stamp))
    return found


def _files(folder: Path, skipped: set[Path], faults: list[str]) -> Iterator[Path]:
    """Everything below that is no folder, by name; one line for each folder that cannot be read or is a link."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        faults.append(f"cannot read the folder {str(folder)!r}: {error.strerror or error}")
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            if path.resolve() not in skipped and not entry.name.startswith("."):
                yield from _files(path, skipped, faults)
        elif entry.is_symlink() and path.is_dir():
            faults.append(f"{str(path)!r} is a link to a folder, which is not followed: name that folder itself")
        elif not entry.name.startswith("."):
            yield path


def _stamp(path: Path, faults: list[str]) -> tuple[int, int] | None:
    """Length and time of a regular file; None, and a line, for anything else."""
    try:
        found = path.stat()
    except OSError as error:
        broken = "a link to nothing" if path.is_symlink() else error.strerror or str(error)
        faults.append(f"cannot open {str(path)!r}: {broken}")
        return None
    if not stat.S_ISREG(found.st_mode):
        faults.append(f"{str(path)!r} is a device, a pipe or a socket, not a file")
        return None
    if not found.st_size:
        faults.append(f"{str(path)!r} is empty")
        return None
    return found.st_size, found.st_mtime_ns


def _plain(name: str) -> str:
    """A name that every file system takes: what is no letter, digit or -_. becomes _."""
    plain = re.sub(r"[^\w.-]", "_", name).strip(". ")[:LONGEST_NAME] or "_"
    return f"_{plain}" if _WINDOWS.fullmatch(plain) else plain


def _unique(name: str, taken: set[str]) -> str:
    """The name, or name-2, name-3, ...: none of `taken`, which holds small letters and gets the result."""
    number, found = 1, name
    while found.lower() in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found.lower())
    return found
