"""All pictures of a training, read once at the beginning: a damaged one is found then, not in the night."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels, seeds
from latentart.errors import LatentartError, PictureError
from latentart.pixels import Frame
from latentart.training import pairs
from latentart.training.pairs import Report, silent

IN_MEMORY = 1 << 30
"""Bytes of pictures kept in memory; more than this lie in a temporary file."""
JITTER = 0.125
"""How much larger than needed pictures are kept, so that each time another part is seen (pix2pix: 286 for 256)."""


@dataclass(frozen=True)
class Pool:
    """frames: uint8 [N, side, side, C], C = 3, or 6 for pairs (A, then B). faults: what was left out, in words."""

    frames: NDArray[np.uint8]
    names: Sequence[str]
    faults: Sequence[str]

    @property
    def fingerprint(self) -> str:
        """Tells whether a resumed training sees the same pictures."""
        code = zlib.crc32("\n".join(self.names).encode())
        for frame in self.frames:
            code = zlib.crc32(frame, code)
        return f"{len(self.names)} pictures, crc {code:08x}"

    def __len__(self) -> int:
        return len(self.names)


def pairs_of(folder: str | Path, side: int, *, swap: bool = False, report: Report = silent) -> Pool:
    """The pairs of a folder as squares of `side` pixels; swap: B is what the network sees.

    Raises SettingsError for a folder without pairs, PictureError when none can be read.
    """
    found = pairs.find(folder)

    def read(source: pairs.Source) -> Frame:
        a, b = (_square(frame, side) for frame in source.read())
        return np.concatenate([b, a] if swap else [a, b], axis=2)

    jobs = [(source.name, lambda source=source: read(source)) for source in found.sources]
    return read_all(jobs, (side, side, 6), report, found.faults)


def photos_of(folder: str | Path, side: int, *, report: Report = silent) -> Pool:
    """The pictures of a folder as squares of `side` pixels. Raises as `pairs_of`."""
    found = pairs.photos(folder)
    jobs = [(path.name, lambda path=path: _square(pixels.open_image(path), side)) for path in found]
    return read_all(jobs, (side, side, 3), report)


def _square(frame: Frame, side: int) -> Frame:
    if frame.shape[:2] == (side, side):
        return frame
    square: Frame = pixels.to_uint8(pixels.resize(pixels.to_float(frame), (side, side)))[0]
    return square


def read_all(
    jobs: Sequence[tuple[str, Callable[[], Frame]]], shape: tuple[int, int, int], report: Report,
    faults: Sequence[str] = (),
) -> Pool:  # fmt: skip
    """Pictures by name, each read by its function as uint8 `shape`; those that raise are named in `faults`.

    Raises PictureError when none can be read.
    """
    room = _room((len(jobs), *shape))
    names: list[str] = []
    left_out = list(faults)
    for i, (name, read) in enumerate(jobs):
        try:
            room[len(names)] = read()
            names.append(name)
        except LatentartError as error:
            left_out.append(str(error))
        report(i + 1, len(jobs))
    if not names:
        raise PictureError(f"none of {len(jobs)} pictures could be read; the first: {left_out[-len(jobs)]}")
    return Pool(room[: len(names)], names, left_out)


def _room(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if np.prod(shape, dtype=np.int64) <= IN_MEMORY:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile() as file:  # the map keeps what it needs when the file is closed
        return np.memmap(file, np.uint8, "w+", shape=shape)


@dataclass(frozen=True)
class Augment:
    """What is changed each time a picture is seen: mirrored, another part of it, other brightness and colours."""

    flip: bool = True
    jitter: bool = True
    colour: float = 0.0

    def side(self, size: int) -> int:
        """The side in which pictures are kept for a training at `size` pixels."""
        return size + round(size * JITTER) if self.jitter else size


def batch(pool: Pool, step: int, count: int, size: int, *, augment: Augment, seed: int) -> Tensor:
    """The pictures of one step, [count, C, size, size] in [-1, 1], named by (seed, step) alone.

    There is no state to lose: whoever goes on at a step sees what an uninterrupted training sees.
    """
    first = step * count
    return torch.cat([_one(pool, first + i, size, augment, seed) for i in range(count)])


def order(place: int, length: int, seed: int) -> int:
    """Which of `length` pictures comes at a place of the endless sequence: each epoch is another permutation."""
    epoch, within = divmod(place, length)
    return int(seeds.stream(seed, 0, epoch).permutation(length)[within])


def _one(pool: Pool, place: int, size: int, augment: Augment, seed: int) -> Tensor:
    frame = pool.frames[order(place, len(pool), seed)]
    rng = seeds.stream(seed, 1, place)
    top, left = rng.randint(0, frame.shape[0] - size + 1, 2)
    mirrored, gain, lift = rng.rand() < 0.5, rng.uniform(-1, 1, 3), rng.uniform(-1, 1)
    cut = frame[top : top + size, left : left + size]
    img = pixels.to_float(cut[:, ::-1] if mirrored and augment.flip else cut)
    if not augment.colour:
        return img
    # The same for A and B, or colours would be the network's guess.
    gains = torch.from_numpy(1 + augment.colour * np.tile(gain, frame.shape[2] // 3)).float()
    return ((img + 1) * gains[:, None, None] - 1 + augment.colour * float(lift)).clamp(-1, 1)
