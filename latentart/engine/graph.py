"""A function of tensors as one CUDA graph: recorded once, replayed without Python (PyTorch's `torch.cuda.CUDAGraph`).

    step = graph.capture(function, ws)      # runs function(ws) a few times, then records it
    img, = step(ws)                         # copies ws in, replays, hands out copies of what came out

Tested on a fake of `torch.cuda`; run on an H100 (docs/engine.md).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from subprocess import SubprocessError

import torch
from torch import Tensor

from latentart.engine.request import RouteError

Function = Callable[..., Sequence[Tensor]]
"""Tensors in, tensors out, all of fixed shapes on one CUDA device; nothing in it may wait for the device."""

WARM_UP = 3


class Graph:
    """What `capture` recorded. Calls are queued on the device's current stream; nothing waits for the device.

    inputs: the tensors that the graph reads. outputs: those it writes, at each replay again.
    Not to be called from two threads, or on two streams, at a time.
    """

    def __init__(
        self, replay: Callable[[], None], function: Function, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> None:
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self._replay = replay
        # Its weights are read where they lay when they were recorded: nothing else may be put there.
        self._function = function

    def replay(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Copies the given tensors into the first of `inputs` and replays; the remaining inputs keep their values.

        Returns `outputs` themselves, which the next replay overwrites: for what is read at once on the same stream.
        Raises ValueError when more is given than there are inputs.
        """
        if len(given) > len(self.inputs):
            raise ValueError(f"{len(given)} tensors for a graph of {len(self.inputs)} inputs")
        for own, new in zip(self.inputs, given, strict=False):
            # Its owner may write pinned memory again at once: only then is there something to wait for.
            own.copy_(new, non_blocking=not new.is_pinned())
        self._replay()
        return self.outputs

    def __call__(self, *given: Tensor) -> tuple[Tensor, ...]:
        """The same, with copies of the outputs that are the caller's own.

        Copies are queued behind the replay and before the next, so none is ever overwritten while it is read. A
        caller that reads them on another stream calls `record_stream` on them.
        """
        return tuple(made.clone() for made in self.replay(*given))


def capture(function: Function, *examples: Tensor, warm_up: int = WARM_UP) -> Graph:
    """Records function(*inputs), inputs being copies of the examples.

    The function is run `warm_up` times first, on a stream beside, where libraries choose their algorithms and
    allocate: what it changes itself (an optimiser's state, say) must be set again afterwards. Gradients work when the
    function takes them itself, by torch.autograd.grad. What it allocates lies in memory that only this graph uses. What
    it reads besides its inputs must stay where it is: the graph keeps the function, not what others may replace in it.
    Raises RouteError when it cannot be recorded.
    """
    device = next(tensor.device for tensor in examples)
    # Inference tensors could not be written outside of inference mode.
    with torch.inference_mode(False), torch.no_grad():
        inputs = [torch.empty_like(example).copy_(example) for example in examples]
    with torch.cuda.device(device), told_in_one_line("a CUDA graph cannot be recorded"):
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(warm_up):
                function(*inputs)
        torch.cuda.current_stream().wait_stream(beside)
        recorded = torch.cuda.CUDAGraph()
        # Other threads, those that encode or read back, may go on using the device meanwhile.
        with torch.cuda.graph(recorded, stream=beside, capture_error_mode="thread_local"):
            outputs = function(*inputs)
    return Graph(_on(device, recorded.replay), function, inputs, outputs)


def _on(device: torch.device, replay: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with torch.cuda.device(device):
            replay()

    return run


@contextmanager
def told_in_one_line(what: str) -> Iterator[None]:
    """Turns what PyTorch, CUDA, cuDNN and Triton raise inside the block into a RouteError."""
    try:
        yield
    except failures() as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
        raise RouteError(f"{what}: {reason}") from error


def failures() -> tuple[type[Exception], ...]:
    """Kinds of errors of a computation on a GPU; Triton's own only when it has been imported."""
    triton = sys.modules.get("triton.errors")
    own = [triton.TritonError] if triton else []
    pythons = (RuntimeError, ValueError, TypeError, AttributeError, LookupError, OSError, ImportError, SubprocessError)
    return (*pythons, *own)
