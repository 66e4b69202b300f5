"""Layers that several families share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import seeds

Norm = Literal["none", "instance", "affine", "batch"]
"""Instance normalisation without and with learnt factors; batch has those, and stored averages."""
NORMS: tuple[Norm, ...] = ("none", "instance", "affine", "batch")
LARGE = 1 << 16
"""Pixels of a map from which sums need care."""
Statistics = tuple[Tensor, Tensor]
"""Mean and (biased) variance of each channel, [C] each."""


class InstanceNorm(torch.nn.Module):
    """Brings each channel of each picture to mean 0 and variance 1 (Ulyanov et al. 2016, arXiv:1607.08022).

    `mean` and `var` are None, and the picture's own statistics count, until they are fixed from outside: with
    `fix`, or for a whole network with `fixed`. A picture made of tiles needs that, because a tile's own statistics
    are not the picture's.
    """

    mean: Tensor | None
    var: Tensor | None
    weight: Tensor | None
    bias: Tensor | None

    def __init__(self, channels: int, *, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.eps = eps
        for name, start in (("weight", torch.ones), ("bias", torch.zeros)):
            self.register_parameter(name, torch.nn.Parameter(start(channels)) if affine else None)
        for name in ("mean", "var"):
            self.register_buffer(name, None, persistent=False)

    def fix(self, statistics: Statistics | None) -> None:
        """Uses these, [C] each, in place of the picture's own; None goes back to those."""
        self.mean, self.var = statistics or (None, None)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]."""
        return normalized(x, self.mean, self.var, self.weight, self.bias, eps=self.eps)


class BatchNorm(InstanceNorm):
    """Batch normalisation as pix2pix plays it: with the statistics of the current picture, as if it were the batch.

    `running_mean` and `running_var` are the averages that training stored; `stored(True)` plays those.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__(channels, eps=eps)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def stored(self, on: bool) -> None:
        """Whether the stored averages count, or the picture's own statistics."""
        self.fix((self.running_mean, self.running_var) if on else None)


class Dropout(torch.nn.Module):
    """Leaves out half of the values (p = 0.5): off, unless it is given a seed, which always names the same half.

    Isola et al. keep it on while drawing, as their only source of chance. A film keeps its half from frame to frame.
    """

    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level
        self.seed: int | None = None

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same, every other value (by chance) 0 and the rest doubled."""
        if self.training:
            return F.dropout(x)
        if self.seed is None:
            return x
        kept = seeds.stream(self.seed, self.level).random_sample(tuple(x.shape[1:])) < 0.5
        return x * torch.from_numpy(kept).to(x.device, x.dtype) * 2


def make_norm(kind: Norm, channels: int, *, eps: float = 1e-5) -> torch.nn.Module:
    """The normalisation of that kind; nothing for "none"."""
    if kind == "none":
        return torch.nn.Identity()
    return BatchNorm(channels, eps=eps) if kind == "batch" else InstanceNorm(channels, eps=eps, affine=kind == "affine")


def normalized(
    x: Tensor, mean: Tensor | None, var: Tensor | None, weight: Tensor | None, bias: Tensor | None, *, eps: float
) -> Tensor:
    """x [N, C, H, W] normalised with the statistics given, or with each picture's own where they are None."""
    if mean is not None:
        return F.batch_norm(x, mean, var, weight, bias, training=False, eps=eps)
    if x.shape[2] * x.shape[3] == 1:  # one value is its own mean: only the bias is left
        own = torch.zeros_like(x)
        return own if bias is None else own + bias[:, None, None]
    if len(x) == 1 and x.shape[2] * x.shape[3] > LARGE and not x.requires_grad:  # no gradient goes through given ones
        return F.batch_norm(x, *_settled(x), weight, bias, training=False, eps=eps)
    if len(x) == 1:  # the same as instance norm, and kinder to the channels-last layout
        return F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)
    return F.instance_norm(x, None, None, weight, bias, eps=eps)


def _settled(x: Tensor) -> Statistics:
    """Mean and biased variance of x [1, C, H, W] for large maps, where batch norm's own plain sums drift.

    Measured at 1024 x 768: 1e-3 of a standard deviation, a level of 255 in the picture, against 2e-6 here.
    """
    mean = x.mean((0, 2, 3))
    return mean, (x - mean[:, None, None]).square().mean((0, 2, 3))


def statistics(x: Tensor) -> Statistics:
    """Mean and biased variance of each channel over x [N, C, H, W], [C] each."""
    var, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
    return mean, var


def norms(T: torch.nn.Module) -> list[InstanceNorm]:
    """The normalisations whose statistics are the picture's own, in order."""
    return [m for m in T.modules() if isinstance(m, InstanceNorm) and m.mean is None]


@contextmanager
def measured(T: torch.nn.Module) -> Iterator[dict[InstanceNorm, Statistics]]:
    """Within the block every pass notes the statistics that each normalisation met: {layer: (mean, variance)}."""
    found: dict[InstanceNorm, Statistics] = {}

    def note(layer: InstanceNorm, inputs: tuple[Tensor]) -> None:
        found[layer] = statistics(inputs[0].detach())

    hooks = [layer.register_forward_pre_hook(note) for layer in norms(T)]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def fixed(found: dict[InstanceNorm, Statistics]) -> Iterator[None]:
    """Within the block these layers use these statistics, whatever the picture."""
    try:
        for layer, known in found.items():
            layer.fix(known)
        yield
    finally:
        for layer in found:
            layer.fix(None)


class SameConv(torch.nn.Conv2d):
    """Convolution with TensorFlow's 'SAME' border of zeros: an odd pixel of it goes below and to the right."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, bias: bool = False) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, ceil(H / stride), ceil(W / stride)]."""
        return super().forward(same_pad(x, self.kernel_size[0], self.stride[0]))


class SameTranspose(torch.nn.ConvTranspose2d):
    """TensorFlow's transposed convolution with 'SAME': what `SameConv` would cut off is cut off here."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 2, *, bias: bool = False) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=bias)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H * stride, W * stride]."""
        height, width = (side * self.stride[0] for side in x.shape[-2:])
        before = (self.kernel_size[0] - self.stride[0]) // 2
        return super().forward(x)[..., before : before + height, before : before + width]


def same_pad(x: Tensor, kernel: int, stride: int) -> Tensor:
    """x [N, C, H, W] with the border of zeros that TensorFlow's 'SAME' gives a convolution."""
    (top, below), (left, right) = (_same(side, kernel, stride) for side in x.shape[-2:])
    return F.pad(x, (left, right, top, below))


def _same(side: int, kernel: int, stride: int) -> tuple[int, int]:
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return missing // 2, missing - missing // 2
