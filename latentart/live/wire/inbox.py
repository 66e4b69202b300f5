"""The newest picture that came in, from the server's process to the renderer's, through shared memory."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing import shared_memory

import numpy as np

from latentart.pixels import Frame

LARGEST = 2048
"""Pixels of the longer side."""
_HEAD = 24
"""Bytes before each picture: its number, height and width, written last."""
_PLACES = 2


@dataclass(frozen=True)
class Incoming:
    """A picture that came in, uint8 [H, W, 3]; numbers count up."""

    number: int
    frame: Frame


class Inbox:
    """Two places in turn, so that one is whole while the other is written; the newest wins and none waits.

    One process puts, another takes; a picture that was overwritten while it was read is not returned.
    """

    def __init__(self, name: str | None = None) -> None:
        """name: of the inbox to open, None makes a new one; memory is used as pictures fill it."""
        stride = _HEAD + LARGEST * LARGEST * 3
        self._memory = shared_memory.SharedMemory(name=name, create=name is None, size=_PLACES * stride)
        self._owner = name is None
        starts = range(0, _PLACES * stride, stride)
        self._heads = [np.ndarray(3, "<i8", self._memory.buf, start) for start in starts]
        self._bodies = [np.ndarray(stride - _HEAD, np.uint8, self._memory.buf, start + _HEAD) for start in starts]
        self._count = 0

    @property
    def name(self) -> str:
        """What another process opens it by."""
        return self._memory.name

    def put(self, frame: Frame) -> None:
        """frame: uint8 [H, W, 3], no side longer than LARGEST."""
        self._count += 1
        place = self._count % _PLACES
        self._heads[place][0] = 0
        self._bodies[place][: frame.size] = frame.ravel()
        self._heads[place][1:] = frame.shape[:2]
        self._heads[place][0] = self._count

    def newest(self, after: int = 0) -> Incoming | None:
        """The newest picture with a number above `after`; None without one, or while it is being written."""
        place = max(range(_PLACES), key=lambda which: int(self._heads[which][0]))
        number, height, width = map(int, self._heads[place])
        if number <= after:
            return None
        frame = self._bodies[place][: height * width * 3].reshape(height, width, 3).copy()
        return Incoming(number, frame) if int(self._heads[place][0]) == number else None

    def close(self) -> None:
        """Lets go; the process that made it removes it."""
        self._heads, self._bodies = [], []
        self._memory.close()
        if self._owner:
            self._memory.unlink()
