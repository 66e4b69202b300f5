"""ProGAN generators (Karras et al. 2018, arXiv:1710.10196), whichever port they were trained with.

A point on a sphere becomes a 4 x 4 picture of many channels; every further level doubles it by repeating pixels and
convolves twice. There is no W: z, brought to unit size, is what walks move. Our tensors are effective weights: the
factors that training multiplied them by at run time are multiplied in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import WeightsError
from latentart.models import ops
from latentart.models.base import NoiseMode, Synthesizer, check_published
from latentart.models.direct import Direct, built
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import below, chain, check_side, has, shape, shown

FAMILY = "progan"
ZOO, AKANIMAX = "formatLayer.module.weight", "rgb_converters.0.weight"
LOOKS_FOR = f"{ZOO} (pytorch_GAN_zoo) or {AKANIMAX} (pro_gan_pytorch)"
SWITCHES = {"normalize_start": True, "unit_output": False, "tanh": False}
GAIN = math.sqrt(2)


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a ProGAN generator."""

    z_dim: int
    widths: tuple[int, ...]
    """Channels after the start, then after each convolution."""
    img_channels: int
    normalize_start: bool
    """Whether the first layer is followed by pixel normalisation, which one port leaves out."""
    unit_output: bool
    """Whether pictures come out as 0 .. 1 instead of -1 .. 1."""
    slope: float = 0.2
    """Of the leaky ReLU."""
    tanh: bool = False
    """Whether pictures end in a hyperbolic tangent, as one port's losses other than WGAN-GP want."""
    fade: float = 0.0
    """Share of the level below, doubled, in the picture: above 0 in a file from the middle of a fade."""

    @property
    def size(self) -> int:
        """Pixels on each side: the start and one convolution are 4 x 4, every further pair doubles."""
        size: int = 4 << (len(self.widths) - 2) // 2
        return size


class SynthesisNetwork(Synthesizer):
    """A point on the sphere to an image."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.start = torch.nn.Linear(config.z_dim, 16 * config.widths[0])
        pairs = zip(config.widths[:-1], config.widths[1:], strict=True)
        self.layers = torch.nn.ModuleList(torch.nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.torgb = torch.nn.Conv2d(config.widths[-1], config.img_channels, 1)
        if config.fade:
            self.torgb_below = torch.nn.Conv2d(config.widths[-3], config.img_channels, 1)

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
        **published: Any,
    ) -> Tensor:
        """[N, 1, z_dim] -> [N, C, H, W]; a ProGAN has no noise inputs."""
        check_published(published)
        config = self.config
        x = F.leaky_relu(self.start(ws[:, 0].to(self.start.weight.dtype)), config.slope).view(len(ws), -1, 4, 4)
        if config.normalize_start:
            x = ops.unit_rms(x)
        below = x
        for index, layer in enumerate(self.layers):
            if index % 2 == 1:
                below, x = x, F.interpolate(x, scale_factor=2, mode="nearest")
            x = ops.unit_rms(F.leaky_relu(layer(x), config.slope))
        img: Tensor = self.torgb(x)
        if config.fade:
            smaller = F.interpolate(self.torgb_below(below), scale_factor=2, mode="nearest")
            img = torch.lerp(img, smaller, config.fade)
        img = torch.tanh(img) if config.tanh else img
        return img * 2 - 1 if config.unit_output else img


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the tensors are those of pytorch_GAN_zoo or of akanimax's pro_gan_pytorch."""
    return has(tensors, ZOO) or has(tensors, AKANIMAX)


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """A generator from another project's file. Raises WeightsError."""
    port = "pytorch_GAN_zoo" if has(tensors, ZOO) else "pro_gan_pytorch"
    if port == "pytorch_GAN_zoo":
        settings = origin.beside("config")
        found, stated = _zoo(below(tensors, ZOO), settings)
    else:
        settings = origin.beside("conf")
        found, stated = _akanimax(below(tensors, AKANIMAX), settings), {"normalize_start": False}
    parts = complete(found, stated)
    notes = [f"the wiring of {port}: from the names of its tensors"]
    if parts.config["fade"]:
        notes.append(f"from the middle of a fade: {parts.config['fade']:.3g} of the level below is in its pictures")
    if _plain(settings):
        notes.append("weights without the equalized learning rate: the file says so")
    if not origin.averaged:
        where = origin.group or "the file itself"
        notes.append(f"the weights of {where}: the file has no averaged ones beside it")
    return parts._replace(inferred=tuple(notes), source=port)


def complete(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """Tensors in our names and config with nothing left out. Raises WeightsError."""
    widths = widths_of(tensors)
    switches = {key: stated.get(key, usual) for key, usual in SWITCHES.items()}
    if not all(type(value) is bool for value in switches.values()):
        raise WeightsError(f"switches {str(switches)[:80]} of a ProGAN: true or false are wanted")
    numbers = {"slope": stated.get("slope", Config.slope), "fade": stated.get("fade", 0.0)}
    for name, value in numbers.items():
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise WeightsError(f"{name} {str(value)[:40]!r} of a ProGAN: a number from 0 to 1 is wanted")
    if numbers["fade"] and ("torgb_below.weight" not in tensors or len(widths) < 4):
        raise WeightsError(f"fade {numbers['fade']} of a ProGAN without the picture layer of the level below")
    facts = _facts(tensors, widths) | {name: float(value) for name, value in numbers.items()}
    return Parts(dict(tensors), {"family": FAMILY, **facts, **switches}, ())


def widths_of(tensors: Mapping[str, Tensor]) -> list[int]:
    """Channels after the start and after each convolution. Raises WeightsError when they do not fit."""
    start = shape(tensors, "start.weight", 2, "ProGAN")[0]
    layers = chain(tensors, "ProGAN")
    if start % 16 or not layers or len(layers) % 2 == 0:
        raise WeightsError(f"a start of {start} values and {len(layers)} convolutions: no ProGAN has those")
    widths = [start // 16]
    for outputs, inputs, *kernel in layers:
        if inputs != widths[-1] or kernel != [3, 3]:
            raise WeightsError(f"a convolution of shape {[outputs, inputs, *kernel]} after {widths[-1]} channels")
        widths.append(outputs)
    return widths


def _facts(tensors: Mapping[str, Tensor], widths: list[int]) -> dict[str, Any]:
    z_dim = shape(tensors, "start.weight", 2, "ProGAN")[1]
    channels = shape(tensors, "torgb.weight", 4, "ProGAN")[0]
    resolution = check_side(4 << (len(widths) - 2) // 2, "ProGAN")
    facts = {"z_dim": z_dim, "c_dim": 0, "w_dim": z_dim, "num_ws": 1}
    return facts | {"img_resolution": resolution, "img_channels": channels, "widths": widths}


def facts_shown(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `inspect` shows beside the config."""
    return shown(widths_of(checkpoint.tensors)[1::2])


def _zoo(tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, config) of pytorch_GAN_zoo: He's factor, by fan-in, comes after the bias and so belongs to both."""
    levels = len({_numbers(n)[0] for n in tensors if n.startswith("toRGBLayers.")})
    if not levels:
        raise WeightsError("no tensor 'toRGBLayers.0.module.weight': not a whole ProGAN generator")
    fade = settings.get("alpha", 0.0) if levels > 1 else 0.0
    names = {"formatLayer": "start", "groupScale0.0": "layers.0", f"toRGBLayers.{levels - 1}": "torgb"}
    names |= {f"toRGBLayers.{levels - 2}": "torgb_below"} if fade else {}
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        layer, _, part = name.rpartition(".module.")
        if match := re.fullmatch(r"scaleLayers\.(\d{1,2})\.([01])", layer):
            layer = f"layers.{2 * int(match[1]) + int(match[2]) + 1}"
        elif layer in names:
            layer = names[layer]
        elif re.fullmatch(r"toRGBLayers\.\d+", layer):
            continue  # of the lower resolutions it grew through
        else:
            raise WeightsError(f"tensor {name[:80]!r} is not one of pytorch_GAN_zoo's ProGAN")
        weight = tensors.get(f"{name.rpartition('.')[0]}.weight", tensor)
        found[f"{layer}.{part}"] = tensor if _plain(settings) else tensor * _he(weight.shape[1:])
    tanh = settings.get("lossCriterion", "WGANGP") != "WGANGP"
    return found, {"fade": fade, "tanh": tanh, "slope": settings.get("leakyReluLeak", Config.slope)}


def _plain(settings: Mapping[str, Any]) -> bool:
    """Whether a file says that its weights are used as they are, without He's factor (equalized learning rate)."""
    return settings.get("use_eql", settings.get("equalizedlR", True)) is False


def _numbers(name: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", name)]


def _akanimax(tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> dict[str, Tensor]:
    """pro_gan_pytorch: He's factor belongs to the weights alone; the start is a transposed convolution."""
    plain = _plain(settings)
    last = max(_numbers(n)[0] for n in tensors if n.startswith("rgb_converters."))
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if match := re.fullmatch(r"layers\.(\d{1,2})\.conv_([12])\.(weight|bias)", name):
            index = 2 * int(match[1]) + int(match[2]) - 1
            if index == 0:
                found |= {f"start.{match[3]}": _start(tensor, plain)}
            else:
                found[f"layers.{index - 1}.{match[3]}"] = _scaled(tensor, plain)
        elif match := re.fullmatch(r"rgb_converters\.(\d{1,2})\.(weight|bias)", name):
            found |= {f"torgb.{match[2]}": _scaled(tensor, plain)} if int(match[1]) == last else {}
        else:
            raise WeightsError(f"tensor {name[:80]!r} is not one of pro_gan_pytorch")
    return found


def _he(fan_in: Iterable[int]) -> float:
    """He's factor for weights with this number of inputs (fan-in)."""
    return GAIN / math.sqrt(max(1, math.prod(fan_in)))


def _scaled(tensor: Tensor, plain: bool) -> Tensor:
    return tensor * _he(tensor.shape[1:]) if tensor.ndim == 4 and not plain else tensor


def _start(tensor: Tensor, plain: bool) -> Tensor:
    """[z, C, 4, 4] -> [16 C, z], fan-in z; a bias [C] once for each of the 16 pixels."""
    if tensor.ndim == 4:
        return (tensor if plain else tensor * _he(tensor.shape[:1])).flatten(1).t().contiguous()
    return tensor.repeat_interleave(16)


def build(checkpoint: Checkpoint) -> Direct:
    """A checkpoint -> the generator it describes, in float32, without gradients. Raises WeightsError."""
    return built(checkpoint, Config, SynthesisNetwork, complete, normalize=True)
