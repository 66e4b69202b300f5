"""The pictures of a GAN training: read once, kept as uint8, drawn in batches that (seed, step) name.

Transparency is straight alpha in files, frames and the generator's output. Networks that judge see `composited`
pictures: colour multiplied by alpha over mid-grey, beside alpha, so that the hidden colour of transparent pixels
cannot tell real from generated.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels, seeds
from latentart.errors import PictureError, SettingsError
from latentart.pixels import Frame
from latentart.projection.target import SUFFIXES
from latentart.training import pool
from latentart.training.data import sets
from latentart.training.data.pairs import Report, silent
from latentart.training.gan.settings import Settings

MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Pictures:
    """frames: uint8 [N, H, W, C]. labels: class of each picture, empty without classes. faults: what was left out."""

    frames: NDArray[np.uint8]
    names: Sequence[str]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...] = ()
    faults: Sequence[str] = ()

    @property
    def fingerprint(self) -> str:
        """Tells whether a resumed training sees the same pictures."""
        code = zlib.crc32("\n".join(self.names).encode("utf-8", "surrogateescape"))
        for frame in self.frames:
            code = zlib.crc32(frame.tobytes(), code)
        return f"{len(self)} pictures, crc {code:08x}"

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def channels(self) -> int:
        """1 grey, 3 RGB, 4 RGBA."""
        return int(self.frames.shape[3])


def read(folder: str | Path, settings: Settings, report: Report = silent) -> Pictures:
    """The pictures of a folder in the training's shape, labelled by sub-folder when `settings.classes`.

    Raises SettingsError for a folder without pictures, PictureError when none can be read.
    """
    place = Path(folder)
    paths = _paths(place, settings)
    height, width = settings.shape
    jobs = [(str(path.relative_to(place)), lambda path=path: _fitted(path, (width, height))) for path in paths]
    found = pool.read_all(jobs, (height, width, 4), report)
    frames = _channels(found.frames, settings.channels)
    labels, class_names = _labels(found.names, place) if settings.classes else (np.zeros(0, np.int64), ())
    read = Pictures(frames, found.names, labels, class_names, found.faults)
    return _checked(_first(read, settings.keep) if settings.keep else read, place)


def _checked(found: Pictures, folder: Path) -> Pictures:
    if len(found) < 2:
        raise PictureError(f"{str(folder)!r} has one picture that can be read: a GAN needs 2 at least, better 50")
    return found


def _first(found: Pictures, count: int) -> Pictures:
    """The first pictures of a set."""
    chosen = slice(0, count)
    return replace(found, frames=found.frames[chosen], names=found.names[chosen], labels=found.labels[chosen])


def _paths(folder: Path, settings: Settings) -> list[Path]:
    """Picture files of a folder and its sub-folders, by name."""
    if not folder.is_dir():
        raise SettingsError(f"there is no folder {str(folder)!r}: name one with pictures, as `latentart data` makes")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in {*SUFFIXES, ".gif"} and p.is_file())
    if not found:
        raise SettingsError(f"no pictures in {str(folder)!r}: name a folder of PNG, JPEG, WebP, TIFF, BMP or GIF files")
    if settings.classes and any(p.parent == folder for p in found):
        loose = next(p for p in found if p.parent == folder)
        raise SettingsError(f"{loose.name!r} is in no sub-folder of {str(folder)!r}: --classes takes labels from them")
    return found


def _labels(names: Sequence[str], folder: Path) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Class of each picture, the first sub-folder of its path, and names of the classes."""
    parts = [Path(name).parts[0] for name in names]
    known = tuple(sorted(set(parts)))
    if len(known) > MOST_CLASSES:
        raise SettingsError(f"{len(known)} sub-folders are too many classes: give {MOST_CLASSES} at most")
    place = {name: i for i, name in enumerate(known)}
    written = sets.class_names(folder)
    return np.array([place[part] for part in parts], np.int64), tuple(written.get(name, name) for name in known)


def _fitted(path: Path, size: tuple[int, int]) -> Frame:
    """One picture as RGBA, cut to `size` (width, height)."""
    frame = pixels.open_image(path, "RGBA")
    if frame.shape[1::-1] == size:
        return frame
    fitted: Frame = straight_resize(frame, size)
    return fitted


def straight_resize(frame: Frame, size: tuple[int, int]) -> Frame:
    """RGBA [H, W, 4] in another size; colours are weighted by alpha, so that no hidden colour bleeds in."""
    smaller: Frame = pixels.to_uint8(pixels.resize_straight(pixels.to_float(frame), size))[0]
    return smaller


def _channels(frames: NDArray[np.uint8], wanted: int) -> NDArray[np.uint8]:
    """RGBA frames in the channels wanted, or in those that they need. Transparent pixels are laid over mid-grey."""
    clear = any(bool((frame[..., 3] < 255).any()) for frame in frames)
    chosen = wanted or (4 if clear else 1 if _grey(frames) else 3)
    if chosen == 4:
        return frames
    if clear:
        for frame in frames:
            alpha = frame[..., 3:].astype(np.float32) / 255
            frame[..., :3] = (frame[..., :3] * alpha + 128 * (1 - alpha)).astype(np.uint8)
    rgb: NDArray[np.uint8] = frames[..., :3]
    return rgb if chosen == 3 else _luma(rgb)


def _grey(frames: NDArray[np.uint8]) -> bool:
    return all(bool((frame[..., :1] == frame[..., 1:3]).all()) for frame in frames)


def _luma(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB(A) -> [N, H, W, 1] by Rec. 709 luma."""
    weights = np.array(pixels.GREY_WEIGHTS, np.float32)
    made: NDArray[np.uint8] = np.stack([np.round(f @ weights).astype(np.uint8)[..., None] for f in frames])
    return made


def composited(img: Tensor) -> Tensor:
    """What a discriminator sees: RGBA [N, 4, H, W] in straight alpha -> colour times alpha, and alpha; else as it is.

    In [-1, 1] mid-grey is 0, so that a product is a picture over mid-grey.
    """
    if img.shape[1] != 4:
        return img
    return torch.cat([img[:, :3] * ((img[:, 3:] + 1) / 2), img[:, 3:]], dim=1)


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, length: int) -> NDArray[np.int64]:
    return seeds.stream(seed, 0, epoch).permutation(length)


def chosen(found: Pictures, first: int, count: int, seed: int) -> NDArray[np.int64]:
    """Which pictures come at the places first .. first + count of the endless sequence; each epoch another order."""
    places = [divmod(first + i, len(found)) for i in range(count)]
    return np.array([_permutation(seed, epoch, len(found))[within] for epoch, within in places])


def batch(found: Pictures, numbers: NDArray[np.int64], mirrored: Tensor | None = None) -> Tensor:
    """Pictures by number as [N, C, H, W] in [-1, 1]; `mirrored` [N] says which are seen in a mirror."""
    img = pixels.to_float(found.frames[numbers])
    if mirrored is not None:
        img = torch.where(mirrored[:, None, None, None], img.flip(3), img)
    return img


def one_hot(found: Pictures, numbers: NDArray[np.int64]) -> Tensor | None:
    """Labels of pictures, [N, classes]; None without classes."""
    if not found.class_names:
        return None
    return torch.eye(len(found.class_names))[torch.from_numpy(found.labels[numbers])]
