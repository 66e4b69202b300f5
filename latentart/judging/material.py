"""What is judged: a folder's pictures and a network's samples, both as batches of uint8."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentart import pixels, seeds
from latentart.errors import PictureError, SettingsError
from latentart.files import regular
from latentart.media import image_files
from latentart.models.base import Generator
from latentart.pixels import Frame

BATCH = 32
SUFFIXES = image_files.ENDINGS
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Pictures:
    """uint8 [N, H, W, C]; labels are class numbers or -1, by sorted names of sub-folders; one name for each."""

    frames: Frame
    labels: Sequence[int]
    names: Sequence[str]

    def batches(self) -> Iterator[Tensor]:
        """float [n, C, H, W] in [-1, 1]."""
        for start in range(0, len(self.frames), BATCH):
            yield pixels.to_float(self.frames[start : start + BATCH])


def of_frames(frames: Frame, labels: Sequence[int] | None = None) -> Pictures:
    """Pictures that are in memory, uint8 [N, H, W, C]. Raises SettingsError for another array."""
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] not in MODES:
        raise SettingsError(f"pictures of {frames.dtype} {list(frames.shape)}: give uint8 [N, H, W, 1, 3 or 4]")
    known = list(labels) if labels is not None else [-1] * len(frames)
    return Pictures(frames, known, [str(i) for i in range(len(frames))])


def of_folder(folder: str | Path, size: tuple[int, int], channels: int, most: int | None = None) -> Pictures:
    """The pictures of a folder and its sub-folders as [N, height, width, channels], size (height, width).

    Others than of this size are cut and resized with antialiasing. most: as many, evenly chosen by name. Raises
    SettingsError for a folder without pictures, PictureError for one that cannot be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise SettingsError(f"there is no folder {str(folder)!r}: name a folder of pictures")
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and regular.is_file(path))
    if not paths:
        raise SettingsError(f"no pictures in {str(folder)!r}: name a folder of {image_files.LISTED} files")
    if most is not None and most < len(paths):
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, most).round().astype(int)]
    if channels not in MODES:
        raise PictureError(f"pictures of {channels} channels cannot be judged: 1, 3 or 4 can")
    frames = np.stack([_fitted(pixels.open_image(path, MODES[channels]), size) for path in paths])
    labels = [path.relative_to(root).parts[0] if path.parent != root else "" for path in paths]
    order = sorted({label for label in labels if label})
    return Pictures(frames, [order.index(each) if each else -1 for each in labels], [str(path) for path in paths])


def _fitted(frame: Frame, size: tuple[int, int]) -> Frame:
    if frame.shape[:2] == size:
        return frame
    made: Frame = pixels.to_uint8(pixels.resize(pixels.to_float(frame), size[::-1]))[0]
    return made


@torch.no_grad()
def samples(G: Generator, count: int, pictures: Pictures, seed: int = 0) -> Pictures:
    """`count` pictures of a network at psi 1, of seeds `seed`, `seed` + 1, ...

    Classes come as often as the pictures have them. A network whose number of classes is not that of the pictures
    gets each of its classes equally often.
    """
    labels = _labels(G.c_dim, count, pictures.labels)
    frames = []
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        z = torch.from_numpy(np.concatenate([seeds.z(seed + i, G.z_dim) for i in numbers])).float().to(G.device)
        c = torch.eye(G.c_dim, device=G.device)[[labels[i] for i in numbers]] if G.c_dim else None
        frames.append(pixels.to_uint8(G(z, c)))
    return Pictures(np.concatenate(frames), labels, [str(seed + i) for i in range(count)])


def _labels(classes: int, count: int, known: Sequence[int]) -> list[int]:
    if not classes:
        return [-1] * count
    if max(known, default=-1) + 1 != classes or min(known) < 0:
        return [i % classes for i in range(count)]
    # Every (N / count)-th of the sorted labels: the shares of the data, without chance.
    chosen = (np.arange(count) + 0.5) * len(known) / count
    return [int(each) for each in np.sort(np.asarray(known))[chosen.astype(int)]]
