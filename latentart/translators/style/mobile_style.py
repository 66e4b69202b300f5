"""One style in a network of MobileNetV2's bottlenecks (Sandler et al. 2018, arXiv:1801.04381), by mmalotin.

As the larger networks of `fast_style`, a tenth of their size: each 3x3 convolution is a 1x1, a 3x3 on single channels
and another 1x1, each normalised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.translators import tensor_names
from latentart.translators.base import Translator
from latentart.translators.layers import InstanceNorm
from latentart.weights.checkpoint import Checkpoint, Origin, Parts

FAMILY = "mobile_style"
KIND = "style"
LOOKS_FOR = "conv2.conv3.weight + upconv1.conv1.conv1.weight"
HALF = 127.5
_AVERAGES = r"(.*\.)?in\d\.(running_mean|running_var|num_batches_tracked)"


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a network."""

    widths: tuple[int, int, int]
    blocks: int


class Bottleneck(torch.nn.Module):
    """1x1, 3x3 on each channel alone over a reflected border, 1x1; added to what came in where the sizes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.adds = stride == 1 and inputs == outputs
        self.conv1 = torch.nn.Conv2d(inputs, inputs, 1, bias=False)
        self.conv2 = torch.nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False, padding_mode="reflect")
        self.conv3 = torch.nn.Conv2d(inputs, outputs, 1, bias=False)
        self.in1, self.in2, self.in3 = InstanceNorm(inputs), InstanceNorm(inputs), InstanceNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H / stride, W / stride]."""
        out: Tensor = F.relu6(self.in1(self.conv1(x)))
        out = self.in3(self.conv3(F.relu6(self.in2(self.conv2(out)))))
        return x + out if self.adds else out


class MobileStyle(Translator):
    """A small network of one style, pictures as RGB levels 0 .. 255."""

    multiple, smallest, tiles = 4, 8, True

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        a, b, c = config.widths
        self.conv1 = torch.nn.Conv2d(3, a, 9, padding=4, bias=False, padding_mode="reflect")
        self.in1 = InstanceNorm(a)
        self.down = torch.nn.ModuleList([Bottleneck(a, b, 2), Bottleneck(b, c, 2)])
        self.res = torch.nn.ModuleList(Bottleneck(c, c) for _ in range(config.blocks))
        self.up = torch.nn.ModuleList([Bottleneck(c, b), Bottleneck(b, a)])
        self.last = torch.nn.Conv2d(a, 3, 9, padding=4, bias=False, padding_mode="reflect")

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], sides multiples of 4 -> the same size, about [-1, 1]."""
        x = F.relu(self.in1(self.conv1(img * HALF + HALF)))
        for block in [*self.down, *self.res]:
            x = block(x)
        for block in self.up:
            x = F.relu(block(F.interpolate(x, scale_factor=2.0, mode="nearest")))
        out: Tensor = self.last(x)
        return out / HALF - 1


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names are mmalotin's."""
    return {"conv2.conv3.weight", "upconv1.conv1.conv1.weight"} <= tensors.keys()


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Our names. Raises WeightsError naming tensors that are missing or left over."""
    blocks = len(tensor_names.numbered(tensors, r"res(\d+)\."))
    places = {"conv2": "down.0", "conv3": "down.1", "upconv1.conv1": "up.0", "upconv2.conv1": "up.1"}
    places |= {f"res{i + 1}": f"res.{i}" for i in range(blocks)}
    table = {"conv1.weight": "conv1.weight", "in1.weight": "in1.weight", "in1.bias": "in1.bias"}
    table["conv4.weight"] = "last.weight"
    parts = [f"{kind}{k}.{what}" for k in (1, 2, 3) for kind, what in _PARTS]
    table |= {f"{theirs}.{part}": f"{ours}.{part}" for theirs, ours in places.items() for part in parts}
    found = tensor_names.renamed(tensors, table, what=FAMILY, unused=f"{_AVERAGES}|{tensor_names.COUNTERS}")
    return Parts(found, {}, ("layout of mmalotin", f"{blocks} residual blocks"))


_PARTS = (("conv", "weight"), ("in", "weight"), ("in", "bias"))


def build(checkpoint: Checkpoint) -> MobileStyle:
    """The network of tensors in our names. Raises WeightsError."""
    tensors = checkpoint.tensors
    a, b, c = tensor_names.widths(
        tensors, [f"{n}.weight" for n in ("conv1", "down.0.conv3", "down.1.conv3")], what=FAMILY
    )
    with torch.device("meta"):
        T = MobileStyle(Config((a, b, c), len(tensor_names.numbered(tensors, r"res\.(\d+)\."))))
    tensor_names.fill(T, tensors, what=FAMILY)
    return T
