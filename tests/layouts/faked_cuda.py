"""A CUDA device played by the processor: the few names of `torch.cuda` that the engine uses.

Its graph records the operators that run while it captures and replays those, into the same memory, as CUDA does:
Python does not run again, inputs and outputs keep their addresses, and whatever would wait for the device is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from latentart.engine import stream

WAITS = ("item", "_local_scalar_dense", "is_nonzero", "nonzero", "equal", "lift_fresh")
"""The last makes a tensor of numbers that Python has: they are copied from the host."""


class Recorder(TorchDispatchMode):
    """Writes down each operator with its arguments and what it made."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().removeprefix("aten::").partition(".")[0]
        if name in WAITS:
            raise RuntimeError(f"CUDA error: operation not permitted when stream is capturing\n({name})")
        made = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, made))
        return made


class FakedGraph:
    """torch.cuda.CUDAGraph."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        with torch.inference_mode():
            for func, args, kwargs, before in self.recorder.calls:
                made = func(*args, **kwargs)
                for old, new in zip(tree_leaves(before), tree_leaves(made), strict=True):
                    if isinstance(old, torch.Tensor) and old is not new:
                        old.copy_(new)


class FakedCuda:
    """What the tests may ask afterwards: the graphs, and the modes in which they were recorded."""

    def __init__(self) -> None:
        self.graphs: list[FakedGraph] = []
        self.modes: list[str] = []

    @contextmanager
    def graph(self, recorded: FakedGraph, *, stream: Any = None, capture_error_mode: str = "global") -> Iterator[None]:
        self.graphs.append(recorded)
        self.modes.append(capture_error_mode)
        with recorded.recorder:
            yield


class FakedStream:
    """Work is done at once, so there is nothing to wait for."""

    def __init__(self, *args: Any, **settings: Any) -> None: ...

    def wait_stream(self, other: FakedStream) -> None: ...

    def wait_event(self, event: FakedEvent) -> None: ...

    def synchronize(self) -> None: ...


class FakedEvent:
    """The processor's clock."""

    def __init__(self, **settings: Any) -> None:
        self.at = 0.0

    def record(self, *stream: FakedStream) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None: ...

    def elapsed_time(self, later: FakedEvent) -> float:
        return 1000 * (later.at - self.at)


def install(monkeypatch: pytest.MonkeyPatch) -> FakedCuda:
    """Puts the fake in the place of torch.cuda for one test; every generator counts as one on such a device."""
    faked = FakedCuda()
    beside: dict[str, Callable[..., Any]] = {
        "device": lambda device: nullcontext(),
        "Stream": FakedStream,
        "Event": FakedEvent,
        "current_stream": lambda *device: FakedStream(),
        "stream": lambda stream: nullcontext(),
        "CUDAGraph": FakedGraph,
        "graph": faked.graph,
        "get_device_name": lambda *device: "Faked GPU",
        "synchronize": lambda *device: None,
    }
    for name, value in beside.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(stream, "beside", lambda device: True)
    monkeypatch.setattr(stream, "pinned", lambda size: torch.empty(size, dtype=torch.uint8))
    return faked
