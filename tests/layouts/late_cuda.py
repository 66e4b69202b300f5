"""A CUDA device played by the processor whose copies come as late as they may.

What a stream is given to copy happens when somebody waits for it and not before, so that memory which is written again
too early shows in the frames. Everything else happens at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from latentart.engine import stream


class LateStream:
    """torch.cuda.Stream."""

    def __init__(self, *args: Any) -> None:
        self.waiting: list[Callable[[], Any]] = []
        self.given = self.done = 0

    def add(self, work: Callable[[], Any]) -> None:
        self.waiting.append(work)
        self.given += 1

    def run(self, until: int) -> None:
        while self.done < until:
            self.waiting.pop(0)()
            self.done += 1

    def wait_event(self, event: LateEvent) -> None:
        event.synchronize()

    def wait_stream(self, other: LateStream) -> None:
        other.run(other.given)


class LateEvent:
    """torch.cuda.Event; one that was never recorded has happened."""

    def __init__(self, *, blocking: bool = False) -> None:
        self.mark: tuple[LateStream, int] | None = None

    def record(self, of: LateStream) -> None:
        self.mark = of, of.given

    def synchronize(self) -> None:
        if self.mark:
            self.mark[0].run(self.mark[1])


class Postponed(TorchDispatchMode):
    """Gives copies to the stream."""

    def __init__(self, to: LateStream) -> None:
        super().__init__()
        self.to = to

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.name() != "aten::copy_":
            return func(*args, **(kwargs or {}))
        self.to.add(lambda: func(*args))
        return args[0]


class LateCuda:
    """What a test may ask afterwards: the pinned memory there was, and what ran beside."""

    def __init__(self) -> None:
        self.drawing = LateStream()
        self.beside: list[LateStream] = []
        self.pinned: list[Tensor] = []

    def make(self, *args: Any) -> LateStream:
        self.beside.append(LateStream())
        return self.beside[-1]

    @contextmanager
    def within(self, chosen: LateStream) -> Iterator[None]:
        with Postponed(chosen):
            yield

    def memory(self, size: int) -> Tensor:
        with torch.inference_mode(False):
            self.pinned.append(torch.full([size], 77, dtype=torch.uint8))
        return self.pinned[-1]

    def lent(self, frames: Any) -> bool:
        """Whether frames lie in pinned memory."""
        at = frames.ctypes.data
        return any(own.data_ptr() <= at < own.data_ptr() + own.numel() for own in self.pinned)


def install(monkeypatch: pytest.MonkeyPatch) -> LateCuda:
    """Puts it in the place of torch.cuda for one test; every device counts as one beside which frames come over."""
    late = LateCuda()
    monkeypatch.setattr(torch.cuda, "Stream", late.make)
    monkeypatch.setattr(torch.cuda, "Event", LateEvent)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda *device: late.drawing)
    monkeypatch.setattr(torch.cuda, "stream", late.within)
    monkeypatch.setattr(stream, "pinned", late.memory)
    monkeypatch.setattr(stream, "beside", lambda device: True)
    return late
