"""StyleGAN3 as its paper states it: zeros between pixels, full-size filters, a kernel for every sample.

Plain functions over the tensors of a Checkpoint, sharing no line with `latentart.models` and taking no plan from the
config: rates, sizes and paddings are worked out from the paper's rules. Karras et al. 2021, arXiv:2106.12423.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-8
MARGIN = 10


@dataclass(frozen=True)
class Plain:
    """A generator made of nothing but its tensors and the settings that tensors cannot tell."""

    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any]

    @property
    def layers(self) -> list[str]:
        """'L0_36_512' ... in order."""
        names = {m[1] for n in self.tensors if (m := re.match(r"synthesis\.(L\d+_\d+_\d+)\.", n))}
        return sorted(names, key=lambda n: int(n[1:].split("_")[0]))

    def mapping(self, z: Tensor, c: Tensor | None = None, truncation_psi: float = 1.0) -> Tensor:
        """z [N, z_dim], c [N, c_dim] -> ws [N, num_ws, w_dim]."""
        multiplier = self.config["mapping_lr_multiplier"]
        x = normalize(z)
        if c is not None:
            x = torch.cat([x, normalize(self.linear(c, "mapping.embed"))], dim=1)
        depth = sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", name)) for name in self.tensors)
        for i in range(depth):
            x = F.leaky_relu(self.linear(x, f"mapping.fc{i}", multiplier), 0.2) * math.sqrt(2)
        w = torch.lerp(self.tensors["mapping.w_avg"].expand_as(x), x, truncation_psi)
        return w[:, None].repeat(1, len(self.layers) + 1, 1)

    def synthesis(self, ws: Tensor, transform: Tensor | None = None) -> Tensor:
        """ws [N, num_ws, w_dim] -> images [N, C, H, W]; `transform` [3, 3] replaces the stored one."""
        rows = iter(ws.unbind(dim=1))
        rate, last = self.rate(0), len(self.layers) - 1
        x = self.fourier(next(rows), transform)
        for i, name in enumerate(self.layers):
            new = self.rate(i)
            x = self.layer(x, next(rows), f"synthesis.{name}", (rate, new), i == last)
            rate = new
        return x * 0.25

    def rate(self, i: int) -> int:
        """Sampling rate of a layer's output: its size without the margin, or the whole of it in the last two."""
        size = int(self.layers[i].split("_")[1])
        return size if i >= len(self.layers) - 2 else size - 2 * MARGIN

    def fourier(self, w: Tensor, transform: Tensor | None) -> Tensor:
        """Sines at learned frequencies, turned and moved by w, then by the user [N, C, H, W]."""
        get = lambda part: self.tensors[f"synthesis.input.{part}"]  # noqa: E731
        cos, sin, tx, ty = self.linear(w, "synthesis.input.affine").unbind(dim=1)
        norm = torch.hypot(cos, sin)
        cos, sin, tx, ty = cos / norm, sin / norm, tx / norm, ty / norm
        zero, one = torch.zeros_like(cos), torch.ones_like(cos)
        turn = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], dim=1).view(-1, 3, 3)
        move = torch.stack([one, zero, -tx, zero, one, -ty, zero, zero, one], dim=1).view(-1, 3, 3)
        matrix = turn @ move @ (get("transform") if transform is None else transform)
        freqs = get("freqs") @ matrix[:, :2, :2]
        phases = get("phases") + (get("freqs") @ matrix[:, :2, 2:])[..., 0]
        rate, band = self.rate(0), 2.0
        # Frequencies that turning and scaling pushed beyond the band fade out before they alias.
        amplitudes = (1 - (freqs.norm(dim=2) - band) / (rate / 2 - band)).clamp(0, 1)
        size = rate + 2 * MARGIN
        axis = (torch.arange(size) + 0.5 - size / 2) / rate
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1).view(-1, 2)
        waves = torch.sin(2 * math.pi * (grid @ freqs.mT + phases[:, None])) * amplitudes[:, None]
        channels = len(get("weight"))
        return (waves @ get("weight").t() / math.sqrt(channels)).mT.reshape(len(w), channels, size, size)

    def layer(self, x: Tensor, w: Tensor, name: str, rates: tuple[int, int], last: bool) -> Tensor:
        """Modulated convolution, then a leaky ReLU between an upsampling and a downsampling filter."""
        weight, styles = self.tensors[f"{name}.weight"], self.linear(w, f"{name}.affine")
        if last:
            styles = styles / math.sqrt(weight.shape[1])
        gain = self.tensors[f"{name}.magnitude_ema"].rsqrt()
        x = modulated(x, weight, styles, gain, demodulate=not last)
        x = x + self.tensors[f"{name}.bias"][:, None, None]
        if last:
            return x.clamp(-256, 256)
        size, rate = int(name.split("_")[1]), 2 * max(rates)
        up, down = rate // rates[0], rate // rates[1]
        filters = self.tensors[f"{name}.up_filter"], self.tensors[f"{name}.down_filter"]
        total = (size - 1) * down + 1 - x.shape[-1] * up + sum(len(f) - 1 for f in filters)
        low = (total + up) // 2
        x = filtered(zeros_between(x, up, low, total - low), filters[0]) * up**2
        x = (F.leaky_relu(x, 0.2) * math.sqrt(2)).clamp(-256, 256)
        return filtered(x, filters[1])[:, :, ::down, ::down]

    def linear(self, x: Tensor, name: str, multiplier: float = 1.0) -> Tensor:
        """Weights scaled at run time by multiplier / sqrt(inputs)."""
        weight = self.tensors[f"{name}.weight"]
        return x @ weight.t() * (multiplier / math.sqrt(weight.shape[1])) + self.tensors[f"{name}.bias"] * multiplier


def normalize(x: Tensor) -> Tensor:
    """Rows with root mean square 1."""
    return x / (x.square().mean(dim=1, keepdim=True) + EPSILON).sqrt()


def modulated(x: Tensor, weight: Tensor, styles: Tensor, gain: Tensor, *, demodulate: bool) -> Tensor:
    """Every sample gets its own kernel, whose outputs have unit norm when demodulated; full padding."""
    if demodulate:
        weight = weight / weight.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        styles = styles / styles.square().mean().sqrt()
    kernels = weight * styles[:, None, :, None, None]
    if demodulate:
        kernels = kernels / (kernels.square().sum(dim=(2, 3, 4), keepdim=True) + EPSILON).sqrt()
    n, outputs, inputs, size, _ = kernels.shape
    grouped = (kernels * gain).reshape(n * outputs, inputs, size, size)
    y = F.conv2d(x.reshape(1, n * inputs, *x.shape[2:]), grouped, padding=size - 1, groups=n)
    return y.view(n, outputs, *y.shape[2:])


def zeros_between(x: Tensor, up: int, low: int, high: int) -> Tensor:
    """Each pixel followed by up - 1 zeros on both axes, then zeros (or a crop) on every side."""
    n, c, h, w = x.shape
    wide = x.new_zeros(n, c, h, up, w, up)
    wide[:, :, :, 0, :, 0] = x
    return F.pad(wide.view(n, c, h * up, w * up), [low, high, low, high])


def filtered(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolution of every channel with a [K] filter on both axes, or a [K, K] filter."""
    channels = x.shape[1]
    if kernel.ndim == 2:
        return F.conv2d(x, kernel.flip(0, 1).expand(channels, 1, -1, -1), groups=channels)
    x = F.conv2d(x, kernel.flip(0)[None, :].expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(x, kernel.flip(0)[:, None].expand(channels, 1, -1, 1), groups=channels)
