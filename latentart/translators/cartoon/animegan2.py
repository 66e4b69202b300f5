"""AnimeGANv2 as bryandlee/animegan2-pytorch saves it: a small network with inverted residual blocks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.translators.base import Translator
from latentart.translators.tensor_names import fill, numbered, renamed
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import shape

FAMILY = "animegan2"
KIND = "cartoon"
LOOKS_FOR = "block_a.0.1.weight, block_c.1.layers.0.1.weight and out_layer.0.weight"
LICENCE = "AnimeGANv2's weights are for non-commercial use"
SLOPE = 0.2
LAYERS = {"a": 3, "b": 2, "d": 2, "e": 3}
"""Blocks of plain layers and how many each has; block c has a layer, inverted blocks, and a layer."""


class AnimeGan2(Translator):
    """width: of the first layer, 32; blocks: inverted ones, 4.

    align_corners: how the two enlargements place their pixels: True as its author shows his pictures, False as the
    TensorFlow original computes.
    """

    licence = LICENCE
    multiple, smallest = 32, 32

    def __init__(self, width: int = 32, blocks: int = 4, *, align_corners: bool = True) -> None:
        super().__init__()
        self.align_corners = align_corners
        w = width
        self.a = torch.nn.Sequential(Layer(3, w, 7), Layer(w, 2 * w, stride=2), Layer(2 * w, 2 * w))
        self.b = torch.nn.Sequential(Layer(2 * w, 4 * w, stride=2), Layer(4 * w, 4 * w))
        middle = [Inverted(4 * w if i == 0 else 8 * w, 8 * w) for i in range(blocks)]
        self.c = torch.nn.Sequential(Layer(4 * w, 4 * w), *middle, Layer(8 * w, 4 * w))
        self.d = torch.nn.Sequential(Layer(4 * w, 4 * w), Layer(4 * w, 4 * w))
        self.e = torch.nn.Sequential(Layer(4 * w, 2 * w), Layer(2 * w, 2 * w), Layer(2 * w, w, 7))
        self.end = torch.nn.Conv2d(w, 3, 1, bias=False)

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], H and W multiples of 4 -> the same."""
        x = self.d(self._doubled(self.c(self.b(self.a(img)))))
        return torch.tanh(self.end(self.e(self._doubled(x))))

    def _doubled(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=self.align_corners)


class Layer(torch.nn.Module):
    """Reflection, a convolution, a normalisation over all channels, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1, *, groups: int = 1) -> None:
        super().__init__()
        around = size // 2
        # With stride 2 only the right and the lower side are padded, as TensorFlow does for even sizes.
        self.padding = (0, 1, 0, 1) if stride == 2 else (around,) * 4
        self.conv = torch.nn.Conv2d(inputs, outputs, size, stride, groups=groups, bias=groups > 1)
        self.norm = torch.nn.GroupNorm(1, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H', W']."""
        return F.leaky_relu(self.norm(self.conv(F.pad(x, self.padding, mode="reflect"))), SLOPE)


class Inverted(torch.nn.Module):
    """Twice as wide, each channel by itself, and back; with a shortcut where the widths are equal."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.shortcut = inputs == outputs
        self.wide, self.depth = Layer(inputs, 2 * inputs, 1), Layer(2 * inputs, 2 * inputs, groups=2 * inputs)
        self.narrow, self.norm = torch.nn.Conv2d(2 * inputs, outputs, 1, bias=False), torch.nn.GroupNorm(1, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H, W]."""
        made: Tensor = self.norm(self.narrow(self.depth(self.wide(x))))
        return x + made if self.shortcut else made


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether its first, a middle and its last layer are there."""
    return {"block_a.0.1.weight", "block_c.1.layers.0.1.weight", "out_layer.0.weight"} <= set(tensors)


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Tensors in our names. Raises WeightsError naming keys."""
    blocks = len(numbered(tensors, r"block_c\.(\d{1,2})\.layers\."))
    layers = {f"block_{b}.{i}": f"{b}.{i}" for b, count in LAYERS.items() for i in range(count)}
    layers |= {f"block_c.{i}": f"c.{i}" for i in (0, blocks + 1)}
    table = {"out_layer.0.weight": "end.weight"}
    for theirs, ours in layers.items():
        table |= _layer(theirs, ours)
    for i in range(1, blocks + 1):
        theirs, ours = f"block_c.{i}.layers", f"c.{i}"
        table |= _layer(f"{theirs}.0", f"{ours}.wide") | _layer(f"{theirs}.1", f"{ours}.depth")
        table |= {f"{theirs}.1.1.bias": f"{ours}.depth.conv.bias", f"{theirs}.2.weight": f"{ours}.narrow.weight"}
        table |= {f"{theirs}.3.{part}": f"{ours}.norm.{part}" for part in ("weight", "bias")}
    return Parts(renamed(tensors, table, what=FAMILY), {}, (f"{blocks} inverted blocks",))


def build(checkpoint: Checkpoint, align_corners: bool = True) -> Translator:
    """The network. align_corners: as its author shows his pictures; False is the original's. Raises WeightsError."""
    tensors = checkpoint.tensors
    blocks = len([n for n in numbered(tensors, r"c\.(\d{1,2})\.") if f"c.{n}.narrow.weight" in tensors])
    with torch.device("meta"):
        T = AnimeGan2(shape(tensors, "a.0.conv.weight", 4, FAMILY)[0], blocks, align_corners=bool(align_corners))
    fill(T, tensors, what=FAMILY)
    T.inferred = (*checkpoint.inferred, f"align_corners {bool(align_corners)}")
    return T


def _layer(theirs: str, ours: str) -> dict[str, str]:
    """Convolution and normalisation of one layer."""
    names = {f"{theirs}.1.weight": f"{ours}.conv.weight"}
    return names | {f"{theirs}.2.{part}": f"{ours}.norm.{part}" for part in ("weight", "bias")}
