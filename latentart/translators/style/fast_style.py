"""One style in one network (Johnson et al. 2016, arXiv:1603.08155, with the instance normalisation of 1607.08022).

Three layouts of files are one network here: pytorch/examples, rrmina's fast-neural-style-pytorch, and the TensorFlow
variables of lengstrom's fast-style-transfer that ml5 and reiinakano's browser port use. They differ in the border, in
how they double sizes and in what the last layer does; pictures as BGR are turned into RGB in the weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import WeightsError
from latentart.translators import tensor_names
from latentart.translators.base import Translator
from latentart.translators.layers import InstanceNorm, SameConv, SameTranspose
from latentart.weights.checkpoint import Checkpoint, Origin, Parts

FAMILY = "fast_style"
KIND = "style"
LOOKS_FOR = "conv1.conv2d.weight + deconv3.conv2d.weight (pytorch/examples); ConvBlock.0.conv_layer.weight (rrmina); \
Variable .. Variable_47 (lengstrom, ml5)"
Border = Literal["reflect", "same"]
Doubling = Literal["nearest", "transposed"]
End = Literal["plain", "tanh", "tanh-centred"]
HALF = 127.5
TANH_GAIN = 150.0
FIRST_THREE = tuple(f"down.{i}.conv.weight" for i in range(3))
NEAR_ZERO = 10.0
MOST_MISSING = 9
ML5 = {"border": "same", "doubling": "transposed", "end": "tanh-centred"}
"""The switches of lengstrom's networks, the only ones that ml5 plays."""
_AVERAGES = r"(.*\.)?in\d\.(running_mean|running_var|num_batches_tracked)"
_TRAINING = r".*_Adam(_1)?|beta\d_power|global_step|" + tensor_names.COUNTERS


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a network."""

    widths: tuple[int, int, int] = (32, 64, 128)
    blocks: int = 5
    border: Border = "reflect"
    doubling: Doubling = "nearest"
    end: End = "plain"
    """plain: levels 0 .. 255 as they come; tanh: x 150; tanh-centred: x 150 + 127.5."""
    bias: bool = True
    last_norm: bool = False
    eps: float = 1e-5


class Unit(torch.nn.Module):
    """Convolution and normalisation, or convolution alone."""

    def __init__(
        self, config: Config, inputs: int, outputs: int, kernel: int, stride: int = 1, *, double: bool = False,
        norm: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.nearest = double and config.doubling == "nearest"
        self.conv = _convolution(config, inputs, outputs, kernel, stride, transposed=double and not self.nearest)
        self.norm = InstanceNorm(outputs, eps=config.eps) if norm else torch.nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H', W'], halved by the stride or doubled."""
        x = F.interpolate(x, scale_factor=2.0, mode="nearest") if self.nearest else x
        out: Tensor = self.norm(self.conv(x))
        return out


class Residual(torch.nn.Module):
    """Two convolutions whose result is added; nothing is cut off after the sum."""

    def __init__(self, config: Config, width: int) -> None:
        super().__init__()
        self.first = Unit(config, width, width, 3)
        self.second = Unit(config, width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]."""
        added: Tensor = self.second(F.relu(self.first(x)))
        return x + added


class FastStyle(Translator):
    """A network of one style; see `Config`."""

    multiple, smallest, tiles = 4, 8, True

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        a, b, c = config.widths
        self.down = torch.nn.ModuleList(
            [Unit(config, 3, a, 9), Unit(config, a, b, 3, 2), Unit(config, b, c, 3, 2)],
        )
        self.res = torch.nn.ModuleList(Residual(config, c) for _ in range(config.blocks))
        self.up = torch.nn.ModuleList([Unit(config, c, b, 3, double=True), Unit(config, b, a, 3, double=True)])
        self.last = Unit(config, a, 3, 9, norm=config.last_norm)

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], sides multiples of 4 -> the same size, about [-1, 1]."""
        x = img * HALF + HALF
        for unit in self.down:
            x = F.relu(unit(x))
        for block in self.res:
            x = block(x)
        for unit in self.up:
            x = F.relu(unit(x))
        return ended(self.last(x), self.config.end)


def ended(x: Tensor, end: End) -> Tensor:
    """What the last layer gave -> [-1, 1], or beyond."""
    if end == "tanh-centred":
        return torch.tanh(x) * (TANH_GAIN / HALF)
    return (x if end == "plain" else torch.tanh(x) * TANH_GAIN) / HALF - 1


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of one of the three layouts."""
    return _layout(tensors) is not None


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Our names and switches. Raises WeightsError naming tensors that are missing or left over."""
    layout = _layout(tensors)
    try:
        return {"examples": _examples, "rrmina": _rrmina, "tensorflow": _tensorflow}[layout or ""](tensors)
    except (IndexError, RuntimeError) as error:
        raise WeightsError(f"a {FAMILY} network of the {layout} layout with a tensor of another shape") from error


def build(checkpoint: Checkpoint, *, end: str | None = None) -> FastStyle:
    """The network of tensors in our names. end: 'plain', 'tanh' or 'tanh-centred' instead of what the file seems."""
    config = read_config(checkpoint.tensors, {**checkpoint.config, **({"end": end} if end else {})})
    with torch.device("meta"):
        T = FastStyle(config)
    tensor_names.fill(T, checkpoint.tensors, what=FAMILY)
    return T


def read_config(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Config:
    """Shapes from tensors in our names, switches from the config. Raises WeightsError."""
    chosen = {"border": ("reflect", "same"), "doubling": ("nearest", "transposed"),
              "end": ("plain", "tanh", "tanh-centred")}  # fmt: skip
    for key, choices in chosen.items():
        if stated.get(key, choices[0]) not in choices:
            raise WeightsError(f"{key} {stated[key]!r} of a {FAMILY} network is not one of {', '.join(choices)}")
    eps = stated.get("eps", 1e-5)
    if not isinstance(eps, float) or not 0 < eps < 1:
        raise WeightsError(f"eps {eps!r} of a {FAMILY} network is no number between 0 and 1")
    a, b, c = tensor_names.widths(tensors, FIRST_THREE, what=FAMILY)
    blocks = len(tensor_names.numbered(tensors, r"res\.(\d+)\."))
    bias, last_norm = "down.0.conv.bias" in tensors, "last.norm.weight" in tensors
    switches = {key: stated[key] for key in chosen if key in stated}
    return Config((a, b, c), blocks, bias=bias, last_norm=last_norm, eps=eps, **switches)


def _convolution(
    config: Config, inputs: int, outputs: int, kernel: int, stride: int, *, transposed: bool
) -> torch.nn.Module:
    if config.border == "same":
        kind = SameTranspose if transposed else SameConv
        return kind(inputs, outputs, kernel, 2 if transposed else stride, bias=config.bias)
    half = kernel // 2
    if transposed:
        return torch.nn.ConvTranspose2d(inputs, outputs, kernel, 2, half, output_padding=1, bias=config.bias)
    return torch.nn.Conv2d(inputs, outputs, kernel, stride, half, padding_mode="reflect", bias=config.bias)


def _layout(tensors: Mapping[str, Tensor]) -> str | None:
    if "conv1.conv2d.weight" in tensors and "deconv3.conv2d.weight" in tensors:
        return "examples"
    if "ConvBlock.0.conv_layer.weight" in tensors:
        return "rrmina"
    return "tensorflow" if {"Variable", "Variable_1", "Variable_23"} <= tensors.keys() else None


def _units(blocks: int) -> list[str]:
    """Our names of the units, in the order of the network."""
    inner = [f"res.{i}.{part}" for i in range(blocks) for part in ("first", "second")]
    return ["down.0", "down.1", "down.2", *inner, "up.0", "up.1", "last"]


def _examples(tensors: Mapping[str, Tensor]) -> Parts:
    """pytorch/examples: convolutions as conv1.conv2d, normalisations beside them as in1."""
    blocks = len(tensor_names.numbered(tensors, r"res(\d+)\."))
    inner = [(f"res{i}.conv{k}.conv2d", f"res{i}.in{k}") for i in range(1, blocks + 1) for k in (1, 2)]
    down = [(f"conv{i}.conv2d", f"in{i}") for i in (1, 2, 3)]
    up = [("deconv1.conv2d", "in4"), ("deconv2.conv2d", "in5"), ("deconv3.conv2d", "")]
    table = _table([*down, *inner, *up], blocks)
    found = tensor_names.renamed(tensors, table, what=FAMILY, unused=f"{_AVERAGES}|{tensor_names.COUNTERS}")
    return Parts(found, {"end": "plain"}, ("layout of pytorch/examples", _widths(found)))


def _rrmina(tensors: Mapping[str, Tensor]) -> Parts:
    """rrmina: nn.Sequential numbers, doubling by transposed convolutions, BGR."""
    blocks = len(tensor_names.numbered(tensors, r"ResidualBlock\.(\d+)\."))
    places = [f"ConvBlock.{i}" for i in (0, 2, 4)]
    places += [f"ResidualBlock.{i}.conv{k}" for i in range(blocks) for k in (1, 2)]
    pairs = [(f"{place}.conv_layer", f"{place}.norm_layer") for place in places]
    pairs += [(f"DeconvBlock.{i}.conv_transpose", f"DeconvBlock.{i}.norm_layer") for i in (0, 2)]
    table = _table([*pairs, ("DeconvBlock.4.conv_layer", "")], blocks)
    unused = r".*norm_layer\.(running_mean|running_var)|" + tensor_names.COUNTERS
    found = swapped(tensor_names.renamed(tensors, table, what=FAMILY, unused=unused))
    end = "tanh" if spread(found) < NEAR_ZERO else "plain"
    notes = ("layout of rrmina, BGR turned into RGB", _widths(found), f"end {end!r}: from the size of the last weights")
    return Parts(found, {"doubling": "transposed", "end": end}, notes)


def _tensorflow(tensors: Mapping[str, Tensor]) -> Parts:
    """lengstrom: per layer weights [height, width, in, out], shift, scale; transposed ones [..., out, in]."""
    highest = tensor_names.numbered(tensors, r"Variable_(\d+)$")[-1]
    blocks = (min(highest + 1, len(tensors) + MOST_MISSING) // 3 - 6) // 2
    table: dict[str, str] = {}
    for i, unit in enumerate(_units(blocks)):
        names = (f"Variable_{3 * i + k}" if i + k else "Variable" for k in range(3))
        table |= zip(names, (f"{unit}.conv.weight", f"{unit}.norm.bias", f"{unit}.norm.weight"), strict=True)
    found = tensor_names.renamed(tensors, table, what=FAMILY, unused=_TRAINING)
    turned = {n: t.permute(3, 2, 0, 1).contiguous() if t.ndim == 4 else t for n, t in found.items()}
    config = {**ML5, "eps": 1e-3}
    return Parts(turned, config, ("layout of lengstrom and ml5", _widths(turned)))


def tensorflow_variables(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our names -> those of lengstrom and ml5, in their order: per layer weights, shift, scale; kernels transposed."""
    found: dict[str, Tensor] = {}
    for i, unit in enumerate(_units(len(tensor_names.numbered(tensors, r"res\.(\d+)\.")))):
        parts = (tensors[f"{unit}.conv.weight"].permute(2, 3, 1, 0), tensors[f"{unit}.norm.bias"])
        for k, tensor in enumerate((*parts, tensors[f"{unit}.norm.weight"])):
            found[f"Variable_{3 * i + k}" if i + k else "Variable"] = tensor.contiguous()
    return found


def _table(pairs: list[tuple[str, str]], blocks: int) -> dict[str, str]:
    """(convolution, normalisation or '') of each unit -> all their names and ours."""
    table: dict[str, str] = {}
    for (conv, norm), ours in zip(pairs, _units(blocks), strict=True):
        for part in ("weight", "bias"):
            table[f"{conv}.{part}"] = f"{ours}.conv.{part}"
            table |= {f"{norm}.{part}": f"{ours}.norm.{part}"} if norm else {}
    return table


def swapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network of BGR pictures as one of RGB pictures: the first layer's inputs and the last one's outputs turn."""
    turned = {"down.0.conv.weight": tensors["down.0.conv.weight"].flip(1)}
    turned |= {name: tensors[name].flip(0) for name in tensors if name.startswith("last.")}
    return {**tensors, **turned}


def spread(tensors: Mapping[str, Tensor]) -> float:
    """How far the last layer's values lie from 0, roughly: tens of levels of 255, or the few units before a tanh.

    Its inputs are smooth and normalised: a kernel counts with its sum, an input with its factor and offset.
    """
    size = (tensors["up.1.norm.weight"].square() + tensors["up.1.norm.bias"].square()).float()
    sums, bias = tensors["last.conv.weight"].float().sum((2, 3)), tensors["last.conv.bias"].float()
    return math.sqrt(float((sums.square() @ size + bias.square()).mean()))


def _widths(tensors: Mapping[str, Tensor]) -> str:
    return "widths " + ", ".join(map(str, tensor_names.widths(tensors, FIRST_THREE, what=FAMILY)))
