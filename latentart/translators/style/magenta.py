"""Magenta's arbitrary style (Ghiasi et al. 2017, arXiv:1705.06830) as reiinakano's tfjs demo has it.

A style is 100 numbers, which MobileNetV2 reads from a picture and the transformer turns into a bias and a factor for
each of its normalised channels. Files: a tfjs folder of the transformer (separable or not), or a folder with that one
and the one of the style network; without the latter styles are given as vectors only. The `magenta` that ships is the
small one of TensorFlow Lite, which pads by reflection where the tfjs graphs pad with zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.media.transparency import rgb
from latentart.translators.base import Translator
from latentart.translators.layers import normalized
from latentart.translators.style.adain import chosen
from latentart.translators.style.mobilenet import MobileNetV2, mobilenet_names
from latentart.translators.tensor_names import fill, numbered, renamed
from latentart.translators.tensorflow_layers import converted, normalised, variables
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import shape

Padding = Literal["zeros", "reflect"]
FAMILY = "magenta"
KIND = "style"
LOOKS_FOR = "a tfjs folder with transformer/contract/conv1/weights and style_params/transformer/..."
LICENCE = "Apache-2.0, reiinakano/arbitrary-image-stylization-tfjs (Magenta)"
EPSILON = 1e-5
UNUSED = r".*/(mul/x|strided_slice[^/]*/.*|paddings|reduction_indices|add/y|dim)"
"""Constants of the graph that are no weights."""
PADDINGS: tuple[Padding, ...] = ("zeros", "reflect")
STYLE_SIDE = 256
"""Pixels of the shorter side that styles were trained with: larger style pictures are made smaller."""


class Magenta(Translator):
    """width: channels at full size, 32; blocks: residual ones, 5; encoder: whether styles come from pictures."""

    licence = LICENCE
    multiple, smallest = 4, 16

    def __init__(
        self, width: int, style_dim: int, blocks: int, *, separable: bool, encoder: MobileNetV2 | None,
        padding: Padding = "zeros",
    ) -> None:  # fmt: skip
        super().__init__()
        w = width
        self.style_dim = style_dim
        self.strength_by = "style" if encoder else "image"
        shapes = ((3, w, 9, 1), (w, 2 * w, 3, 2), (2 * w, 4 * w, 3, 2))
        self.contract = torch.nn.ModuleList(
            torch.nn.Conv2d(a, b, size, stride, size // 2, padding_mode=padding) for a, b, size, stride in shapes
        )

        def styled(inputs: int, outputs: int, size: int) -> Styled:
            return Styled(inputs, outputs, size, style_dim, separable=separable, padding=padding)

        self.residual = torch.nn.ModuleList(
            Block(4 * w, style_dim, separable=separable, padding=padding) for _ in range(blocks)
        )
        self.expand = torch.nn.ModuleList([styled(4 * w, 2 * w, 3), styled(2 * w, w, 3), styled(w, 3, 9)])
        self.encoder = encoder

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], style [style_dim] or [N, style_dim] -> the same. Raises SettingsError."""
        wanted = chosen(self, style)
        # Of a graph that an engine makes, strength is an input: a tensor, which nothing can be decided by.
        if self.encoder is not None and not (isinstance(strength, float | int) and strength == 1):
            wanted = torch.lerp(self.styles_of(img), wanted, strength)
        x = (img + 1) / 2
        for conv in self.contract:
            x = F.relu(conv(x))
        for block in self.residual:
            x = block(x, wanted)
        for layer in self.expand[:2]:
            x = F.relu(layer(F.interpolate(x, scale_factor=2.0, mode="nearest"), wanted))
        made: Tensor = torch.sigmoid(self.expand[2](x, wanted)) * 2 - 1
        return made

    def style_of(self, img: Tensor) -> Tensor:
        """The style of a picture [1, 3, H, W] in [-1, 1] -> [style_dim]. Raises SettingsError without its network."""
        return self.styles_of(rgb(img))[0]

    def styles_of(self, img: Tensor) -> Tensor:
        """The styles of pictures [N, 3, H, W] in [-1, 1] -> [N, style_dim]."""
        if self.encoder is None:
            raise SettingsError(f"{self.name} has no network that reads styles: give a folder with both tfjs folders")
        small = STYLE_SIDE / min(img.shape[-2:])
        if small < 1:
            img = _shrunk(img, small)
        made: Tensor = self.encoder((img + 1) / 2)
        return made


def _shrunk(img: Tensor, scale: float) -> Tensor:
    """img [N, C, H, W] brought to `scale` of its size, below 1, each pixel a mean of those that it covers.

    As PyTorch's bilinear and antialiased, by two products of matrices: graphs of engines know nothing else that is.
    """
    down, across = (_shrinking(side, scale, img) for side in img.shape[-2:])
    return down @ img @ across.T


def _shrinking(side: int, scale: float, like: Tensor) -> Tensor:
    """[int(side * scale), side]: the share of each pixel, falling off from the middle of what is covered."""
    middles, places = (torch.arange(count).to(like) + 0.5 for count in (int(side * scale), side))
    shares = F.relu(1 - (places - middles[:, None] / scale).abs() * scale)
    return shares / shares.sum(1, keepdim=True)


class Styled(torch.nn.Module):
    """A convolution, perhaps in two steps, normalised, with bias and factor from the style."""

    def __init__(
        self, inputs: int, outputs: int, size: int, style_dim: int, *, separable: bool, padding: Padding
    ) -> None:
        super().__init__()
        first = torch.nn.Conv2d(
            inputs, inputs if separable else outputs, size, 1, size // 2, groups=inputs if separable else 1, bias=False,
            padding_mode=padding,
        )  # fmt: skip
        self.depth = first if separable else None
        self.conv = torch.nn.Conv2d(inputs, outputs, 1, bias=False) if separable else first
        self.bias, self.factor = torch.nn.Linear(style_dim, outputs), torch.nn.Linear(style_dim, outputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x [N, C, H, W], style [N or 1, style_dim] -> [N, C', H, W]."""
        x = normalized(self.conv(x if self.depth is None else self.depth(x)), None, None, None, None, eps=EPSILON)
        factor, bias = self.factor(style), self.bias(style)
        made: Tensor = x * factor[..., None, None] + bias[..., None, None]
        return made


class Block(torch.nn.Module):
    """Two styled convolutions beside a shortcut, nothing after the sum."""

    def __init__(self, width: int, style_dim: int, *, separable: bool, padding: Padding) -> None:
        super().__init__()
        self.first = Styled(width, width, 3, style_dim, separable=separable, padding=padding)
        self.second = Styled(width, width, 3, style_dim, separable=separable, padding=padding)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x [N, C, H, W], style [N or 1, style_dim] -> [N, C, H, W]."""
        made: Tensor = self.second(F.relu(self.first(x, style)), style)
        return x + made


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the tensors contain Magenta's style transformer."""
    first = "style_params/transformer/expand/conv3/conv/StyleNorm/Conv/weights"
    return first in tensors and "transformer/contract/conv1/weights" in tensors


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Tensors in our names, batch normalisation folded in. Raises WeightsError naming keys."""
    blocks = len(numbered(tensors, r"transformer/residual/residual(\d{1,2})/"))
    separable = "transformer/expand/conv1/dilate_conv/depthwise_weights" in tensors
    table: dict[str, str] = {}
    for i in range(3):
        table |= normalised(f"transformer/contract/conv{i + 1}", f"contract.{i}", gain="Const")
        table |= _styled(f"expand/conv{i + 1}/", "conv", f"expand.{i}", separable)
    for i in range(blocks):
        table |= _styled(f"residual/residual{i + 1}/", "conv1", f"residual.{i}.first", separable)
        table |= _styled(f"residual/residual{i + 1}/", "conv2", f"residual.{i}.second", separable)
    encoder = "MobilenetV2/Conv/weights" in tensors
    table |= mobilenet_names(tensors, "encoder") if encoder else {}
    words = _words(separable, encoder)
    return Parts(converted(renamed(tensors, table, what=FAMILY, switches=words, unused=UNUSED)), {}, words)


def build(checkpoint: Checkpoint) -> Translator:
    """The network. Raises WeightsError."""
    tensors = checkpoint.tensors
    width = shape(tensors, "contract.0.weight", 4, FAMILY)[0]
    style_dim = shape(tensors, "expand.2.bias.weight", 2, FAMILY)[1]
    blocks = len(numbered(tensors, r"residual\.(\d{1,2})\."))
    padding = checkpoint.config.get("padding", "zeros")
    if padding not in PADDINGS:
        raise WeightsError(f"padding {str(padding)[:40]!r} makes no sense in a Magenta config: zeros or reflect")
    with torch.device("meta"):
        encoder = MobileNetV2.of(tensors, "encoder") if "encoder.start.weight" in tensors else None
        T = Magenta(
            width, style_dim, blocks, separable="expand.0.depth.weight" in tensors, encoder=encoder, padding=padding
        )
    fill(T, tensors, what=FAMILY)
    T.inferred = _words("expand.0.depth.weight" in tensors, encoder is not None)
    return T


def _words(separable: bool, encoder: bool) -> tuple[str, str]:
    """The switches in words."""
    filters = "separable" if separable else "plain convolutions"
    return filters, "styles from pictures" if encoder else "no style network"


def _styled(place: str, name: str, ours: str, separable: bool) -> dict[str, str]:
    """One styled convolution. In the graph its filter is called 'dilate_conv' where it is separable."""
    start = f"style_params/transformer/{place}{name}/StyleNorm"
    style = variables(f"{start}/Conv", f"{ours}.bias", "matrix") | variables(
        f"{start}/Conv_1", f"{ours}.factor", "matrix"
    )
    if not separable:
        return style | {f"transformer/{place}{name}/weights": f"{ours}.conv.kernel"}
    start = f"transformer/{place}dilate_{name}"
    filters = {"depthwise_weights": "depth.depthwise", "pointwise_weights": "conv.kernel"}
    return style | {f"{start}/{theirs}": f"{ours}.{own}" for theirs, own in filters.items()}
