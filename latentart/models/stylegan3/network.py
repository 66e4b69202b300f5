"""StyleGAN3 generators, T and R (Karras et al. 2021, arXiv:2106.12423): pictures that turn and move with their input.

Written from the paper's mathematics, with the tensor names of the published checkpoints; filters come from the file.
As in `stylegan2`, samples share one kernel: the input is scaled by the style, the output by the demodulation.
Where the paper puts zeros between pixels and throws pixels away, each filter here touches only pixels that count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.models import ops
from latentart.models.base import Generator, NoiseMode, Synthesizer, check_published, placed
from latentart.models.mapping import MappingNetwork
from latentart.models.modulated import SharedConv

FAMILY = "stylegan3"


@dataclass(frozen=True)
class LayerPlan:
    """Sizes are (height, width), padding is (left, right, top, bottom) in pixels after upsampling."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    up: int
    down: int
    padding: tuple[int, int, int, int]
    out_size: tuple[int, int]
    up_taps: tuple[int, ...]
    """Shape of the filter: (K,), (K, K), or () for a layer without filters, which is the last."""
    down_taps: tuple[int, ...]


@dataclass(frozen=True)
class InputPlan:
    """The waves that a picture begins with: size (height, width), samples and highest frequency per picture width."""

    size: tuple[int, int]
    sampling_rate: float
    bandwidth: float


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a StyleGAN3 generator."""

    z_dim: int
    c_dim: int
    w_dim: int
    embed_dim: int
    mapping_widths: tuple[int, ...]
    mapping_lr_multiplier: float
    layers: tuple[LayerPlan, ...]
    input: InputPlan
    conv_clamp: float | None
    output_scale: float
    joint_labels: bool = False

    @property
    def num_ws(self) -> int:
        """One row for the input and one for each layer."""
        return len(self.layers) + 1


class FourierInput(torch.nn.Module):
    """Waves at learned frequencies, turned and moved by w and by the user's transform (section 3.1)."""

    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = config.layers[0].inputs
        plan = config.input
        self.size, self.rate, self.bandwidth = plan.size, plan.sampling_rate, plan.bandwidth
        self.weight = torch.nn.Parameter(ops.normal(channels, channels))
        self.affine = ops.Dense(config.w_dim, 4)
        self.register_buffer("freqs", ops.normal(channels, 2))
        self.register_buffer("phases", torch.zeros(channels))
        self.register_buffer("transform", torch.eye(3))

    def forward(self, w: Tensor, transform: Tensor | None) -> Tensor:
        """w [N, w_dim], transform [3, 3] or [N, 3, 3] -> [N, channels, H, W]."""
        matrix = self.placement(w) @ (self.transform if transform is None else transform.to(w))
        freqs = self.freqs @ matrix[:, :2, :2]  # [N, channels, 2]
        phases = self.phases + (self.freqs @ matrix[:, :2, 2:]).squeeze(2)
        # Waves that a transform has pushed out of the band fade before they alias.
        amplitudes = 1 - (freqs.norm(dim=2) - self.bandwidth) / (self.rate / 2 - self.bandwidth)
        waves = torch.sin(torch.baddbmm(phases[:, None], self.grid(w), freqs.mT) * math.tau)  # [N, H * W, channels]
        mix = self.weight * (amplitudes.clamp(0, 1) / math.sqrt(len(self.weight)))[:, None]
        mixed: Tensor = waves @ mix.mT
        return mixed.view(len(w), *self.size, -1).permute(0, 3, 1, 2)

    def placement(self, w: Tensor) -> Tensor:
        """The rotation and translation that w asks for, [N, 3, 3]."""
        cos, sin, x, y = self.affine(w).unbind(dim=1)
        length = (cos.square() + sin.square()).sqrt()
        cos, sin, x, y = cos / length, sin / length, x / length, y / length
        rows = [cos, -sin, sin * y - cos * x, sin, cos, -sin * x - cos * y]
        top = torch.stack(rows, dim=1).view(-1, 2, 3)
        # 0 0 1, made on the device: numbers of the host would stop a CUDA graph from being recorded.
        return torch.cat([top, F.pad(torch.ones_like(top[:, :1, :1]), (2, 0))], dim=1)

    def grid(self, like: Tensor) -> Tensor:
        """(x, y) of every pixel, [N, H * W, 2]; the picture without its margin spans -0.5 .. 0.5."""
        y, x = (_centres(size, self.rate, like) for size in self.size)
        return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).view(1, -1, 2).expand(len(like), -1, -1)


def _centres(size: int, rate: float, like: Tensor) -> Tensor:
    return (torch.arange(size, dtype=like.dtype, device=like.device) + (0.5 - size / 2)) / rate


class FilteredLayer(SharedConv):
    """Modulated convolution, then a leaky ReLU between an upsampling and a downsampling filter (section 3.2)."""

    magnitude_ema: Tensor
    up_filter: Tensor
    down_filter: Tensor

    def __init__(self, plan: LayerPlan, config: Config) -> None:
        super().__init__(plan.inputs, plan.outputs, plan.kernel, config.w_dim)
        self.plan = plan
        self.clamp = config.conv_clamp
        self.register_buffer("magnitude_ema", torch.ones([]))
        self.filters = bool(plan.up_taps)
        if self.filters:
            self.register_buffer("up_filter", torch.zeros(plan.up_taps))
            self.register_buffer("down_filter", torch.zeros(plan.down_taps))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x [N, inputs, H, W], w [N, w_dim] -> [N, outputs, H', W']."""
        x = self.convolve(x, self.affine(w))
        if not self.filters:
            return ops.clamped(x, self.clamp)
        # leaky_relu(x) * sqrt(2) is leaky_relu(x * sqrt(2)): the gain rides on the filter.
        x = upsample(x, self.up_filter, self.plan.up, self.plan.padding, gain=self.plan.up**2 * ops.SQRT2)
        x = F.leaky_relu_(x, 0.2)
        if self.clamp is not None:
            # In place where no gradient needs what was there: these are the largest tensors of all.
            x = x.clamp(-self.clamp, self.clamp) if torch.is_grad_enabled() else x.clamp_(-self.clamp, self.clamp)
        return downsample(x, self.down_filter, self.plan.down)

    def convolve(self, x: Tensor, styles: Tensor) -> Tensor:
        """The modulated convolution with full padding, plus bias."""
        styles, scale = self.modulation(styles)
        pad = self.plan.kernel - 1
        if self.scales_kernel(x, styles):
            return F.conv2d(x, self.weight * (scale.t() * styles)[:, :, None, None], self.bias, padding=pad)
        x = F.conv2d(x * styles[:, :, None, None], self.weight, padding=pad)
        return torch.addcmul(self.bias[:, None, None], x, scale[:, :, None, None])

    def modulation(self, styles: Tensor) -> tuple[Tensor, Tensor]:
        """(factors of the inputs [N, inputs], factors of the outputs [N, outputs])."""
        gain = self.magnitude_ema.rsqrt()
        if not self.filters:
            return styles / math.sqrt(self.plan.inputs), gain.expand(len(styles), self.plan.outputs)
        styles = ops.unit_rms(styles)
        squares = self.squares()
        mean = squares.mean(dim=1) / self.plan.kernel**2
        norm = (styles.square() @ (squares / mean[:, None]).t() + 1e-8).rsqrt()
        return styles, norm * mean.rsqrt() * gain


def upsample(x: Tensor, taps: Tensor, up: int, padding: Sequence[int], gain: float) -> Tensor:
    """`up` times the size with `padding` more pixels around, filtered by taps [K] or [K, K].

    A transposed convolution of stride `up` is the paper's zeros, padding and filter without the zeros.
    """
    left, right, top, bottom = padding
    if taps.ndim == 2:
        full = F.conv_transpose2d(x, _each(taps * gain, x), stride=up, groups=x.shape[1])
        return _cropped(_cropped(full, 2, top, bottom, taps=len(taps), up=up), 3, left, right, taps=len(taps), up=up)
    tall = F.conv_transpose2d(x, _each(taps[:, None] * gain, x), stride=(up, 1), groups=x.shape[1])
    tall = _cropped(tall, 2, top, bottom, taps=len(taps), up=up)
    wide = F.conv_transpose2d(tall, _each(taps[None, :], x), stride=(1, up), groups=x.shape[1])
    return _cropped(wide, 3, left, right, taps=len(taps), up=up)


def _cropped(full: Tensor, axis: int, low: int, high: int, *, taps: int, up: int) -> Tensor:
    """What padding (low, high) and a valid filter leave of a transposed convolution."""
    # The transposed convolution pads by taps - 1 on both sides and has no zeros after the last pixel.
    first, last = taps - 1 - low, taps - 1 - high - (up - 1)
    if first < 0 or last < 0:
        edge = [max(0, -first), max(0, -last)]
        full = F.pad(full, [0, 0, *edge] if axis == 2 else edge)
    first, last = max(0, first), max(0, last)
    return full.narrow(axis, first, full.shape[axis] - first - last)


def downsample(x: Tensor, taps: Tensor, down: int) -> Tensor:
    """Filtered by taps [K] or [K, K], every `down`-th pixel; without padding."""
    if taps.ndim == 2:
        return F.conv2d(x, _each(taps.flip(0, 1), x), stride=down, groups=x.shape[1])
    taps = taps.flip(0)
    x = F.conv2d(x, _each(taps[None, :], x), stride=(1, down), groups=x.shape[1])
    return F.conv2d(x, _each(taps[:, None], x), stride=(down, 1), groups=x.shape[1])


def _each(kernel: Tensor, x: Tensor) -> Tensor:
    """The kernel once per channel of x."""
    return kernel.to(x.dtype).expand(x.shape[1], 1, -1, -1).contiguous()


class SynthesisNetwork(Synthesizer):
    """ws to image: waves, then layers. StyleGAN3 has no noise inputs; noise modes change nothing."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.output_scale = config.output_scale
        self.input = FourierInput(config)
        self.names = [plan.name for plan in config.layers]
        for plan in config.layers:
            self.add_module(plan.name, FilteredLayer(plan, config))

    def layers(self) -> dict[str, FilteredLayer]:
        """Name ('L0_36_512') -> layer, in the order of the rows of ws."""
        return {name: self.get_submodule(name) for name in self.names}  # type: ignore[misc]

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
        transform: Tensor | None = None,
        **published: Any,
    ) -> Tensor:
        """[N, num_ws, w_dim] -> [N, C, H, W]; `transform` as `placed` makes it, [3, 3] or [N, 3, 3], for this call."""
        check_published(published)
        ws = ws.to(self.input.weight.dtype)
        x: Tensor = self.input(ws[:, 0], transform)
        for row, layer in enumerate(self.layers().values(), start=1):
            x = layer(x, ws[:, row])
        return x * self.output_scale

    def set_transform(self, translate: Sequence[float] = (0.0, 0.0), rotate: float = 0.0) -> None:
        """Moves and turns every picture from now on; see `placed`. Without arguments: back to the middle, upright."""
        matrix = placed(translate, rotate).to(self.input.transform)
        with torch.no_grad():
            self.input.transform.copy_(matrix)


class StyleGAN3(Generator):
    """A StyleGAN3 generator of any published shape; see `Config`."""

    mapping: MappingNetwork
    synthesis: SynthesisNetwork
    can_be_moved = True

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.family = FAMILY
        self.z_dim, self.c_dim, self.w_dim, self.num_ws = config.z_dim, config.c_dim, config.w_dim, config.num_ws
        self.img_size = config.layers[-1].out_size
        self.img_channels = config.layers[-1].outputs
        self.noise_shapes = {}
        self.mapping = MappingNetwork(config)
        self.synthesis = SynthesisNetwork(config)
