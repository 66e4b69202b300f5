"""StyleGAN2 as its papers state it: every sample gets its own modulated, demodulated kernel (grouped convolution).

Plain functions over the tensors of a Checkpoint, sharing no line with `latentart.models`: the reference that tests
compare with, and the transcription that benchmarks time beside ours. Karras et al. 2020, arXiv:1912.04958, section 2
and appendix B; the conventions of published files (kernel orientation, clamp, order of rows) as their tensors fix them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-8
SLOPE = 0.2
GAIN = math.sqrt(2)


@dataclass(frozen=True)
class Fused:
    """A generator made of nothing but its tensors and the settings that tensors cannot tell."""

    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any]

    @property
    def resolutions(self) -> list[int]:
        """4, 8, 16...: the number in each block's name."""
        count = sum(name.startswith("synthesis.b") and name.endswith(".conv1.weight") for name in self.tensors)
        return [4 * 2**i for i in range(count)]

    def mapping(
        self, z: Tensor, c: Tensor | None = None, truncation_psi: float = 1.0, truncation_cutoff: int | None = None
    ) -> Tensor:
        """z [N, z_dim], c [N, c_dim] -> ws [N, num_ws, w_dim]."""
        multiplier = self.config.get("mapping_lr_multiplier", 0.01)
        x = normalize(z)
        if c is not None:
            x = torch.cat([x, normalize(self.linear(c, "mapping.embed"))], dim=1)
        depth = sum(name.startswith("mapping.fc") and name.endswith(".weight") for name in self.tensors)
        for i in range(depth):
            x = activate(self.linear(x, f"mapping.fc{i}", multiplier))
        w_avg, rows = self.tensors["mapping.w_avg"], 2 * len(self.resolutions)
        moved = rows if truncation_cutoff is None else min(truncation_cutoff, rows)
        pulled = torch.lerp(w_avg.expand_as(x), x, truncation_psi)
        return torch.stack([pulled] * moved + [x] * (rows - moved), dim=1)

    def synthesis(self, ws: Tensor, noise_mode: str = "const", noise: Mapping[str, Tensor] | None = None) -> Tensor:
        """ws [N, num_ws, w_dim] -> images [N, C, H, W]; `noise` replaces maps by layer name ('b8.conv0')."""
        rows = iter(ws.unbind(dim=1))
        x = self.tensors["synthesis.b4.const"].repeat(len(ws), 1, 1, 1)
        img, w = None, next(rows)
        for resolution in self.resolutions:
            name, shortcut = f"synthesis.b{resolution}", None
            if resolution > 4:
                shortcut = self.shortcut(x, f"{name}.skip")
                x = self.styled(x, w, f"{name}.conv0", noise_mode, noise or {}, up=True)
                w = next(rows)
            x = self.styled(x, w, f"{name}.conv1", noise_mode, noise or {})
            if shortcut is not None:
                x = (x + shortcut) / GAIN
            w = next(rows)
            img = self.paint(img, x, w, name)
        assert img is not None
        return img

    def linear(self, x: Tensor, name: str, multiplier: float = 1.0) -> Tensor:
        """Linear layer with equalised learning rate: stored weights are scaled by multiplier / sqrt(fan-in) in use."""
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return x @ (weight * multiplier / math.sqrt(weight.shape[1])).T + bias * multiplier

    def styled(
        self, x: Tensor, w: Tensor, name: str, noise_mode: str, noise: Mapping[str, Tensor], *, up: bool = False
    ) -> Tensor:
        """Equations 1 and 3 of the paper, then noise, bias and activation."""
        kernels = self.tensors[f"{name}.weight"][None] * self.linear(w, f"{name}.affine")[:, None, :, None, None]
        kernels = kernels / torch.sqrt(kernels.square().sum(dim=(2, 3, 4), keepdim=True) + EPSILON)
        x = grouped(x, kernels, up)
        if up:
            x = blur(x, self.taps(name), (1, 1, 1, 1))
        field = self.noise(name, noise_mode, noise)
        if field is not None:
            x = x + field * self.tensors[f"{name}.noise_strength"]
        return self.clamp(activate(x + self.tensors[f"{name}.bias"][None, :, None, None]))

    def noise(self, name: str, mode: str, given: Mapping[str, Tensor]) -> Tensor | None:
        """The noise map of a layer, or None."""
        if mode == "none" or f"{name}.noise_const" not in self.tensors:
            return None
        return given.get(name.removeprefix("synthesis."), self.tensors[f"{name}.noise_const"])

    def shortcut(self, x: Tensor, name: str) -> Tensor | None:
        """The residual branch of the resnet architecture, None in the others."""
        weight = self.tensors.get(f"{name}.weight")
        if weight is None:
            return None
        return enlarge(F.conv2d(x, weight / math.sqrt(weight.shape[1])), self.taps(name))

    def paint(self, img: Tensor | None, x: Tensor, w: Tensor, block: str) -> Tensor | None:
        """toRGB, added to the enlarged picture so far."""
        if img is not None:
            img = enlarge(img, self.taps(block))
        if f"{block}.torgb.weight" not in self.tensors:
            return img
        weight = self.tensors[f"{block}.torgb.weight"]
        styles = self.linear(w, f"{block}.torgb.affine") / math.sqrt(weight.shape[1])
        rgb = grouped(x, weight[None] * styles[:, None, :, None, None], up=False)
        rgb = self.clamp(rgb + self.tensors[f"{block}.torgb.bias"][None, :, None, None])
        return rgb if img is None else img + rgb

    def taps(self, name: str) -> Tensor:
        """The [4, 4] FIR filter stored with a layer; files may leave the usual one out."""
        line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        return self.tensors.get(f"{name}.resample_filter", torch.outer(line, line))

    def clamp(self, x: Tensor) -> Tensor:
        """Values beyond conv_clamp are cut off."""
        limit = self.config.get("conv_clamp")
        return x if limit is None else torch.minimum(torch.maximum(x, x.new_tensor(-limit)), x.new_tensor(limit))


def normalize(x: Tensor) -> Tensor:
    """[N, D] -> the same with mean square 1."""
    return x / torch.sqrt(x.square().mean(dim=1, keepdim=True) + EPSILON)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU that keeps the variance."""
    return F.leaky_relu(x, SLOPE) * GAIN


def grouped(x: Tensor, kernels: Tensor, up: bool) -> Tensor:
    """x [N, I, H, W] with kernels [N, O, I, K, K], one per sample: the batch becomes groups of channels."""
    n, outputs, inputs, size, _ = kernels.shape
    x = x.reshape(1, n * inputs, *x.shape[2:])
    if up:
        x = F.conv_transpose2d(x, kernels.transpose(1, 2).reshape(n * inputs, outputs, size, size), stride=2, groups=n)
    else:
        x = F.conv2d(x, kernels.reshape(n * outputs, inputs, size, size), padding=size // 2, groups=n)
    return x.reshape(n, outputs, *x.shape[2:])


def blur(x: Tensor, taps: Tensor, pad: tuple[int, int, int, int]) -> Tensor:
    """FIR filter of every channel with gain 4, after zeros were put between the pixels."""
    kernel = (4 * taps).flip([0, 1])[None, None].repeat(x.shape[1], 1, 1, 1)
    return F.conv2d(F.pad(x, pad), kernel, groups=x.shape[1])


def enlarge(x: Tensor, taps: Tensor) -> Tensor:
    """Twice the size: zeros between the pixels, then the FIR filter."""
    n, channels, height, width = x.shape
    spread = x.new_zeros(n, channels, height, 2, width, 2)
    spread[:, :, :, 0, :, 0] = x
    return blur(spread.reshape(n, channels, 2 * height, 2 * width), taps, (2, 1, 2, 1))
