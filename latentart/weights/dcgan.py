"""What the tensors of a DCGAN generator say, and the files of PyTorch's tutorial and its relatives.

Ours have batch normalisation folded in, with its stored averages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.shapes import MOST_LAYERS, chain, shape, shown
from latentart.weights.storage import StoredTensor, load
from latentart.weights.stylegan2 import Parts
from latentart.weights.torch_file import find, is_torch, open_torch

FAMILY, SOURCE = "dcgan", "dcgan"
TUTORIAL, NOTEBOOK = "main.1.running_mean", "net.0.running_mean"
"""Batch normalisation right after the start: a discriminator has none there."""
EPSILON = 1e-5


def complete(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """Tensors in our names and config with nothing left out. Raises WeightsError."""
    widths = widths_of(tensors)
    slope = stated.get("slope", 0.0)
    if type(slope) not in (int, float) or not 0 <= slope < 1:
        raise WeightsError(f"slope {str(slope)[:40]!r} makes no sense in a DCGAN config")
    z_dim = shape(tensors, "start.weight", 2, "DCGAN")[1]
    facts = {"z_dim": z_dim, "c_dim": 0, "w_dim": z_dim, "num_ws": 1}
    facts |= {"img_resolution": 4 << (len(widths) - 1), "img_channels": widths[-1]}
    return Parts(dict(tensors), {"family": FAMILY, **facts, "slope": slope}, ())


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


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a torch file with a DCGAN's first layers."""
    return is_torch(head) and _find(open_torch(path)) is not None


def read(path: Path) -> Checkpoint:
    """The generator in the file. Raises WeightsError."""
    found = _find(open_torch(path))
    if found is None:
        raise WeightsError(f"no tensor {TUTORIAL!r}")
    stored, body = found
    tensors = _folded(load(stored, path.stat().st_size), body)
    slope = 0.0 if body == "main" else 0.2
    parts = complete(tensors, {"slope": slope})
    notes = (f"activation {'ReLU' if slope == 0 else 'leaky ReLU 0.2'}: from the names of its tensors",)
    return Checkpoint(parts.tensors, parts.config, "", SOURCE, inferred=notes)


def _find(document: object) -> tuple[dict[str, StoredTensor], str] | None:
    """(tensors, the name its layers start with)."""
    for first, start in ((TUTORIAL, "main.0.weight"), (NOTEBOOK, "input.weight")):
        found = find(document, first)
        if found and start in found[0]:
            return found[0], first.partition(".")[0]
    return None


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
            raise WeightsError(f"layer {name!r} is neither a transposed convolution of 4 x 4 nor a normalisation")
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
