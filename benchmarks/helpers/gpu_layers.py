"""Each layer of a network on a GPU: its time, and what its bytes and its products take at the device's limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from benchmarks.helpers.gpu_table import Row
from latentart.engine.fused import forms as forms2
from latentart.engine.fused import plan as plan2
from latentart.engine.fused.alias_free import forms as forms3
from latentart.engine.fused.alias_free import plan as plan3
from latentart.engine.fused.alias_free.network import convolved
from latentart.engine.fused.rehearsal import kind_of
from latentart.engine.request import RouteError
from latentart.models.base import Generator
from latentart.models.stylegan2 import StyleGAN2
from latentart.models.stylegan3 import StyleGAN3

LIMITS = {"H100": (989.0, 3.35), "H200": (989.0, 4.8), "A100": (312.0, 2.0), "4090": (165.0, 1.0)}
"""TFLOP/s in half with float32 sums and TB/s of memory, from the data sheets."""
HALF = torch.float16


def second(G: StyleGAN2, batch: int) -> Iterator[Row]:
    """StyleGAN2: each form of each layer, its convolution and what follows."""
    passes = _passes(G)
    for name in G.synthesis.layers():
        for form in forms2.candidates(G, name, HALF, passes):
            layer = plan2.layer(G, name, HALF, form)
            x = forms2._something(G, layer, batch)
            inputs = G.synthesis.layers()[name].weight.shape[1]
            # Each input pixel meets nine taps; a layer that doubles needs no more than one that keeps its size.
            flops = 2 * 9 * x.shape[1] * x.shape[2] * inputs * layer.channels * batch
            moved = 2 * (x.numel() + batch * layer.size[0] * layer.size[1] * layer.channels)
            run = partial(forms2._whole, passes, layer)
            yield _row(f"StyleGAN2, {name}, {form}", _time(run, x), flops, moved, G.device)


def third(G: StyleGAN3, batch: int) -> Iterator[Row]:
    """StyleGAN3: each layer's convolution, and each form of its filtered leaky ReLU."""
    passes, about = _passes(G), f"StyleGAN3 ({'T' if G.config.layers[0].kernel > 1 else 'R'})"
    for name, offered in kind_of(G).candidates(G, HALF, passes).items():
        layer = plan3.layer(G, name, HALF)
        z = forms3._something(G, layer, batch)
        pad = layer.weight.shape[2] - 1
        x = torch.zeros(batch, z.shape[1] - pad, z.shape[2] - pad, layer.weight.shape[1], dtype=HALF, device=G.device)
        flops = 2 * z.shape[1] * z.shape[2] * layer.weight.numel() * batch
        run = partial(_convolved, layer)
        yield _row(f"{about}, {name}, convolution", _time(run, x), flops, 2 * (x.numel() + z.numel()), G.device)
        for form in offered:
            layer = plan3.layer(G, name, HALF, form)
            out = batch * layer.size[0] * layer.size[1] * layer.channels
            high = out * 4
            # Down the rows: 6 taps up, 6 for each product down, 4 of the leaky ReLU and its limits.
            flops = high * 2 * (10 + 6 * layer.filters.rank)
            took = _time(partial(forms3.whole, passes, layer), z)
            yield _row(f"{about}, {name}, {form}", took, 0, 2 * (z.numel() + out), G.device, scalar=flops)


@torch.inference_mode()
def _convolved(layer: plan3.Layer, x: Tensor) -> tuple[Tensor]:
    return (convolved(x, layer),)


def _passes(G: Generator) -> Any:
    """The kernels on a GPU, plain PyTorch elsewhere."""
    kind = kind_of(G)
    return import_module(kind.KERNELS) if G.device.type == "cuda" else kind.PLAIN


def _time(run: Callable[[Tensor], Any], x: Tensor) -> float | str:
    try:
        return forms2.milliseconds(run, x)
    except RouteError as error:
        return str(error)


def _row(what: str, took: float | str, flops: float, moved: float, device: torch.device, *, scalar: float = 0) -> Row:
    """scalar: FLOP outside of products of matrices, at a fifteenth of their rate."""
    if isinstance(took, str):
        return Row(what, 0.0, "ms", how=took)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    rate, width = next((limits for key, limits in LIMITS.items() if key in name), LIMITS["H100"])
    limit = 1e3 * max(flops / rate / 1e12 + 15 * scalar / rate / 1e12, moved / width / 1e12)
    how = f"{moved / 1e6:.0f} MB, {(flops + scalar) / 1e9:.1f} GFLOP, limit {limit:.3f} ms: {100 * limit / took:.0f} %"
    return Row(what, took, "ms", how=how)
