"""Which form of doubling is faster on this device, for each layer: measured once, as a graph replays it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from latentart.engine import graph
from latentart.engine.fused import plan
from latentart.engine.fused.network import Passes, convolved, doubled
from latentart.engine.fused.plan import PHASES, TRANSPOSED, Layer
from latentart.models.stylegan2 import StyleGAN2

REPEATS, ROUNDS = 5, 3

Stopwatch = Callable[[Callable[[Tensor], Tensor], Tensor], float]
"""A function and its argument -> milliseconds of a call."""


def choose(G: StyleGAN2, dtype: torch.dtype, batch: int, passes: Passes, stopwatch: Stopwatch) -> dict[str, str]:
    """Name of each layer that doubles the size -> "transposed" or "phases" (see `plan.Layer`).

    The first is a transposed convolution and a pass that filters; the second has four times the products, and neither
    writes nor reads what would be filtered.
    """
    return {name: _faster(G, name, dtype, batch, passes, stopwatch) for name in plan.ups(G)}


def _faster(G: StyleGAN2, name: str, dtype: torch.dtype, batch: int, passes: Passes, stopwatch: Stopwatch) -> str:
    times = {}
    for form in (TRANSPOSED, PHASES):
        layer = plan.layer(G, name, dtype, form)
        (height, width), inputs = layer.size, G.synthesis.layers()[name].weight.shape[1]
        x = torch.zeros(batch, height // 2, width // 2, inputs, dtype=dtype, device=G.device)
        times[form] = stopwatch(partial(_whole, passes, layer), x)
    return min(times, key=times.__getitem__)


@torch.inference_mode()
def _whole(passes: Passes, layer: Layer, x: Tensor) -> Tensor:
    """A layer with factors that do not matter."""
    ones = torch.ones(len(x), layer.channels, device=x.device)
    return doubled(passes, convolved(x, layer), layer, ones, layer.noise, ones)


def milliseconds(function: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """The shortest of a few replays of a CUDA graph: what launching costs Python does not count."""

    def repeated(x: Tensor) -> tuple[Tensor]:
        for _ in range(REPEATS - 1):
            function(x)
        return (function(x),)

    recorded = graph.capture(repeated, x)
    return min(_timed(recorded) for _ in range(ROUNDS)) / REPEATS


def _timed(recorded: graph.Graph) -> float:
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    began.record()
    recorded.replay()
    ended.record()
    ended.synchronize()
    return float(began.elapsed_time(ended))
