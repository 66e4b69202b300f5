"""A folder of pictures to a folder of results: bundle, side-by-side picture, and only what is missing."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentart import files, footage, pixels, provenance
from latentart.errors import LatentartError, PictureError, SettingsError, TargetError
from latentart.files import regular
from latentart.media import image_files
from latentart.models.base import Generator
from latentart.projection import result, target
from latentart.projection.result import Projection
from latentart.projection.search import align
from latentart.projection.settings import Settings
from latentart.projection.target import Target

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One picture: where it is, where its mask and the strokes on it are, and the name of what it becomes."""

    path: Path
    name: str
    mask: Path | None = None
    strokes: Path | None = None


def jobs(sources: Sequence[str | Path], mask: str | Path | None = None, strokes: str | Path | None = None) -> list[Job]:
    """Files and folders of pictures, in order.

    mask, strokes: a file for all, or a folder with one of the same name for each. Raises PictureError when there is
    no picture, SettingsError for a mask or strokes that are not there.
    """
    found: list[Path] = []
    for source in map(Path, sources):
        found += _inside(source) if os.path.isdir(source) else [source]
    beside = [(_beside(path, mask, "mask"), _beside(path, strokes, "strokes")) for path in found]
    return [Job(path, name, *other) for path, name, other in zip(found, _names(found), beside, strict=True)]


def _inside(folder: Path) -> list[Path]:
    found = regular.listed(folder, target.SUFFIXES)
    if not found:
        raise PictureError(f"there is no picture in {str(folder)!r}: give {image_files.LISTED} files")
    for path in found:
        if footage.moves(path):
            log.warning("%s moves: its first frame is taken; name the file itself to project it as a film", path.name)
    return found


def _names(paths: Sequence[Path]) -> list[str]:
    """File names without endings, numbered where two are alike: 'cat', 'cat-2'."""
    count: dict[str, int] = {}
    names = []
    for path in paths:
        count[path.stem] = count.get(path.stem, 0) + 1
        names.append(path.stem if count[path.stem] == 1 else f"{path.stem}-{count[path.stem]}")
    return names


def _beside(path: Path, other: str | Path | None, kind: str) -> Path | None:
    if other is None:
        return None
    place = Path(other)
    if place.is_dir():
        return next(iter(sorted(p for p in place.iterdir() if p.stem == path.stem and regular.is_file(p))), None)
    if not place.exists():
        raise SettingsError(f"cannot find {kind} {str(other)!r}: give a picture, or a folder of pictures")
    return place


def open_job(job: Job, G: Generator, fit: str) -> Target:
    """Reads a job's picture, mask and strokes. Raises PictureError."""
    return replace(target.open_target(job.path, G, fit=fit, mask=job.mask, strokes=job.strokes), name=job.name)


def missing(found: Sequence[Job], folder: Path, G: Generator, settings: Settings) -> list[Job]:
    """The jobs whose bundle is not in `folder` yet. A bundle made with other settings is kept and logged."""
    return [job for job in found if not _is_done(folder / f"{job.name}.npz", G, settings)]


def _is_done(path: Path, G: Generator, settings: Settings) -> bool:
    if not path.exists():
        return False
    made = result.load(path, G).settings.get("projection", {})
    others = {name: made.get(name) for name, value in asdict(settings).items() if made.get(name) != value}
    if others:
        log.warning("%s is kept, though it was made with %s: say --overwrite to project it again", path.name, others)
    return True


def groups(
    found: Sequence[Job], G: Generator, fit: str, size: int
) -> Iterator[tuple[list[Target], list[LatentartError]]]:
    """(targets, what could not be read) for `size` jobs at a time: one bad file does not stop a folder."""
    for start in range(0, len(found), size):
        targets, faults = [], []
        for job in found[start : start + size]:
            try:
                targets.append(open_job(job, G, fit))
            except LatentartError as error:
                faults.append(error)
        yield targets, faults


def side_by_side(G: Generator, wanted: Target, projection: Projection) -> pixels.Frame:
    """Target | projection, uint8 [H, 2 W, C]; what does not count is shown darker in the target."""
    made = projection.render(G)
    img = wanted.img.to(made)
    place = describe(projection).get("place")
    if place is not None:
        # The target is shown as the generator sees it.
        img = align.move(img, torch.tensor([place]).to(made), back=True)
    if wanted.mask is not None:
        mask = wanted.mask.to(made)
        img = (img + 1) * (0.35 + 0.65 * mask) - 1
    if wanted.strokes is not None:
        strokes = wanted.strokes.to(made)
        img = img + (strokes[:, :-1] - img) * strokes[:, -1:]
    frame: pixels.Frame = pixels.to_uint8(torch.cat([img, made.clamp(-1, 1)], dim=3))[0]
    return frame


def describe(projection: Projection) -> Mapping[str, Any]:
    """The part of a bundle's settings that says how the projection went."""
    found: Mapping[str, Any] = projection.settings.get("projection", {})
    return found


def check_folder(folder: Path) -> Path:
    """Makes the folder for results, or raises TargetError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"cannot make folder {str(folder)!r}: {error.strerror}: choose another with -o") from error
    files.check_folder(folder / "result.npz")
    return folder


def check_results(found: Sequence[Job], folder: Path, *, film: bool, overwrite: bool) -> None:
    """Raises TargetError where a job's picture or film would replace something that is not a projection's."""
    for job in found:
        if (folder / f"{job.name}.npz").exists() and not overwrite:
            continue
        for ending in (".png", ".mp4") if film else (".png",):
            check_result(folder / f"{job.name}{ending}", job.path, overwrite=overwrite)


def check_result(target: Path, source: Path, *, overwrite: bool) -> None:
    """Raises TargetError where `target` is the source itself, or, without overwrite, not what a projection left."""
    if target.exists() and target.samefile(source):
        raise TargetError(f"the result would replace {str(source)!r} itself: choose another folder with -o")
    files.check_target(target, overwrite=overwrite or provenance.is_of(target, "projection"))


def preview_place(folder: Path, found: Sequence[Job]) -> Path:
    """'preview.png' in the folder, or the first 'preview-2.png' and on that is neither there nor a result's name."""
    taken = {f"{job.name}.png" for job in found}
    names = ("preview.png", *(f"preview-{number}.png" for number in range(2, 1000)))
    return next(folder / name for name in names if name not in taken and not (folder / name).exists())


def thumbnails(G: Generator, targets: Sequence[Target], ws: Tensor, size: int = 128) -> pixels.Frame:
    """Targets above, what the search has found so far below: the live preview."""
    with torch.no_grad():
        made = G.synthesis(ws).clamp(-1, 1)
    img = torch.cat([t.img.to(made) for t in targets])
    both = torch.cat([torch.cat(list(img), dim=2), torch.cat(list(made), dim=2)], dim=1)[None]
    height, width = both.shape[2:]
    scale = min(1.0, 2 * size / height)
    small = pixels.resize(both, (round(width * scale), round(height * scale)), "stretch")
    frame: pixels.Frame = pixels.to_uint8(small)[0]
    return frame
