"""Frames from the renderer's process to the server's, through shared memory: the newest few, never a queue."""

from __future__ import annotations

from multiprocessing import shared_memory

import numpy as np
from numpy.typing import NDArray

from latentart.pixels import Frame

SLOTS = 4
_MARK = 8
"""Bytes before each slot: the number of the frame in it, written last."""


class Ring:
    """SLOTS frames of one shape. One process writes, another reads; a frame overwritten while read is seen as such."""

    def __init__(self, shape: tuple[int, int, int], name: str | None = None) -> None:
        """shape: (height, width, channels); name: of the ring to open, None makes a new one."""
        self.shape = shape
        self._bytes = int(np.prod(shape))
        stride = _MARK + self._bytes
        self._memory = shared_memory.SharedMemory(name=name, create=name is None, size=SLOTS * stride)
        self._owner = name is None
        self._marks: list[NDArray[np.uint8]] = []
        self._slots: list[Frame] = []
        for start in range(0, SLOTS * stride, stride):
            # As bytes: a slot may start at an odd address.
            self._marks.append(np.ndarray(_MARK, np.uint8, self._memory.buf, start))
            self._slots.append(np.ndarray(shape, np.uint8, self._memory.buf, start + _MARK))

    @property
    def name(self) -> str:
        """What another process opens it by."""
        return self._memory.name

    def write(self, number: int, frame: Frame) -> None:
        """Puts frame `number` in the place of the oldest."""
        slot = number % SLOTS
        self._marks[slot][:] = 255
        np.copyto(self._slots[slot], frame)
        self._marks[slot][:] = _mark(number)

    def read(self, number: int) -> Frame | None:
        """A copy of frame `number`, or None when it was overwritten meanwhile."""
        slot, wanted = number % SLOTS, _mark(number)
        if not np.array_equal(self._marks[slot], wanted):
            return None
        frame = self._slots[slot].copy()
        return frame if np.array_equal(self._marks[slot], wanted) else None

    def close(self) -> None:
        """Lets go; the process that made it removes it."""
        self._marks, self._slots = [], []
        self._memory.close()
        if self._owner:
            self._memory.unlink()


def _mark(number: int) -> NDArray[np.uint8]:
    return np.frombuffer(number.to_bytes(_MARK, "little"), np.uint8)
