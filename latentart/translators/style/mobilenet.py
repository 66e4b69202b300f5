"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) as slim names it, with a linear end: picture -> vector."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.translators.tensor_names import numbered
from latentart.translators.tensorflow_layers import SameConv, normalised, variables
from latentart.weights.shapes import shape

STRIDES = {1: 2, 3: 2, 6: 2, 13: 2}
"""Block -> stride, where it is not 1."""


class MobileNetV2(torch.nn.Module):
    """start: channels of the first layer; blocks: (expanded, projected) channels of each; last, outputs: of the end.

    Batch normalisation is folded into the convolutions; the first block expands nothing.
    """

    def __init__(self, start: int, blocks: list[tuple[int, int]], last: int, outputs: int) -> None:
        super().__init__()
        self.start = SameConv(3, start, 3, 2)
        before, made = start, []
        for number, (wide, narrow) in enumerate(blocks):
            made.append(Inverted(before, wide, narrow, STRIDES.get(number, 1), first=number == 0))
            before = narrow
        self.blocks = torch.nn.ModuleList(made)
        self.last, self.end = torch.nn.Conv2d(before, last, 1), torch.nn.Linear(last, outputs)

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], name: str) -> MobileNetV2:
        """The network that fits the tensors whose names begin with `name`. Raises WeightsError."""

        def width(layer: str) -> int:
            return shape(tensors, f"{name}.{layer}.weight", 4, "MobileNetV2")[0]

        count = len(numbered(tensors, rf"{name}\.blocks\.(\d{{1,2}})\."))
        blocks = [(width(f"blocks.{i}.depth"), width(f"blocks.{i}.narrow")) for i in range(count)]
        return cls(width("start"), blocks, width("last"), shape(tensors, f"{name}.end.weight", 2, "MobileNetV2")[0])

    def forward(self, x: Tensor) -> Tensor:
        """x [N, 3, H, W] in [0, 1] -> [N, outputs]."""
        x = F.relu6(self.start(x))
        for block in self.blocks:
            x = block(x)
        made: Tensor = self.end(F.relu6(self.last(x)).mean((2, 3)))
        return made


class Inverted(torch.nn.Module):
    """Wide, each channel by itself, narrow; with a shortcut where shapes are equal."""

    def __init__(self, inputs: int, wide: int, narrow: int, stride: int, *, first: bool) -> None:
        super().__init__()
        self.shortcut = stride == 1 and inputs == narrow
        self.wide = None if first else torch.nn.Conv2d(inputs, wide, 1)
        self.depth = SameConv(wide, wide, 3, stride, groups=wide)
        self.narrow = torch.nn.Conv2d(wide, narrow, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H', W']."""
        inner = x if self.wide is None else F.relu6(self.wide(x))
        made: Tensor = self.narrow(F.relu6(self.depth(inner)))
        return x + made if self.shortcut else made


def mobilenet_names(tensors: Mapping[str, Tensor], name: str) -> dict[str, str]:
    """Variables 'MobilenetV2/...' and 'mobilenet_conv/Conv/...' -> our names, which begin with `name`."""
    table = normalised("MobilenetV2/Conv", f"{name}.start") | normalised("MobilenetV2/Conv_1", f"{name}.last")
    for i in range(1 + len(numbered(tensors, r"MobilenetV2/expanded_conv_(\d{1,2})/"))):
        theirs, ours = f"MobilenetV2/expanded_conv{f'_{i}' if i else ''}", f"{name}.blocks.{i}"
        table |= normalised(f"{theirs}/depthwise", f"{ours}.depth") | normalised(f"{theirs}/project", f"{ours}.narrow")
        table |= normalised(f"{theirs}/expand", f"{ours}.wide") if i else {}
    return table | variables("mobilenet_conv/Conv", f"{name}.end", "matrix")
