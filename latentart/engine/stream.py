"""Frames on their way from a CUDA device to the host, while the next ones are drawn.

    read = ReadBack(device)
    pending = read.send(frames, total)     # queued behind the drawing: nothing waits
    ...                                    # the next batch is drawn
    made = pending()                       # waits for this copy alone

Two buffers on the device take turns between the stream that draws and the stream that copies: the one that draws
waits, on the device, until the copy before last has left the buffer it is about to write. Memory of the host, which is
pinned, is lent out with the frames: they are views of it, and it is written again only when the last of them is gone.
So a frame that waits for an encoder stays as it is, however long that takes.

On other devices frames are at hand when they are drawn: the plain loop.

Tested on a fake of `torch.cuda`; run on an H100 (docs/engine.md).
"""

from __future__ import annotations

import math
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels
from latentart.engine.drawing import check_number, rounded, rounded16
from latentart.engine.request import log

T = TypeVar("T")

Draw = Callable[[Tensor, Mapping[str, Tensor] | None], tuple[Tensor, Tensor]]

Pending = Callable[[], NDArray[Any]]
"""Waits for frames and gives them; raises PictureError when the pictures held NaN."""

DEPTHS: dict[int, Callable[[Tensor], Any]] = {8: pixels.to_uint8, 16: pixels.to_uint16}
"""Bits of a value -> what makes frames of them at once, both from the float picture."""

HELD = 6
"""Frames that a film holds at a time: four wait in the sink's queue, one is encoded, one is in hand."""

NUMPY = {torch.uint8: np.uint8, torch.uint16: np.uint16}

TOLD = 4
"""Bytes behind the frames: the float32 that is NaN when they were."""


def beside(device: torch.device) -> bool:
    """Whether frames of this device come over beside the drawing."""
    return device.type == "cuda"


def ahead(begun: Iterable[Callable[[], T]], device: torch.device) -> Iterator[T]:
    """What each gives, in order; on CUDA the next one is begun before one is waited for."""
    if not beside(device):
        for each in begun:
            yield each()
        return
    waiting: deque[Callable[[], T]] = deque()
    for each in begun:
        waiting.append(each)
        del each  # what it gives is lent, and nothing here may hold on to it
        if len(waiting) == 2:
            yield waiting.popleft()()
    if waiting:
        yield waiting.popleft()()


class Begins(Protocol):
    """An engine, as far as frames are concerned."""

    def begin(self, ws: Tensor) -> Callable[[], Any]:
        """ws [N, num_ws, w_dim] -> what waits for the frames and gives them."""
        ...


def stream(engine: Begins, batches: Iterable[Tensor], device: torch.device) -> Iterator[pixels.Frame]:
    """The frames of batches of ws [N, num_ws, w_dim], one by one; each stays valid as long as it is kept.

    On CUDA a batch is drawn while the one before it is copied, and the one before that is in the caller's hands.
    """
    for made in ahead((engine.begin(ws) for ws in batches), device):
        yield from made


class ReadBack:
    """Brings frames of one CUDA device over. Not to be called from two threads at a time; frames may go anywhere."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._copying = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._stages: deque[_Stage] = deque()
        self._free: deque[Tensor] = deque()
        self._room = self._made = 0
        self._told = False

    def send(self, frames: Tensor, total: Tensor) -> Pending:
        """frames [N, ...] uint8 or uint16, total a number that is NaN when the pictures were; both come in one copy.

        They are read on the current stream, before anything that is given to it after this.
        """
        size = frames.numel() * frames.element_size()
        end = math.ceil(size / TOLD) * TOLD + TOLD
        self._make_room(end, frames.device)
        drawing = torch.cuda.current_stream(self._device)
        stage, memory = self._stages[0], self._memory()
        self._stages.rotate()
        drawing.wait_event(stage.left)
        stage.fill(frames, total, end)
        self._copying.wait_stream(drawing)
        with torch.cuda.stream(self._copying):
            memory[:end].copy_(stage.memory[:end], non_blocking=True)
        stage.left.record(self._copying)
        lent = memory.numpy()
        # Views of it keep it alive; when the last is gone the memory may be written again.
        weakref.finalize(lent, self._free.append, memory).atexit = False
        return partial(_arrived, stage.left, lent[:end], frames.shape, NUMPY[frames.dtype], self._lends(len(frames)))

    def _make_room(self, size: int, device: torch.device) -> None:
        if size <= self._room:
            return
        with torch.inference_mode(False):
            self._stages = deque(_Stage(torch.empty(size, dtype=torch.uint8, device=device)) for _ in range(2))
        # The allocator hands old memory on to the stream that draws, which it is not to write before it was read.
        torch.cuda.current_stream(self._device).wait_stream(self._copying)
        # What is lent still goes back to the old list, and with it.
        self._free, self._room, self._made = deque(), size, 0

    def _memory(self) -> Tensor:
        if self._free:
            return self._free.popleft()
        self._made += 1
        return pinned(self._room)

    def _lends(self, batch: int) -> bool:
        """Whether frames are lent: not to who keeps more than a film does, which gets copies of its own."""
        lends = self._made <= math.ceil(HELD / batch) + 2
        if not lends and not self._told:
            self._told = True
            log.info("frames are kept instead of being encoded: they are copied once more")
        return lends


class _Stage:
    """Memory of the device between drawing and copying."""

    def __init__(self, memory: Tensor) -> None:
        self.memory = memory
        # A thread that waits leaves its core to the encoder.
        self.left = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        """When it was last copied away."""

    def fill(self, frames: Tensor, total: Tensor, end: int) -> None:
        """Writes the frames, and behind them the flag for NaN."""
        size = frames.numel() * frames.element_size()
        self.memory[:size].view(frames.dtype).view(frames.shape).copy_(frames)
        self.memory[end - TOLD : end].view(torch.float32).copy_(total)


def pinned(size: int) -> Tensor:
    """Pinned memory of the host, in bytes, that the device can write by itself."""
    with torch.inference_mode(False):
        return torch.empty(size, dtype=torch.uint8, pin_memory=True)


def _arrived(copied: Any, memory: NDArray[np.uint8], shape: Sequence[int], dtype: Any, lend: bool) -> NDArray[Any]:
    copied.synchronize()
    check_number(float(memory[-TOLD:].view(np.float32)[0]))
    size = math.prod(shape) * np.dtype(dtype).itemsize
    frames: NDArray[Any] = memory[:size].view(dtype).reshape(shape)
    return frames if lend else frames.copy()


class Rounding:
    """Float pictures to frames; those of a CUDA device come over beside the drawing."""

    def __init__(self, device: torch.device) -> None:
        self._read = ReadBack(device) if beside(device) else None

    def begin(self, img: Tensor, depth: int = 8) -> Pending:
        """img [N, C, H, W], about [-1, 1] -> what gives uint8 (or, with depth 16, uint16) [N, H, W, C]."""
        if self._read is not None and beside(img.device):
            return self._read.send(rounded(img) if depth == 8 else rounded16(img), img.sum())
        made = DEPTHS[depth](img)
        return lambda: made


class Delivered:
    """A run (see `engine.request.Run`) of a CUDA device that gives frames. `begin` waits for nothing, a call does.

    draw: ws and noise maps -> (frames on the device, a number that is NaN when the pictures were). What it gives may
    be written again by its next call: it has been read by then.
    """

    def __init__(self, draw: Draw, device: torch.device) -> None:
        self._draw, self._read = draw, ReadBack(device)

    def begin(self, ws: Tensor, noise: Mapping[str, Tensor] | None) -> Pending:
        """Draws, and sends the frames on their way."""
        return self._read.send(*self._draw(ws, noise))

    def __call__(self, ws: Tensor, noise: Mapping[str, Tensor] | None) -> NDArray[Any]:
        """The frames themselves."""
        return self.begin(ws, noise)()
