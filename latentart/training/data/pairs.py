"""Pairs of pictures on the disk: side by side in one file (A left, B right), or two folders A and B of equal names.

A is what the network sees, B what it is to draw. Unusable files are left out and reported, one line each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latentart import files, pixels, seeds
from latentart.errors import LatentartError, PictureError, SettingsError, TargetError
from latentart.files import regular
from latentart.media import image_files, transparency
from latentart.pixels import Frame
from latentart.projection.target import SUFFIXES
from latentart.sinks.images import write_image
from latentart.training.data import preprocess

Report = Callable[[int, int], None]
SHAPES_DIFFER = 0.02
"""How much the proportions of A and B may differ: what rounding to whole pixels does to small pictures."""


def silent(done: int, total: int) -> None:
    """The callback that reports no file."""


def _opened(path: Path) -> Frame:
    """A picture as RGB: what is drawn on transparency is on paper, which is white."""
    return pixels.open_image(path, ground=transparency.WHITE)


@dataclass(frozen=True)
class Source:
    """Where one pair is: a file with both, or a file for each."""

    name: str
    a: Path
    b: Path | None = None

    def read(self) -> tuple[Frame, Frame]:
        """A and B, uint8 [H, W, 3] each, of the same proportions. Raises PictureError."""
        if self.b is not None:
            return _alike(_opened(self.a), _opened(self.b), self.name)
        return halves(_opened(self.a), self.name)


@dataclass
class Found:
    """Pairs of a folder, and in words what was left out."""

    sources: list[Source]
    faults: list[str] = field(default_factory=list)


def find(folder: str | Path) -> Found:
    """The pairs of a folder, by name. Raises SettingsError when there is no folder or no pair in it."""
    place = Path(folder)
    if not place.is_dir():
        raise SettingsError(f"there is no folder {str(folder)!r}: name one with pairs (A|B in one file, or A/ and B/)")
    a, b = place / "A", place / "B"
    found = _matched(a, b) if a.is_dir() and b.is_dir() else _joined(pictures(place))
    if not found.sources:
        reason = found.faults[0] if found.faults else "no pictures"
        raise SettingsError(f"no pairs in {str(folder)!r} ({reason}): put A|B side by side in files, or in A/ and B/")
    return found


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, by name."""
    return regular.listed(folder, SUFFIXES)


def photos(folder: str | Path) -> list[Path]:
    """The picture files of a folder. Raises SettingsError when there are none."""
    place = Path(folder)
    found = pictures(place) if place.is_dir() else []
    if not found:
        raise SettingsError(f"no pictures in {str(folder)!r}: name a folder of {image_files.LISTED} files")
    return found


def _names(paths: Sequence[Path]) -> list[str]:
    """Names without endings; cat.png after cat.jpg is 'cat.png', so that neither takes the other's place."""
    stems = [path.stem for path in paths]
    return [path.name if path.stem in stems[:i] else path.stem for i, path in enumerate(paths)]


def _joined(paths: list[Path]) -> Found:
    return Found([Source(name, path) for name, path in zip(_names(paths), paths, strict=True)])


def _matched(a: Path, b: Path) -> Found:
    left, right = ({path.stem: path for path in pictures(folder)} for folder in (a, b))
    alone = [f"{name!r} is in A but not in B" for name in left.keys() - right.keys()]
    alone += [f"{name!r} is in B but not in A" for name in right.keys() - left.keys()]
    return Found([Source(name, left[name], right[name]) for name in sorted(left.keys() & right.keys())], sorted(alone))


def halves(frame: Frame, name: str) -> tuple[Frame, Frame]:
    """A picture [H, 2 W, 3] -> its left and right half. Raises PictureError for an odd width."""
    width = frame.shape[1]
    if width % 2:
        raise PictureError(f"{name!r} is {width} pixels wide: a file of two pictures side by side has an even width")
    return frame[:, : width // 2], frame[:, width // 2 :]


def _alike(a: Frame, b: Frame, name: str) -> tuple[Frame, Frame]:
    (h, w), (other_h, other_w) = a.shape[:2], b.shape[:2]
    if abs(w * other_h / (h * other_w) - 1) > SHAPES_DIFFER:
        raise PictureError(f"A and B of {name!r} differ in shape: {w}x{h} and {other_w}x{other_h}")
    return a, b


def side_by_side(a: Frame, b: Frame) -> Frame:
    """[H, W, 3] twice -> [H, 2 W, 3]; A is resized to the size of B."""
    size = (b.shape[1], b.shape[0])
    return np.concatenate([_resized(a, size), b], axis=1)


def _resized(frame: Frame, size: tuple[int, int]) -> Frame:
    if (frame.shape[1], frame.shape[0]) == size:
        return frame
    resized: Frame = pixels.to_uint8(pixels.resize(pixels.to_float(frame), size))[0]
    return resized


@dataclass
class Done:
    """How many pairs were written, and in words what was left out."""

    written: int
    faults: list[str]


def make(
    photos_folder: str | Path, target: str | Path, maker: str, *, size: int | None = None, seed: int = 0,
    overwrite: bool = False, report: Report = silent,
) -> Done:  # fmt: skip
    """Pairs of a folder of pictures: `maker` makes A of B. size: pictures are cut to squares of this; None keeps them.

    Raises SettingsError, TargetError; pictures that cannot be read are left out and named.
    """
    preprocess.check(maker)
    seeds.check(seed)
    found = photos(photos_folder)

    def pair(path: Path, number: int) -> Frame:
        frame = _opened(path)
        b = frame if size is None else _resized(frame, (size, size))
        return side_by_side(preprocess.make(maker, b, seed, number), b)

    named = zip(found, _names(found), strict=True)
    jobs = [(name, lambda path=path, i=i: pair(path, i)) for i, (path, name) in enumerate(named)]
    return write(jobs, Path(target), overwrite=overwrite, report=report)


def join(source: str | Path, target: str | Path, *, overwrite: bool = False, report: Report = silent) -> Done:
    """SOURCE/A and SOURCE/B -> files with both side by side. Raises SettingsError, TargetError."""
    found = find(source)
    if any(each.b is None for each in found.sources):
        raise SettingsError(f"{str(source)!r} has no folders A and B: name a folder with both, for pictures to join")
    jobs = [(each.name, lambda each=each: side_by_side(*each.read())) for each in found.sources]
    done = write(jobs, Path(target), overwrite=overwrite, report=report)
    return Done(done.written, [*found.faults, *done.faults])


def split(source: str | Path, target: str | Path, *, overwrite: bool = False, report: Report = silent) -> Done:
    """Files with two pictures side by side -> TARGET/A and TARGET/B. Raises SettingsError, TargetError."""
    found = find(source)
    if any(each.b is not None for each in found.sources):
        raise SettingsError(f"{str(source)!r} is split already: name a folder of files with A|B side by side")
    read = [(each.name, lambda each=each: each.read()[0]) for each in found.sources]
    done = write(read, Path(target) / "A", overwrite=overwrite, report=report)
    right = [(each.name, lambda each=each: each.read()[1]) for each in found.sources]
    write(right, Path(target) / "B", overwrite=overwrite, report=report)
    return done


Job = tuple[str, Callable[[], Frame]]
"""The name of a picture to write, and what draws it."""


def write(jobs: Sequence[Job], folder: Path, *, overwrite: bool, report: Report = silent) -> Done:
    """Writes NAME.png for each job. What raises is left out and named. Raises TargetError, PictureError for none."""
    with holding(folder):
        return _write(jobs, folder, overwrite=overwrite, report=report)


def _write(jobs: Sequence[Job], folder: Path, *, overwrite: bool, report: Report) -> Done:
    taken = next((folder / f"{name}.png" for name, _ in jobs if (folder / f"{name}.png").exists()), None)
    if taken and not overwrite:
        raise TargetError(f"{str(taken)!r} exists already: choose another folder, or give --overwrite (overwrite=True)")
    faults: list[str] = []
    for i, (name, draw) in enumerate(jobs):
        try:
            frame = draw()
        except TargetError:
            raise
        except LatentartError as error:
            faults.append(str(error))
            continue
        finally:
            report(i + 1, len(jobs))
        write_image(folder / f"{name}.png", frame, overwrite=True)
    if len(faults) == len(jobs):
        raise PictureError(f"none of {len(jobs)} pictures could be used; the first: {faults[0]}")
    return Done(len(jobs) - len(faults), faults)


@contextmanager
def holding(folder: Path) -> Iterator[Path]:
    """A folder for results, which goes away again if it was made here and nothing came into it. Raises TargetError."""
    fresh = not folder.exists()
    check_folder(folder)
    try:
        yield folder
    finally:
        if fresh and not any(folder.iterdir()):
            folder.rmdir()


def check_folder(folder: Path) -> Path:
    """Makes a folder for results. Raises TargetError."""
    if folder.exists() and not folder.is_dir():
        raise TargetError(f"cannot write into {str(folder)!r}: it is a file, not a folder: choose another name")
    with files.explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        files.check_folder(folder / "pairs.png")
    return folder
