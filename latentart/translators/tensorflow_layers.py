"""What TensorFlow's layers do differently from PyTorch's: padding, kernels, enlargement."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


class SameConv(torch.nn.Conv2d):
    """A convolution with padding SAME: with stride 2 and an even size, one pixel more at the right and below.

    https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    """

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', ceil(H / stride), ceil(W / stride)]."""
        (top, below), (left, right) = (
            same(size, int(kernel), int(stride))
            for size, kernel, stride in zip(x.shape[-2:], self.kernel_size, self.stride, strict=True)
        )
        return super().forward(F.pad(x, (left, right, top, below)))


def same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """(pixels before, pixels after) that TensorFlow pads a side with."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def doubled(x: Tensor) -> Tensor:
    """x [N, C, H, W] twice as large, bilinear as TensorFlow 1 did it: pixel i lies at i / 2, without half pixels."""
    for dim in (2, 3):
        last = x.narrow(dim, x.shape[dim] - 1, 1)
        following = torch.cat([x.narrow(dim, 1, x.shape[dim] - 1), last], dim)
        x = torch.stack([x, (x + following) / 2], dim + 1).flatten(dim, dim + 1)
    return x


def kernel(weights: Tensor) -> Tensor:
    """[height, width, in, out] -> [out, in, height, width]."""
    return weights.permute(3, 2, 0, 1).contiguous()


def depthwise_kernel(weights: Tensor) -> Tensor:
    """[height, width, channels, multiplier] -> [channels * multiplier, 1, height, width]."""
    return weights.permute(2, 3, 0, 1).flatten(0, 1)[:, None].contiguous()
