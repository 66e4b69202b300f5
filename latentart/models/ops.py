"""Small pieces that the generator families share. Images are [N, C, H, W]."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SQRT2 = math.sqrt(2)
SMOOTH = (1.0, 3.0, 3.0, 1.0)
"""The FIR filter of StyleGAN2 in one dimension, before it is normalised to sum 1."""


def normal(*shape: int, std: float = 1.0) -> Tensor:
    """Initial weights. On the meta device nothing is drawn: that would import PyTorch's compiler, a second's wait."""
    weights = torch.empty(shape)
    return weights if weights.is_meta else weights.normal_(std=std)


def smooth() -> Tensor:
    """The FIR filter of StyleGAN2, [4, 4], sum 1."""
    return torch.tensor([[a * b / sum(SMOOTH) ** 2 for b in SMOOTH] for a in SMOOTH])


class Dense(torch.nn.Module):
    """Linear layer with equalised learning rate (Karras et al. 2018): weights are scaled when used."""

    def __init__(self, inputs: int, outputs: int, *, lr_multiplier: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(normal(outputs, inputs, std=1 / lr_multiplier))
        self.bias = torch.nn.Parameter(torch.full([outputs], bias / lr_multiplier))
        self.weight_gain = lr_multiplier / math.sqrt(inputs)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        """Applies the layer: x [N, inputs] -> [N, outputs]."""
        bias = self.bias if self.bias_gain == 1 else self.bias * self.bias_gain
        return F.linear(x, self.weight * self.weight_gain, bias)


def unit_rms(x: Tensor) -> Tensor:
    """Scales each row of [N, D] to root mean square 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


def lrelu(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.2 and gain sqrt(2)."""
    return F.leaky_relu(x, 0.2) * SQRT2


def clamped(x: Tensor, limit: float | None) -> Tensor:
    """Values kept within -limit .. limit; None leaves them."""
    return x if limit is None else x.clamp(-limit, limit)


def fir(taps: Tensor) -> Tensor:
    """A [K] or [K, K] filter as a normalised [K, K] kernel."""
    kernel = taps.float() if taps.ndim == 2 else torch.outer(taps.float(), taps.float())
    return kernel / kernel.sum()


def filter2d(x: Tensor, kernel: Tensor, bias: Tensor | None = None, gain: float = 1.0) -> Tensor:
    """Correlates every channel with a symmetric [K, K] kernel after one pixel of zeros on each side, adds bias [C]."""
    channels = x.shape[1]
    weight = (kernel * gain).to(x.dtype).expand(channels, 1, *kernel.shape)
    return F.conv2d(x, weight, bias, padding=1, groups=channels)


def upsample2(x: Tensor, kernel: Tensor) -> Tensor:
    """Twice the size: zeros between the pixels, then a symmetric [K, K] FIR kernel with gain 4."""
    size, channels = kernel.shape[0], x.shape[1]
    height, width = 2 * x.shape[2], 2 * x.shape[3]
    weight = (kernel * 4).to(x.dtype).expand(channels, 1, size, size)
    full = F.conv_transpose2d(x, weight, stride=2, groups=channels)
    crop = (size - 2) // 2
    return full[:, :, crop : crop + height, crop : crop + width]
