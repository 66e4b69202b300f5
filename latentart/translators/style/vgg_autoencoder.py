"""VGG-19 as an encoder and its mirror as a decoder: what AdaIN and WCT look and draw through.

Layers are called conv1_1 ... conv5_1 as in Simonyan and Zisserman 2015; encoders begin with a 1x1 convolution from RGB
in [0, 1] to the colours VGG was trained on. Files number the layers of a chain that counts paddings, activations and
poolings too: `positions` says where the convolutions stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import WeightsError

COUNTS = (2, 2, 4, 4, 1)
"""Convolutions of each block, as far as anybody goes."""
EPSILON = 1e-5


def layers(depth: int) -> list[str]:
    """'conv1_1' ... to the first of block `depth`."""
    counts = (*COUNTS[: depth - 1], 1)
    return [f"conv{block}_{i}" for block, count in enumerate(counts, 1) for i in range(1, count + 1)]


def encoder_positions(depth: int) -> dict[int, str]:
    """Place in the chain -> our name: colour at 0, then padding, convolution, activation; pooling before a block."""
    places, at = {0: "colour"}, 1
    for name in layers(depth):
        at += name.endswith("_1") and name != "conv1_1"
        places[at + 1] = name
        at += 3
    return places


def decoder_positions(depth: int) -> dict[int, str]:
    """Place in the chain -> our name: the encoder backwards, enlarged after the first convolution of a block."""
    places, at = {}, 0
    for name in reversed(layers(depth)):
        places[at + 1] = name
        at += 3 + name.endswith("_1")
    return places


class Encoder(torch.nn.Module):
    """Picture -> activations after conv<depth>_1. widths: channels after each convolution.

    ceil: whether pooling counts the last row of an odd height, as Torch's VGG does.
    """

    def __init__(self, widths: Sequence[int], *, ceil: bool = True) -> None:
        super().__init__()
        self.ceil = ceil
        names = layers(depth_of(len(widths)))
        self.colour = torch.nn.Conv2d(3, 3, 1)
        self.convs = torch.nn.ModuleDict(
            {name: _conv(a, b) for name, a, b in zip(names, (3, *widths), widths, strict=False)}
        )

    def forward(self, img: Tensor) -> Tensor:
        """img [N, 3, H, W] in [-1, 1] -> [N, C, H / 2^(depth - 1), W / 2^(depth - 1)]."""
        x: Tensor = self.colour((img + 1) / 2)
        for name, conv in self.convs.items():
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2, 2, ceil_mode=self.ceil)
            x = F.relu(conv(x))
        return x


class Decoder(torch.nn.Module):
    """Activations -> picture. widths: channels after each convolution, the last 3; rectified: ReLU after the last."""

    def __init__(self, inputs: int, widths: Sequence[int], *, rectified: bool = False) -> None:
        super().__init__()
        names = list(reversed(layers(depth_of(len(widths)))))
        self.rectified = rectified
        self.convs = torch.nn.ModuleDict(
            {name: _conv(a, b) for name, a, b in zip(names, (inputs, *widths), widths, strict=False)}
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, h, w] -> [N, 3, H, W], about [-1, 1]."""
        for name, conv in self.convs.items():
            x = conv(x)
            if name != "conv1_1" or self.rectified:
                x = F.relu(x)
            if name.endswith("_1") and name != "conv1_1":
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return x * 2 - 1


def depth_of(convolutions: int) -> int:
    """The depth of a chain with `count` convolutions. Raises WeightsError for a number that no chain has."""
    for depth in range(1, len(COUNTS) + 1):
        if len(layers(depth)) == convolutions:
            return depth
    raise WeightsError(f"{convolutions} convolutions: VGG-19 to the start of a block has 1, 3, 5, 9 or 13")


def widths_of(tensors: Mapping[str, Tensor], start: str, *, backwards: bool = False) -> list[int]:
    """Channels after each convolution of the chain whose tensors begin with `start`, in the chain's order."""
    names = [name for name in layers(len(COUNTS)) if f"{start}.convs.{name}.weight" in tensors]
    ordered = reversed(names) if backwards else names
    return [len(tensors[f"{start}.convs.{name}.weight"]) for name in ordered]


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """x [N, C, H, W] -> mean and standard deviation of each channel, [N, C, 1, 1]: AdaIN's, unbiased."""
    var, mean = torch.var_mean(x, dim=(2, 3), keepdim=True)
    return mean, (var + EPSILON).sqrt()


def _conv(inputs: int, outputs: int) -> torch.nn.Conv2d:
    return torch.nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")
