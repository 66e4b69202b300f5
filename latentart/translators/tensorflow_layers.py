"""What TensorFlow's layers do differently from PyTorch's: padding, enlargement, and how their variables lie."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import WeightsError

EPSILON = 1e-3
"""Of slim's batch normalisation."""


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


def variables(theirs: str, ours: str, weights: str = "kernel") -> dict[str, str]:
    """Names of a convolution (or a 'matrix' of 1x1, or a 'depthwise' one) with biases, for `converted`."""
    return {f"{theirs}/weights": f"{ours}.{weights}", f"{theirs}/biases": f"{ours}.biases"}


def normalised(theirs: str, ours: str, *, gain: str = "gamma") -> dict[str, str]:
    """Names of a convolution without bias and the batch normalisation after it, for `converted`."""
    depthwise = theirs.endswith("depthwise")
    names = {f"{theirs}/{'depthwise_' if depthwise else ''}weights": f"{ours}.{'depthwise' if depthwise else 'kernel'}"}
    parts = {gain: "gain", "beta": "beta", "moving_mean": "mean", "moving_variance": "variance"}
    return names | {f"{theirs}/BatchNorm/{part}": f"{ours}.{own}" for part, own in parts.items()}


def converted(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Variables under names that `variables` and `normalised` gave -> '.weight' and '.bias' of PyTorch's layers.

    Batch normalisation with its stored averages is folded in. Raises WeightsError for shapes that do not fit.
    """
    made = {}
    for name, tensor in found.items():
        layer, _, part = name.rpartition(".")
        if part in _TURNED:
            if tensor.ndim != 4:
                raise WeightsError(f"the weights of {layer!r} have shape {list(tensor.shape)}: 4 dimensions are wanted")
            made[f"{layer}.weight"] = _TURNED[part](tensor)
        elif part == "biases":
            made[f"{layer}.bias"] = tensor
    for layer in [name.removesuffix(".gain") for name in found if name.endswith(".gain")]:
        gain, beta, mean, variance = (found[f"{layer}.{part}"] for part in ("gain", "beta", "mean", "variance"))
        weight = made[f"{layer}.weight"]
        if any(t.shape != (len(weight),) for t in (gain, beta, mean, variance)):
            raise WeightsError(f"the batch normalisation of {layer!r} does not fit {len(weight)} channels")
        scale = gain / (variance + EPSILON).sqrt()
        made[f"{layer}.weight"], made[f"{layer}.bias"] = weight * scale.view(-1, 1, 1, 1), beta - mean * scale
    return made


def _matrix(weights: Tensor) -> Tensor:
    """[1, 1, in, out] -> [out, in]."""
    return weights.flatten(0, 2).t().contiguous()


_TURNED = {"kernel": kernel, "depthwise": depthwise_kernel, "matrix": _matrix}
