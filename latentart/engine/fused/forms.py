"""Which form of each layer is faster on this device: measured once, as a graph replays it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from latentart.engine import graph, precision
from latentart.engine.fused import plain, plan
from latentart.engine.fused.network import Passes, convolved, doubled
from latentart.engine.fused.plan import DIRECT, Layer
from latentart.engine.request import RouteError, log
from latentart.models.stylegan2 import StyleGAN2

REPEATS, ROUNDS = 5, 3
MOST_DIRECT = 128
"""Channels of a layer that a kernel convolves itself: all of them are in one tile."""

WRONG = 2e-2
"""Relative difference between what a form makes and what plain PyTorch does, from which it is not used."""

Draw = Callable[[Tensor], Sequence[Tensor]]
Stopwatch = Callable[[Draw, Tensor], float]
"""A function and its argument -> milliseconds of a call. Raises RouteError."""


def choose(G: StyleGAN2, dtype: torch.dtype, batch: int, passes: Passes, stopwatch: Stopwatch) -> dict[str, str]:
    """Name of each layer that has a choice -> its faster form (see `plan.Layer`).

    A transposed convolution is followed by a pass that filters; "phases" has four times the products, and neither
    writes nor reads what would be filtered; "direct" also does without what any convolution leaves for the pass behind
    it, but without cuDNN.
    """
    offers = {name: candidates(G, name, dtype, passes) for name in G.synthesis.layers()}
    return {
        n: _fastest(G, n, dtype, batch, passes, stopwatch=stopwatch, offered=each)
        for n, each in offers.items()
        if len(each) > 1
    }


def candidates(G: StyleGAN2, name: str, dtype: torch.dtype, passes: Passes) -> list[str]:
    """The forms of a layer that are worth measuring: products of matrices need half and a tile with all channels.

    Where float32 is to be exact, three products of TF32 are set against cuDNN's float32, which no tensor core computes.
    """
    few = len(G.synthesis.layers()[name].bias) <= MOST_DIRECT
    direct = few and dtype == torch.float16 and passes is not plain
    known = [form for form in plan.forms(G, name) if form != DIRECT or direct]
    whole = dtype == torch.float32 and precision.is_exact()
    return known + [form + plan.SPLIT for form in known] if whole else known


def _fastest(
    G: StyleGAN2,
    name: str,
    dtype: torch.dtype,
    batch: int,
    passes: Passes,
    *,
    stopwatch: Stopwatch,
    offered: Sequence[str],
) -> str:
    def timed(form: str) -> float:
        layer = plan.layer(G, name, dtype, form)
        x = _something(G, layer, batch)
        _compare(passes, layer, x[:1], plan.layer(G, name, dtype))
        return stopwatch(partial(_whole, passes, layer), x)

    return fastest(name, G.name, offered, timed)


def fastest(name: str, model: str, offered: Sequence[str], timed: Callable[[str], float]) -> str:
    """The form of a layer with the least time; those that `timed` refuses with a RouteError are logged and left out.

    Raises RouteError when none is left.
    """
    times: dict[str, float] = {}
    for form in offered:
        try:
            times[form] = timed(form)
        except RouteError as error:
            log.warning("%s is not used for %s of %s: %s", form, name, model, error)
    if not times:
        raise RouteError(f"no form of {name} works here")
    return min(times, key=times.__getitem__)


def _something(G: StyleGAN2, layer: Layer, batch: int) -> Tensor:
    """An input of a layer, [batch, h, w, in]: a wave."""
    inputs = G.synthesis.layers()[layer.name].weight.shape[1]
    shrunk = 1 if layer.colours else 2
    shape = (batch, layer.size[0] // shrunk, layer.size[1] // shrunk, inputs)
    wave = torch.arange(math.prod(shape), dtype=torch.float32, device=G.device).mul_(0.7).sin_()
    return wave.reshape(shape).to(layer.weight.dtype)


def _compare(passes: Passes, layer: Layer, x: Tensor, first: Layer) -> None:
    """Raises RouteError when a form makes something else than plain PyTorch makes in the first form."""
    with graph.told_in_one_line("it cannot be run"):
        made, wanted = _whole(passes, layer, x), _whole(plain, first, x)
        wrong = max(float((m.float() - w.float()).norm() / w.float().norm()) for m, w in zip(made, wanted, strict=True))
    if not wrong <= WRONG:
        raise RouteError(f"it differs from plain PyTorch by {wrong:.1e}")


@torch.inference_mode()
def _whole(passes: Passes, layer: Layer, x: Tensor) -> tuple[Tensor, ...]:
    """A layer with factors that do not matter."""
    ones, z = torch.ones(len(x), layer.channels, device=x.device), convolved(x, layer)
    if layer.colours is None:
        return (doubled(passes, z, layer, ones, layer.noise, style=ones),)
    kernel = ones[:, None].repeat(1, len(layer.colours.bias), 1)
    features, picture, _ = passes.finish(z, layer, ones, layer.noise, ones, kernel=kernel, below=None, uint8=False)
    assert features is not None
    return features, picture


def milliseconds(function: Draw, x: Tensor) -> float:
    """The shortest of a few replays of a CUDA graph: what launching costs Python does not count."""

    def repeated(x: Tensor) -> Sequence[Tensor]:
        for _ in range(REPEATS - 1):
            function(x)
        return function(x)

    recorded = graph.capture(repeated, x)
    return min(_timed(recorded) for _ in range(ROUNDS)) / REPEATS


def _timed(recorded: graph.Graph) -> float:
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    began.record()
    recorded.replay()
    ended.record()
    ended.synchronize()
    return float(began.elapsed_time(ended))
