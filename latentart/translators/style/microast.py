"""MicroAST (Wang et al. 2023, arXiv:2211.15313): arbitrary styles with 0.47 million weights.

Files: a folder with content_encoder, style_encoder, modulator and decoder (..._iter_160000.pth.tar). The style vector
is, for both depths of the style encoder, mean and deviation of its channels, then the modulator's factor and bias.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import WeightsError
from latentart.media.transparency import rgb
from latentart.translators.base import Translator
from latentart.translators.style import vgg_autoencoder
from latentart.translators.style.adain import chosen, large_enough, restyled
from latentart.translators.tensor_names import fill, renamed
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.containers.folder import by_file
from latentart.weights.shapes import shape

FAMILY = "microast"
KIND = "style"
FILES = ("content_encoder", "style_encoder", "modulator", "decoder")
LOOKS_FOR = f"a folder with {', '.join(FILES)} (enc1.0.conv_layer.weight, weight1.0.conv_layer.weight ...)"
KNOWN_BY = {"enc1.0.conv_layer.weight", "weight1.0.conv_layer.weight", "dec1.conv1.conv_layer.weight"}
ENCODER = {0: "start", 2: "down1", 4: "mix1", 6: "down2", 8: "mix2"}
DECODER = {1: "up1", 3: "mix1", 6: "up2", 8: "mix2", 10: "end"}
"""Places in their chains -> our names."""
MODULATOR = ("weight1", "bias1", "weight2", "bias2")


class MicroAst(Translator):
    """width: channels of the first layer, 16: four times as many where styles are put in."""

    multiple, smallest = 4, 32
    strength_by = "style"

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.channels = 4 * width
        self.style_dim = 8 * self.channels
        self.content_encoder, self.style_encoder = Encoder(width), Encoder(width)
        self.modulator = torch.nn.ModuleDict(
            {name: conv(self.channels, self.channels, 3, groups=self.channels) for name in MODULATOR}
        )
        self.decoder = Decoder(width)

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], style [style_dim] or [N, style_dim] -> the same. Raises SettingsError.

        Strengths go from the picture's own style, all eight signals of it, to the other one. Between features there is
        no way: those of the content encoder are not normalised, and what the style's filters make of them is one
        flat colour.
        """
        wanted = chosen(self, style)
        # Of a graph that an engine makes, strength is an input: a tensor, which nothing can be decided by.
        if not (isinstance(strength, float | int) and strength == 1):
            wanted = torch.lerp(self.styles_of(img), wanted, strength)
        signals = wanted.split_with_sizes([self.channels] * 8, dim=1)
        _, x = self.content_encoder((img + 1) / 2)
        for depth, block in ((1, self.decoder.block1), (0, self.decoder.block2)):
            mean, deviation, factor, bias = signals[4 * depth : 4 * depth + 4]
            # Beyond the style a deviation could fall below nothing, which would turn the features over.
            x = restyled(x, torch.cat([mean, deviation.clamp(min=0)], dim=1))
            x = block(x, factor[..., None, None], bias[..., None, None])
        made: Tensor = self.decoder(x)
        return made * 2 - 1

    def styles_of(self, img: Tensor) -> Tensor:
        """The styles of pictures [N, 3, H, W] in [-1, 1] -> [N, style_dim]."""
        parts: list[Tensor] = []
        for depth, x in enumerate(self.style_encoder((img + 1) / 2), start=1):
            signals = (self.modulator[f"{part}{depth}"](x).mean((2, 3)) for part in ("weight", "bias"))
            parts += [*(s.flatten(1) for s in vgg_autoencoder.statistics(x)), *signals]
        return torch.cat(parts, dim=1)

    def style_of(self, img: Tensor) -> Tensor:
        """The style of a picture [1, 3, H, W] in [-1, 1] -> [style_dim]."""
        return self.styles_of(large_enough(rgb(img), self.smallest))[0]


class Encoder(torch.nn.Module):
    """Picture -> features at a quarter of its size, and the same one block deeper."""

    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.start = conv(3, w, 9)
        self.down1, self.mix1 = conv(w, 2 * w, 3, stride=2, groups=w), conv(2 * w, 2 * w, 1)
        self.down2, self.mix2 = conv(2 * w, 4 * w, 3, stride=2, groups=2 * w), conv(4 * w, 4 * w, 1)
        self.block1, self.block2 = Block(4 * w), Block(4 * w)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[N, 3, H, W] in [0, 1] -> two of [N, C, H / 4, W / 4]."""
        for layer in (self.start, self.down1, self.mix1, self.down2, self.mix2):
            x = F.relu(layer(x))
        first = self.block1(x)
        return first, self.block2(first)


class Block(torch.nn.Module):
    """Two convolutions beside a shortcut; a style multiplies each and adds what came in, channel by channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(width, width, 3), conv(width, width, 3)

    def forward(self, x: Tensor, factor: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """x [N, C, h, w], factor and bias [N or 1, C, 1, 1] -> [N, C, h, w]."""
        if factor is None or bias is None:
            plain: Tensor = self.conv2(F.relu(self.conv1(x)))
            return x + plain
        inner = F.relu(factor * self.conv1(x) + bias * x)
        made: Tensor = self.conv2(inner)
        return x + factor * made + bias * inner


class Decoder(torch.nn.Module):
    """Features -> picture. Its two blocks are played from outside, with a style each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.block1, self.block2 = Block(4 * w), Block(4 * w)
        self.up1, self.mix1 = conv(4 * w, 2 * w, 3, groups=2 * w), conv(2 * w, 2 * w, 1)
        self.up2, self.mix2 = conv(2 * w, w, 3, groups=w), conv(w, w, 1)
        self.end = conv(w, 3, 9)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, h, w], after the blocks -> [N, 3, 4 h, 4 w] in [0, 1]."""
        for up, mix in ((self.up1, self.mix1), (self.up2, self.mix2)):
            larger = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = F.relu(mix(F.relu(up(larger))))
        made: Tensor = self.end(x)
        return made


def conv(inputs: int, outputs: int, size: int, *, stride: int = 1, groups: int = 1) -> torch.nn.Conv2d:
    """A convolution with the reflected picture around it."""
    return torch.nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, padding_mode="reflect")


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether it is the folder, or one of its files."""
    return any(KNOWN_BY & set(found) for found in by_file(tensors).values())


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Tensors in our names. Raises WeightsError naming the files or keys that are missing."""
    files = {re.sub(r"_iter_\d+$", "", stem): found for stem, found in by_file(tensors).items()}
    lost = [name for name in FILES if name not in files]
    if lost:
        raise WeightsError(f"no whole MicroAST, missing: {', '.join(lost)} (give the folder of four)")
    made: dict[str, Tensor] = {}
    for name in FILES:
        made |= renamed(files[name], _table(name), what=f"MicroAST {name}")
    return Parts(made, {}, (f"width {len(made['content_encoder.start.weight'])}",))


def build(checkpoint: Checkpoint) -> Translator:
    """The network. Raises WeightsError."""
    with torch.device("meta"):
        T = MicroAst(shape(checkpoint.tensors, "content_encoder.start.weight", 4, FAMILY)[0])
    fill(T, checkpoint.tensors, what=FAMILY)
    return T


def _table(file: str) -> dict[str, str]:
    """Names in one of the files -> ours."""
    if file == "modulator":
        layers = {f"{name}.0": name for name in MODULATOR}
    elif file == "decoder":
        layers = {f"dec3.{i}": name for i, name in DECODER.items()}
        layers |= {f"dec{b}.conv{k}": f"block{b}.conv{k}" for b in (1, 2) for k in (1, 2)}
    else:
        layers = {f"enc1.{i}": name for i, name in ENCODER.items()}
        layers |= {f"enc1.10.conv{k}": f"block1.conv{k}" for k in (1, 2)}
        layers |= {f"enc2.0.conv{k}": f"block2.conv{k}" for k in (1, 2)}
    return {f"{t}.conv_layer.{of}": f"{file}.{o}.{of}" for t, o in layers.items() for of in ("weight", "bias")}
