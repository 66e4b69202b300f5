"""A StyleGAN3 as a list of layers that a GPU can walk through."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.engine.fused.alias_free import filters
from latentart.engine.fused.alias_free.filters import Filters, Strip
from latentart.engine.fused.alias_free.modulation import Modulation, round_up
from latentart.engine.fused.modulation import norms
from latentart.models.base import Generator
from latentart.models.stylegan3 import StyleGAN3
from latentart.models.stylegan3.network import FilteredLayer, FourierInput

MOST_COLOURS, MOST_PAINTED = 4, 1024
LARGEST_MAP = 2**31 - 1
"""Values in one sample's feature map that 32 bits can count."""
FORMS = ("64x16x1", "64x8x1", "64x8x2")


@dataclass(frozen=True)
class Layer:
    """One convolution and the filtered leaky ReLU behind it; channels are filled up to multiples of 8 with zeros.

    weight [out, in, k, k], norm 1 for each output, channels last. bias [out] float32. up_taps [K], down_taps [12] or
    [12, 12] float32: the filters as they are, for `plain`; `filters` holds them for the kernel. size: (height, width)
    of what comes out. limit: where values are cut off.
    """

    name: str
    form: str
    weight: Tensor
    bias: Tensor
    up: int
    padding: tuple[int, int, int, int]
    up_taps: Tensor
    down_taps: Tensor
    filters: Filters
    size: tuple[int, int]
    limit: float

    @property
    def channels(self) -> int:
        """Number of output channels, the added ones among them."""
        return len(self.bias)


@dataclass(frozen=True)
class Paint:
    """toRGB: bias [img_channels] float32, limit of its values, and what they are multiplied with at the end."""

    bias: Tensor
    limit: float
    gain: float


@dataclass(frozen=True)
class Plan:
    """Tensors and constants of one network that a call of its kernels reads, prepared once."""

    dtype: torch.dtype
    start: FourierInput
    layers: tuple[Layer, ...]
    paint: Paint
    modulation: Modulation


def refusal(G: Generator) -> str:
    """Why G cannot be laid out like this; '' when it can."""
    if not isinstance(G, StyleGAN3):
        return f"the fused layers are for StyleGAN3, not for {G.family}"
    if G.img_channels > MOST_COLOURS:
        return f"the fused layers paint up to {MOST_COLOURS} channels, not {G.img_channels}"
    *layers, last = G.config.layers
    if last.up_taps or last.kernel != 1 or last.inputs > MOST_PAINTED:
        return f"the last layer, {last.name}, filters or is more than a product"
    for layer in layers:
        if why := filters.refusal(layer.up, layer.down, layer.up_taps, layer.down_taps, layer.padding):
            return f"{layer.name}: {why}"
        if (layer.out_size[0] + 2) * (layer.out_size[1] + 2) * round_up(layer.outputs) > LARGEST_MAP:
            return f"a feature map of {layer.name} is too large to be counted in 32 bits"
    return ""


def forms(layer: Layer) -> tuple[str, ...]:
    """The tiles worth measuring: the sums of each rank lie in registers."""
    return {1: FORMS, 2: FORMS[:2]}.get(layer.filters.rank, FORMS[1:2])


def make(G: StyleGAN3, dtype: torch.dtype, chosen: Mapping[str, str] | None = None) -> Plan:
    """G's layers in a dtype, on G's device; weights are copied. chosen: name of a layer -> its form."""
    known, layers = chosen or {}, G.synthesis.layers()
    *names, last = layers
    with torch.no_grad():
        made = tuple(layer(G, name, dtype, known.get(name)) for name in names)
        paint = Paint(_copied(layers[last].bias), _limit(layers[last]), G.synthesis.output_scale)
        start = copy.deepcopy(G.synthesis.input).float().requires_grad_(False)
        return Plan(dtype, start, made, paint, Modulation([*layers.values()]))


def layer(G: StyleGAN3, name: str, dtype: torch.dtype, form: str | None = None) -> Layer:
    """One layer of `make`."""
    conv = G.synthesis.layers()[name]
    plan, sizes = conv.plan, {layer.name: layer.out_size for layer in G.config.layers}
    before = [G.config.input.size, *sizes.values()][list(sizes).index(name)]
    up_taps, down_taps = _copied(conv.up_filter), _copied(conv.down_filter)
    strip = Strip.named(form or FORMS[1])
    width = before[1] + plan.kernel - 1
    laid = filters.lay_out(up_taps, down_taps, plan.up, plan.padding, strip=strip, dtype=dtype, width=width)
    return Layer(
        name=name,
        form=form or FORMS[1],
        weight=_weight(conv, dtype),
        bias=F.pad(_copied(conv.bias), (0, round_up(plan.outputs) - plan.outputs)),
        up=plan.up,
        padding=plan.padding,
        up_taps=up_taps,
        down_taps=down_taps,
        filters=laid,
        size=plan.out_size,
        limit=min(_limit(conv), torch.finfo(dtype).max),
    )


def _weight(conv: FilteredLayer, dtype: torch.dtype) -> Tensor:
    weight = conv.weight.detach().double() / norms(conv.weight.detach())[:, None, None, None]
    outputs, inputs = (round_up(side) - side for side in weight.shape[:2])
    filled = F.pad(weight, (0, 0, 0, 0, 0, inputs, 0, outputs)).to(dtype)
    return filled.contiguous(memory_format=torch.channels_last)


def _copied(values: Tensor) -> Tensor:
    return values.detach().to(torch.float32, memory_format=torch.contiguous_format, copy=True)


def _limit(conv: FilteredLayer) -> float:
    return math.inf if conv.clamp is None else conv.clamp
