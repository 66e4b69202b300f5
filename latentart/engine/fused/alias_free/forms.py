"""Which tile of the filtered leaky ReLU is faster for each layer on this device: measured once, in a CUDA graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from latentart.engine import graph
from latentart.engine.fused.alias_free import plain, plan
from latentart.engine.fused.alias_free.network import Passes
from latentart.engine.fused.alias_free.plan import Layer
from latentart.engine.fused.forms import WRONG, Stopwatch, fastest
from latentart.engine.request import RouteError
from latentart.models.stylegan3 import StyleGAN3


def candidates(G: StyleGAN3, dtype: torch.dtype, passes: Passes) -> dict[str, Sequence[str]]:
    """Name of each filtered layer -> the forms worth measuring; one where nothing is to be chosen."""
    names = [*G.synthesis.layers()][:-1]
    if passes is plain:
        return {name: plan.FORMS[1:2] for name in names}
    return {name: plan.forms(plan.layer(G, name, dtype)) for name in names}


def choose(G: StyleGAN3, dtype: torch.dtype, batch: int, passes: Passes, stopwatch: Stopwatch) -> dict[str, str]:
    """Name of each filtered layer -> its fastest form; layers that do the same are measured once. Raises RouteError."""
    known: dict[tuple[object, ...], str] = {}
    found = {}
    for name, offered in candidates(G, dtype, passes).items():
        if len(offered) == 1 and passes is plain:
            continue
        layer = plan.layer(G, name, dtype)
        same = (layer.size, layer.channels, layer.weight.shape, layer.up, layer.filters.rank, layer.padding)
        if same not in known:
            known[same] = _fastest(G, name, dtype, batch, passes, stopwatch=stopwatch, offered=offered)
        found[name] = known[same]
    return found


def _fastest(
    G: StyleGAN3,
    name: str,
    dtype: torch.dtype,
    batch: int,
    passes: Passes,
    *,
    stopwatch: Stopwatch,
    offered: Sequence[str],
) -> str:
    wanted: list[Tensor] = []

    def timed(form: str) -> float:
        layer = plan.layer(G, name, dtype, form)
        z = _something(G, layer, batch)
        with graph.told_in_one_line("it cannot be run"):
            if not wanted:
                wanted.append(whole(plain, layer, z[:1])[0])
            _compare(whole(passes, layer, z[:1])[0], wanted[0])
        return stopwatch(partial(whole, passes, layer), z)

    return fastest(name, G.name, offered, timed)


def _something(G: StyleGAN3, layer: Layer, batch: int) -> Tensor:
    """What a convolution could have made, [batch, h, w, channels]: a wave."""
    sizes = {plan.name: plan.out_size for plan in G.config.layers}
    before = [G.config.input.size, *sizes.values()][list(sizes).index(layer.name)]
    more = layer.weight.shape[2] - 1
    shape = (batch, before[0] + more, before[1] + more, layer.channels)
    wave = torch.arange(math.prod(shape[1:]), dtype=torch.float32, device=G.device).mul_(0.7).sin_()
    return wave.reshape(shape[1:]).to(layer.weight.dtype).expand(shape).contiguous()


def _compare(made: Tensor, wanted: Tensor) -> None:
    wrong = float((made.float() - wanted.float()).norm() / wanted.float().norm())
    if not wrong <= WRONG:
        raise RouteError(f"it differs from plain PyTorch by {wrong:.1e}")


@torch.inference_mode()
def whole(passes: Passes, layer: Layer, z: Tensor) -> tuple[Tensor]:
    """What follows a layer's convolution, with factors that do not matter."""
    ones = torch.ones(len(z), layer.channels, device=z.device)
    return (passes.filtered(z, layer, ones, ones),)
