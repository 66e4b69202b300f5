"""DCGAN generators (Radford et al. 2016, arXiv:1511.06434), as in PyTorch's tutorial and what grew from it.

Batch normalisation is folded into the convolutions when a file is read, with its stored averages: a picture then
depends on its own z only, where code that forgets `eval()` lets it depend on the batch.

The whole family is this file, as one that is added would be: `Config` and the network, `matches` and `convert` for
files of other projects, `complete` for our own, `build`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import WeightsError
from latentart.models.base import NoiseMode, Synthesizer, check_published
from latentart.models.direct import Direct, built
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import MOST_LAYERS, below, chain, check_side, has, shape, shown

FAMILY = "dcgan"
TUTORIAL, NOTEBOOK = "main.1.running_mean", "net.0.running_mean"
"""Batch normalisation right after the start: a discriminator has none there."""
STARTS = {TUTORIAL: "main.0.weight", NOTEBOOK: "input.weight"}
LOOKS_FOR = f"{TUTORIAL} (PyTorch's tutorial) or {NOTEBOOK}"
EPSILON = 1e-5


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a DCGAN generator."""

    z_dim: int
    widths: tuple[int, ...]
    """Channels after the start and after each doubling, the picture's last."""
    slope: float
    """Of the leaky ReLU; 0 is a ReLU."""

    @property
    def size(self) -> int:
        """Pixels on each side."""
        return 4 << (len(self.widths) - 1)

    @property
    def img_channels(self) -> int:
        """Number of image channels, 1 or 3."""
        return self.widths[-1]


class SynthesisNetwork(Synthesizer):
    """z to an image: 4 x 4, then doubled by transposed convolutions of 4 x 4."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.slope = config.slope
        self.start = torch.nn.Linear(config.z_dim, 16 * config.widths[0])
        pairs = zip(config.widths[:-1], config.widths[1:], strict=True)
        self.layers = torch.nn.ModuleList(torch.nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairs)

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
        **published: Any,
    ) -> Tensor:
        """[N, 1, z_dim] -> [N, C, H, W]; a DCGAN has no noise inputs."""
        check_published(published)
        x = self.start(ws[:, 0].to(self.start.weight.dtype)).view(len(ws), -1, 4, 4)
        for layer in self.layers:
            x = layer(F.leaky_relu(x, self.slope))
        return torch.tanh(x)


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether a DCGAN's first layers are there, in the names of PyTorch's tutorial or of its relatives."""
    return _first(tensors) is not None


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """A generator from another project's file. Raises WeightsError."""
    first = _first(tensors) or TUTORIAL
    body = first.partition(".")[0]
    slope = 0.0 if body == "main" else 0.2
    parts = complete(_folded(below(tensors, first), body), {"slope": slope})
    notes = (f"activation {'ReLU' if slope == 0 else 'leaky ReLU 0.2'}: from the names of its tensors",)
    return parts._replace(inferred=notes, source=FAMILY)


def _first(tensors: Mapping[str, Tensor]) -> str | None:
    """Which first normalisation it has."""
    return next((first for first, start in STARTS.items() if has(tensors, first) and has(tensors, start)), None)


def complete(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """Tensors in our names and config with nothing left out. Raises WeightsError."""
    widths = widths_of(tensors)
    slope = stated.get("slope", 0.0)
    if type(slope) not in (int, float) or not 0 <= slope < 1:
        raise WeightsError(f"slope {str(slope)[:40]!r} makes no sense in a DCGAN config")
    z_dim = shape(tensors, "start.weight", 2, "DCGAN")[1]
    facts: dict[str, Any] = {"z_dim": z_dim, "c_dim": 0, "w_dim": z_dim, "num_ws": 1}
    facts |= {
        "img_resolution": check_side(4 << (len(widths) - 1), FAMILY),
        "img_channels": widths[-1],
        "widths": widths,
    }
    return Parts(dict(tensors), {"family": FAMILY, **facts, "slope": float(slope)}, ())


def widths_of(tensors: Mapping[str, Tensor]) -> list[int]:
    """Channels after the start and after each doubling. Raises WeightsError when they do not fit."""
    start = shape(tensors, "start.weight", 2, "DCGAN")[0]
    widths = [start // 16]
    for inputs, outputs, *kernel in chain(tensors, "DCGAN"):
        if inputs != widths[-1] or start % 16 or kernel != [4, 4]:
            raise WeightsError(f"a convolution of shape {[inputs, outputs, *kernel]} after {widths[-1]} channels")
        widths.append(outputs)
    if not 2 <= len(widths) <= 12:
        raise WeightsError(f"{len(widths) - 1} convolutions: no DCGAN has those")
    return widths


def facts_shown(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `inspect` shows beside the config."""
    return shown(widths_of(checkpoint.tensors)[:-1])


def _folded(tensors: Mapping[str, Tensor], body: str) -> dict[str, Tensor]:
    """Convolutions in order, each with the normalisation that follows it multiplied in."""
    numbers = sorted({int(m[1]) for n in tensors if (m := re.match(rf"{body}\.(\d{{1,3}})\.", n))})
    if len(numbers) > 2 * MOST_LAYERS:
        raise WeightsError(f"{len(numbers)} layers: no DCGAN has those")
    layers = [_start(tensors)] if body == "net" else []
    for number in numbers:
        name = f"{body}.{number}"
        weight = tensors.get(f"{name}.weight")
        if f"{name}.running_mean" in tensors:
            layers[-1] = _normalized(*layers[-1], tensors, name)
        elif weight is not None and weight.ndim == 4 and weight.shape[2:] == (4, 4):
            layers.append((weight, tensors.get(f"{name}.bias", torch.zeros(weight.shape[1]))))
        else:
            found = "no weights" if weight is None else f"'{name}.weight' of shape {list(weight.shape)}"
            raise WeightsError(
                f"layer {name!r} is neither a transposed convolution of 4 x 4 nor a normalisation ({found}): DCGANs"
                " that start at 4 x 4 and double are read, those of 28 x 28 digits are not"
            )
    if not layers or layers[0][0].ndim != 4:
        raise WeightsError("not a whole DCGAN generator")
    (start, bias), *rest = layers
    bias = bias if bias.ndim == 3 else bias[:, None, None].expand(start.shape[1:])
    made = {"start.weight": start.flatten(1).t().contiguous(), "start.bias": bias.flatten().contiguous()}
    for i, (weight, bias) in enumerate(rest):
        made |= {f"layers.{i}.weight": weight.contiguous(), f"layers.{i}.bias": bias.contiguous()}
    return made


def _start(tensors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """A linear layer [16 C, z] as the transposed convolution [z, C, 4, 4] that it is, and its bias [C, 4, 4]."""
    weight = tensors["input.weight"]
    bias = tensors.get("input.bias", torch.zeros(len(weight)))
    if weight.ndim != 2 or len(weight) % 16 or len(bias) != len(weight):
        raise WeightsError(f"tensor 'input.weight' has shape {list(weight.shape)}: [16 C, z] is wanted")
    return weight.t().reshape(weight.shape[1], -1, 4, 4), bias.view(-1, 4, 4)


def _normalized(weight: Tensor, bias: Tensor, tensors: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """A transposed convolution followed by batch normalisation, as one transposed convolution."""
    channels = weight.shape[1]
    mean, var = (tensors.get(f"{name}.running_{part}", torch.zeros(0)) for part in ("mean", "var"))
    gain = tensors.get(f"{name}.weight", torch.ones(channels))
    shift = tensors.get(f"{name}.bias", torch.zeros(channels))
    if any(t.shape != (channels,) for t in (mean, var, gain, shift)) or len(bias) != channels:
        raise WeightsError(f"normalisation {name!r} does not fit {channels} channels")
    scale = gain / (var + EPSILON).sqrt()
    each = scale.view(-1, 1, 1) if bias.ndim == 3 else scale
    return weight * scale[:, None, None], (bias - mean.view_as(each)) * each + shift.view_as(each)


def build(checkpoint: Checkpoint) -> Direct:
    """A checkpoint -> the generator it describes, in float32, without gradients. Raises WeightsError."""
    return built(checkpoint, Config, SynthesisNetwork, complete, normalize=False)
