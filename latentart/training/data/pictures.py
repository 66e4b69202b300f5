"""A set of pictures from a folder: every picture in it, brought to one size and one kind; doubles are left out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from latentart import pixels
from latentart.errors import PictureError, SettingsError, unknown
from latentart.training.data import duplicates, finding, reading, sets
from latentart.training.data.finding import Source
from latentart.training.data.reading import Header
from latentart.training.data.sets import Done, Item, Report, silent

SMALLEST, LARGEST = 4, 2048
SAMPLED = 64
"""How many pictures are looked at to decide whether the set has alpha."""


@dataclass(frozen=True)
class Kind:
    """How pictures are brought to one form.

    size: (width, height). classes: True takes sub-folders as classes and leaves out pictures beside them, None takes
    them where there are any, False puts all into one folder. alpha: None keeps it when most pictures have clear
    pixels. doubles: keep pictures that are nearly equal.
    """

    size: tuple[int, int] = (256, 256)
    fit: str = "crop"
    classes: bool | None = None
    alpha: bool | None = None
    grey: bool = False
    doubles: bool = False

    def __post_init__(self) -> None:
        if not all(isinstance(side, int) and SMALLEST <= side <= LARGEST for side in self.size):
            width, height = self.size
            raise SettingsError(f"size {width}x{height} is out of range: give sides from {SMALLEST} to {LARGEST}")
        if self.fit not in pixels.FITS:
            raise SettingsError(unknown("fit", self.fit, pixels.FITS))
        if self.grey and self.alpha:
            raise SettingsError("grey pictures with alpha are not supported: choose --grey or --alpha")


def make(
    folder: str | Path, target: str | Path, kind: Kind = Kind(), *, overwrite: bool = False, report: Report = silent
) -> Done:
    """Writes the set. Files that cannot be used are left out, one line each; a run that was cut off is gone on with.

    Raises SettingsError, TargetError, and PictureError when no picture is left.
    """
    source, place = Path(folder), Path(target)
    sets.check_target(place, overwrite=overwrite)
    if place.exists() and source.exists() and place.samefile(source):
        raise SettingsError(f"{str(target)!r} is the folder of the pictures: choose another for the set")
    found = finding.find(source, without=(place, sets.part_of(place)), classes=kind.classes is not False)
    if not found.sources:
        raise SettingsError(_nothing(folder, found))
    with reading.quiet():
        return _make(found, source, place, kind, overwrite=overwrite, report=report)


def _make(found: finding.Found, source: Path, place: Path, kind: Kind, *, overwrite: bool, report: Report) -> Done:
    usable, headers, faults = _probe(found.sources)
    if kind.classes:
        faults += [f"{str(s.path)!r} lies in no sub-folder, so it has no class" for s in usable if not s.folder]
        usable = [each for each in usable if each.folder]
    if not usable:
        first = (found.faults + faults)[0]
        raise PictureError(
            f"none of {len(found.sources)} pictures in {str(source)!r} could be used; the first: {first}"
        )
    channels = 1 if kind.grey else _channels(usable, headers, kind.alpha)
    settings = _settings(usable, kind, channels)
    part = sets.begin(place, settings, overwrite=overwrite)
    # The largest of several that are nearly equal is the one to keep.
    usable.sort(key=lambda each: (-headers[each].size[0] * headers[each].size[1], str(each.path)))
    items = [Item(s.folder, s.name, partial(reading.read, s.path, kind.size, channels, kind.fit)) for s in usable]
    faults += sets.write(items, part, report)
    left = {item.path: source for item, source in zip(items, usable, strict=True) if (part / item.path).is_file()}
    doubled = {} if kind.doubles else _doubles(part, left)
    faults += [f"{str(left[a].path)!r} is nearly the same as {str(left[b].path)!r}" for a, b in doubled.items()]
    facts = {**settings, "source": _printable(source.resolve().name)}
    keep = left.keys() - doubled.keys()
    done = sets.finish(place, part, facts, faults=[*found.faults, *faults], keep=keep)
    return replace(done, notes=_notes([left[path] for path in keep], headers, found, kind))


def _nothing(folder: str | Path, found: finding.Found) -> str:
    reason = (
        found.faults[0] if found.faults else f"{found.others.total()} other files" if found.others else "it is empty"
    )
    endings = ", ".join(sorted(ending[1:] for ending in finding.SUFFIXES))
    return f"no pictures in {str(folder)!r} ({reason}): name a folder with files of {endings}"


def _probe(sources: Sequence[Source]) -> tuple[list[Source], dict[Source, Header], list[str]]:
    """Pictures whose first bytes make sense, and one line for each other."""
    headers, faults = {}, []
    for source in sources:
        try:
            headers[source] = reading.header(source.path)
        except PictureError as error:
            faults.append(str(error))
    return list(headers), headers, faults


def _channels(sources: Sequence[Source], headers: Mapping[Source, Header], alpha: bool | None) -> int:
    """4 when asked for, or when most of a sample have clear pixels; 1 when all are stored as grey; else 3."""
    if alpha is None:
        step = max(1, len(sources) // SAMPLED)
        sample = sources[::step]
        alpha = 2 * sum(headers[each].alpha and _clear(each.path) for each in sample) > len(sample)
    if alpha:
        return 4
    return 1 if all(headers[each].grey for each in sources) else 3


def _clear(path: Path) -> bool:
    try:
        return reading.transparent(path)
    except PictureError:
        return False


def _settings(sources: Sequence[Source], kind: Kind, channels: int) -> dict[str, object]:
    """What a run must have in common with one that was cut off, to go on with its pictures."""
    listing = "\n".join(sorted(f"{s.folder}/{s.name} {s.path!r} {s.stamp}" for s in sources))
    digest = hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()
    return {
        "kind": "pictures", "size": list(kind.size), "channels": channels, "fit": kind.fit,
        "doubles": kind.doubles, "files": len(sources), "listing_sha256": digest,
    }  # fmt: skip


def _doubles(part: Path, left: Mapping[str, Source]) -> dict[str, str]:
    """Path in the set -> path of the picture that it is nearly equal to."""
    paths = list(left)
    prints = (duplicates.fingerprint(pixels.open_image(part / path, _mode(part / path))) for path in paths)
    return {paths[a]: paths[b] for a, b in duplicates.doubles(prints).items()}


def _mode(path: Path) -> str:
    with reading.opened(path) as image:
        return image.mode


def _notes(kept: Sequence[Source], headers: Mapping[Source, Header], found: finding.Found, kind: Kind) -> list[str]:
    """Lines about pictures that are in the set, but not quite as they were."""
    notes = [
        f"{str(s.path)!r} has several frames: the first is taken" for s in sorted(kept, key=str) if headers[s].animated
    ]
    small = [s for s in kept if any(np.array(sorted(headers[s].size)) < sorted(kind.size))]
    if small:
        notes.append(f"{len(small)} pictures are smaller than {kind.size[0]}x{kind.size[1]} and were enlarged")
    if found.others:
        endings = ", ".join(f"{count} {ending or 'without ending'}" for ending, count in sorted(found.others.items()))
        notes.append(f"other files are not looked at: {endings}")
    bare = sum(not s.folder for s in kept)
    if 0 < bare < len(kept):
        notes.append(f"{bare} pictures lie in no sub-folder and have no class")
    return notes


def _printable(name: str) -> str:
    return name.encode("utf-8", "replace").decode()
