"""A set on the disk: PNG files of one size, in one sub-folder for each class or in none, and a `set.json` beside.

Sorted folder names are the order of the classes. A set is written into `NAME.part`, which a second call goes on with,
and becomes NAME when it is complete.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latentart import files, pixels
from latentart.errors import LatentartError, PictureError, SettingsError, TargetError
from latentart.pixels import Frame

FACTS = "set.json"
LICENCE = "LICENSE.txt"
WORKERS = 2
"""Threads: Pillow decodes and encodes outside of Python's lock."""
Report = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Discards the progress of reading files: the default report."""


@dataclass(frozen=True)
class Item:
    """One picture to be written to FOLDER/NAME.png; folder "" is the set's own."""

    folder: str
    name: str
    draw: Callable[[], Frame]

    @property
    def path(self) -> str:
        """The picture's file path, relative to the set's folder."""
        return f"{self.folder}/{self.name}.png" if self.folder else f"{self.name}.png"


@dataclass(frozen=True)
class Done:
    """What was written: how many pictures, how many of each class, and lines about what was left out or changed."""

    folder: Path
    written: int
    classes: Mapping[str, int] = field(default_factory=dict)
    faults: Sequence[str] = ()
    notes: Sequence[str] = ()


def part_of(target: Path) -> Path:
    """The folder that holds an unfinished set."""
    return target.with_name(f"{target.name}.part")


def check_target(target: Path, *, overwrite: bool = False) -> None:
    """Raises TargetError when a set cannot be made there: a file, or a folder with something in it."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise TargetError(f"cannot write a set to {str(target)!r}: it is a file or a link: choose another name")
    with files.explained(target):
        if target.is_dir() and any(target.iterdir()) and not overwrite:
            what = f"{str(target)!r} exists already and is not empty"
            raise TargetError(f"{what}: choose another folder, or give --overwrite (overwrite=True)")
        if target.is_dir() and any(target.iterdir()) and not (target / FACTS).is_file():
            raise TargetError(f"{str(target)!r} holds other files and no {FACTS}: choose another folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        files.check_folder(target, files.part_of(target))


def begin(target: Path, settings: Mapping[str, Any], *, overwrite: bool = False) -> Path:
    """The part folder, with what a run of equal settings has left in it; one of other settings is emptied."""
    check_target(target, overwrite=overwrite)
    part = part_of(target)
    text = json.dumps(settings, indent=2, sort_keys=True)
    mark = part / "settings.json"
    with files.explained(target):
        if part.is_symlink() or (part.exists() and not part.is_dir()):
            raise TargetError(f"{str(part)!r} is in the way: it is a file or a link: remove it")
        if mark.is_file() and mark.read_text(encoding="utf-8") == text:
            return part
        if part.exists() and any(part.iterdir()) and not mark.is_file():
            raise TargetError(f"{str(part)!r} is in the way and is no unfinished set: move it")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        mark.write_text(text, encoding="utf-8")
    return part


def write(items: Sequence[Item], part: Path, report: Report = silent) -> list[str]:
    """Writes what is not there yet, and returns one line for each picture that raised a LatentartError."""
    faults = []
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for i, fault in enumerate(pool.map(lambda item: _write(item, part), items)):
                faults += [fault] if fault else []
                report(i + 1, len(items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return faults


def _write(item: Item, part: Path) -> str:
    path = part / item.path
    if path.is_file():
        return ""
    try:
        frame = item.draw()
    except TargetError:
        raise
    except LatentartError as error:
        return str(error)
    save(path, frame)
    return ""


def save(path: Path, frame: Frame) -> None:
    """One PNG, whole or not at all. Raises TargetError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with files.explained(path):
            path.parent.mkdir(exist_ok=True)
            pixels.to_image(frame).save(temporary, format="PNG", compress_level=6)
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def finish(
    target: Path, part: Path, facts: Mapping[str, Any], *, licence: str = "", names: Mapping[str, str] | None = None,
    faults: Iterable[str] = (), keep: Iterable[str] | None = None,
) -> Done:  # fmt: skip
    """Counts the pictures, writes `set.json` and the licence, and puts the part folder in the place of `target`.

    names: folder -> name of the class, where they differ. keep: relative paths that belong to the set; others that
    an earlier run has left are removed. Raises PictureError when no picture is left.
    """
    faults = list(faults)
    if keep is not None:
        _prune(part, set(keep))
    counts = count(part)
    total = sum(counts.values())
    if not total:
        raise PictureError(f"no picture could be used{f'; the first: {faults[0]}' if faults else ''}: see the folder")
    folders = sorted(folder for folder in counts if folder)
    classes = [{"folder": each, "name": (names or {}).get(each, each), "count": counts[each]} for each in folders]
    with files.explained(target):
        if licence:
            (part / LICENCE).write_text(licence, encoding="utf-8")
        record = {**facts, "count": total, "left_out": len(faults), "classes": classes}
        (part / FACTS).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (part / "settings.json").unlink(missing_ok=True)
        _replace(part, target)
    return Done(target, total, {folder: counts[folder] for folder in folders}, faults)


def count(folder: Path) -> dict[str, int]:
    """Class folder -> its number of PNG files; "" is the set's own."""
    found = Counter(path.parent.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    return {"" if name == "." else name: number for name, number in found.items()}


def class_names(folder: Path) -> dict[str, str]:
    """Class folder -> name of the class ('00-lower-a' -> 'a'), as `set.json` has them; {} without such a file.

    Raises SettingsError for a file that names no classes.
    """
    path = folder / FACTS
    if not path.is_file():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8")).get("classes", [])
        return {str(row["folder"]): str(row["name"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(
            f"{str(path)!r} does not name classes ({error!r}): make the set again, or remove it"
        ) from error


def _prune(part: Path, keep: set[str]) -> None:
    for path in list(part.rglob("*.png")):
        if path.relative_to(part).as_posix() not in keep:
            path.unlink()
    for folder in [path for path in part.iterdir() if path.is_dir() and not any(path.iterdir())]:
        folder.rmdir()


def _replace(part: Path, target: Path) -> None:
    """Renames; a set that was there goes away only after the new one is complete."""
    old = target.with_name(f"{target.name}.{os.getpid()}.old")
    if target.exists():
        os.replace(target, old)
    os.replace(part, target)
    files.flush(target.parent)
    shutil.rmtree(old, ignore_errors=True)
