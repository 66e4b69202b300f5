"""A StyleGAN2 as a list of layers that a GPU can walk through: weights, constants and where they lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from latentart.engine.fused.modulation import Modulation, norms
from latentart.models import ops
from latentart.models.base import Generator
from latentart.models.stylegan2 import StyledConv, StyleGAN2, ToRGB

SAME, TRANSPOSED, PHASES, DIRECT = "same", "transposed", "phases", "direct"
"""Forms of a convolution: cuDNN's that keeps the size, its two that double it, and one that a kernel makes itself."""
SPLIT = " x3"
"""Ends the name of a form whose float32 convolution is three products of TF32 (`network.split`)."""
TF32_BITS = 13
"""Bits of float32 that TF32 does not have."""
MOST_COLOURS, FIR = 4, (4, 4)
LARGEST_MAP = 2**31 - 1
"""Values in one sample's feature map that 32 bits can count."""


@dataclass(frozen=True)
class Colours:
    """The constants of a toRGB: bias [img_channels], limit of its values, FIR [4, 4] that doubles the picture below."""

    bias: Tensor
    limit: float
    taps: Tensor


@dataclass(frozen=True)
class Layer:
    """One convolution and what follows it. The gain sqrt(2) is in bias, strength and the scales of `Modulation`.

    weight, norm 1 for each output, channels last: [out, in, 3, 3]; "transposed" [in, out, 3, 3]; "phases"
    [4 * out, in, 3, 3], four kernels for the four pixels that each pixel becomes; "direct" [1 or 4, 9, in, out], the
    same as matrices. size: (height, width) of what comes out. noise: the map of its own, [1, height, width]. limit:
    where values are cut off. taps: FIR [4, 4]. colours: None in a layer that doubles the size. split: weight has three
    times the inputs, for `network.split`.
    """

    name: str
    form: str
    weight: Tensor
    size: tuple[int, int]
    bias: Tensor
    strength: Tensor
    noise: Tensor | None
    limit: float
    taps: Tensor
    colours: Colours | None
    split: bool = False

    @property
    def channels(self) -> int:
        """Number of output channels."""
        return len(self.bias)


@dataclass(frozen=True)
class Plan:
    """Everything that a call reads: the start [1, h, w, channels], layers in their order, styles."""

    dtype: torch.dtype
    start: Tensor
    layers: tuple[Layer, ...]
    modulation: Modulation


def refusal(G: Generator) -> str:
    """Why G cannot be laid out like this; '' when it can."""
    if not isinstance(G, StyleGAN2):
        return f"the fused layers are for StyleGAN2, not for {G.family}"
    if G.config.architecture != "skip":
        return f"the fused layers are for the architecture 'skip', not for {G.config.architecture!r}"
    if G.img_channels > MOST_COLOURS:
        return f"the fused layers paint up to {MOST_COLOURS} channels, not {G.img_channels}"
    for name, buffer in G.synthesis.named_buffers():
        if name.endswith("resample_filter") and tuple(buffer.shape) != FIR:
            return f"the fused layers filter with 4x4 taps, {name} has {'x'.join(map(str, buffer.shape))}"
    for index, channels in enumerate(G.config.widths):
        height, width = G.config.block_size(index)
        if (height + 1) * (width + 1) * channels > LARGEST_MAP:
            return f"a feature map of {height}x{width} in {channels} channels is too large to be counted in 32 bits"
    return ""


def forms(G: StyleGAN2, name: str) -> tuple[str, ...]:
    """The forms that a layer can have."""
    return (TRANSPOSED, PHASES, DIRECT) if G.synthesis.layers()[name].up else (SAME, DIRECT)


def make(G: StyleGAN2, dtype: torch.dtype, *, noise: bool = True, chosen: Mapping[str, str] | None = None) -> Plan:
    """G's layers in a dtype, on G's device; weights are copied.

    noise: whether layers have the maps of the checkpoint. chosen: name of a layer -> its form, of those in `forms`;
    the first of those when it is not named.
    """
    synthesis, known = G.synthesis, chosen or {}
    with torch.no_grad():
        layers = tuple(layer(G, name, dtype, known.get(name), noise) for name in synthesis.layers())
        torgbs = [block.torgb for block in synthesis.blocks if block.torgb is not None]
        count = len(layers)
        # A toRGB reads the row after its block's last convolution's: 1, 3, 5...
        modulation = Modulation([*synthesis.layers().values()], range(count), torgbs, range(1, count + 1, 2))
        start = _copied(synthesis.blocks[0].const.permute(1, 2, 0))[None]
    return Plan(dtype, start, layers, modulation)


def layer(G: StyleGAN2, name: str, dtype: torch.dtype, form: str | None = None, noise: bool = True) -> Layer:
    """One layer of `make`."""
    conv = G.synthesis.layers()[name]
    form = form or forms(G, name)[0]
    parts, form = form.endswith(SPLIT), form.removesuffix(SPLIT)
    block = G.synthesis.get_submodule(name.partition(".")[0])
    zero = conv.bias.new_zeros(())
    strength = conv.noise_strength.detach() * ops.SQRT2 if conv.use_noise else zero
    return Layer(
        name=name,
        form=form,
        weight=_split(_laid_out(conv, form, dtype), form) if parts else _laid_out(conv, form, dtype),
        size=_size(G, name),
        bias=(conv.bias.detach() * ops.SQRT2).float(),
        strength=strength.float(),
        noise=_copied(conv.noise_const)[None] if noise and conv.use_noise else None,
        limit=min(_limit(conv), torch.finfo(dtype).max),
        taps=_copied(conv.resample_filter),
        colours=None if conv.up else _colours(block.torgb, block.resample_filter),  # type: ignore[arg-type]
        split=parts,
    )


def tf32(x: Tensor) -> Tensor:
    """The nearest values that TF32 can say, float32."""
    half = 1 << (TF32_BITS - 1)
    return (x.view(torch.int32) + half).bitwise_and_(-1 << TF32_BITS).view(torch.float32)


def _split(weight: Tensor, form: str) -> Tensor:
    """Kernels for what `network.split` makes of the inputs: rounded, rounded again, and what rounding left out."""
    high = tf32(weight)
    inputs = 0 if form == TRANSPOSED else 1
    return torch.cat([high, high, weight - high], dim=inputs).contiguous(memory_format=torch.channels_last)


def _colours(torgb: ToRGB, taps: Tensor) -> Colours:
    return Colours(_copied(torgb.bias), _limit(torgb), _copied(taps))


def _copied(values: Tensor) -> Tensor:
    """As they are now, float32, without gaps."""
    return values.detach().to(torch.float32, memory_format=torch.contiguous_format, copy=True)


def _limit(conv: StyledConv | ToRGB) -> float:
    return math.inf if conv.clamp is None else conv.clamp


def _size(G: StyleGAN2, name: str) -> tuple[int, int]:
    return G.config.block_size(G.synthesis.names.index(name.partition(".")[0]))


def _laid_out(conv: StyledConv, form: str, dtype: torch.dtype) -> Tensor:
    weight = conv.weight.detach().double() / norms(conv.weight.detach())[:, None, None, None]
    if form == PHASES or (form == DIRECT and conv.up):
        weight = phases(weight, conv.resample_filter.double())
    if form == DIRECT:
        matrices = weight.reshape(-1, len(conv.bias), weight.shape[1], 9).permute(0, 3, 2, 1)
        return matrices.to(dtype, memory_format=torch.contiguous_format)
    if form == TRANSPOSED:
        weight = weight.transpose(0, 1)
    return weight.to(dtype).contiguous(memory_format=torch.channels_last)


def phases(weight: Tensor, taps: Tensor) -> Tensor:
    """Transposed convolution and FIR filter as one convolution before the doubling: [4 * out, in, 3, 3].

    weight [out, in, 3, 3] puts pixel i onto 2i, 2i+1, 2i+2; the FIR [4, 4] with gain 4 reads from one pixel before to
    two after. A pixel of even (0) or odd (1) row thus reads input rows i-1, i, i+1, each through the products of kernel
    row p and FIR row a for which a = 2k - 1 - parity + p. Outputs are ordered by (row parity, column parity, channel).
    """
    fits = [
        [[[a == 2 * k - 1 - parity + p for a in range(4)] for p in range(3)] for k in range(3)] for parity in (0, 1)
    ]
    join = torch.tensor(fits, dtype=weight.dtype, device=weight.device)  # [parity, k, p, a]
    joined = torch.einsum("ykpa,xlqb,ab->yxklpq", join, join, 4 * taps)
    return torch.einsum("yxklpq,oipq->yxoikl", joined, weight).flatten(0, 2)
