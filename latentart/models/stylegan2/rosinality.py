"""The tensor names of rosinality's StyleGAN2 and of its descendants (pSp, e4e, NADA decoders).

The network is NVIDIA's under other names; no kernel is flipped on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights.checkpoint import Origin
from latentart.weights.shapes import below, has

FIRST_TENSOR = "input.input"
W_AVG = "latent_avg"


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether this network's first tensor is there."""
    return has(tensors, FIRST_TENSOR)


def converted(tensors: Mapping[str, Tensor], origin: Origin) -> dict[str, Tensor]:
    """The generator under NVIDIA's names, with the average w that stands beside it in the file. Raises WeightsError."""
    found = below(tensors, FIRST_TENSOR)
    if any(re.search(r"(^|\.)(iwt|dwt)\.", name) for name in found):
        raise WeightsError("a SWAGAN (--arch swagan, wavelet layers), which is another network and not supported")
    beside = origin.contents.groups.get("", {})
    whole = {**found, W_AVG: beside[W_AVG]} if W_AVG in beside else dict(found)
    renamed = dict(rename(name, tensor) for name, tensor in whole.items())
    if len(renamed) != len(whole):
        raise WeightsError("two of its tensors have the same name in StyleGAN2")
    return renamed


def notes(origin: Origin) -> tuple[str, ...]:
    """What `inspect` says of a file without averaged weights."""
    where = origin.group or "the file itself"
    return () if origin.averaged else (f"the weights of {where}: the file has no averaged g_ema",)


def _keep(tensor: Tensor) -> Tensor:
    return tensor


def _drop_axis(tensor: Tensor) -> Tensor:
    if tensor.shape[:1] != (1,):
        raise WeightsError(f"a tensor of shape {list(tensor.shape)} where its first axis should be 1")
    return tensor[0].contiguous()


def _average(tensor: Tensor) -> Tensor:
    """[w_dim], [1, w_dim] or [num_ws, w_dim] -> [w_dim]."""
    return tensor.reshape(-1, tensor.shape[-1]).mean(0) if tensor.ndim else tensor


def _scalar(tensor: Tensor) -> Tensor:
    return tensor.reshape(()) if tensor.numel() == 1 else tensor


def _block(convolution: int) -> str:
    """'b8.conv0' for convs.0, 'b8.conv1' for convs.1, 'b16.conv0' for convs.2."""
    return f"b{2 ** (convolution // 2 + 3)}.conv{convolution % 2}"


def _noise(n: int) -> str:
    return "b4.conv1" if n == 0 else f"b{2 ** ((n + 5) // 2)}.conv{1 - n % 2}"


_PARTS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "conv.weight": ("weight", _drop_axis),
    "conv.modulation.weight": ("affine.weight", _keep),
    "conv.modulation.bias": ("affine.bias", _keep),
    "noise.weight": ("noise_strength", _scalar),
    "activate.bias": ("bias", torch.flatten),
    "bias": ("bias", torch.flatten),
    "conv.blur.kernel": ("resample_filter", lambda t: t / 4),
}


def rename(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    """(NVIDIA's name, tensor in NVIDIA's shape). Raises WeightsError for a name the network does not have."""
    if name == W_AVG:
        return "mapping.w_avg", _average(tensor)
    if name == FIRST_TENSOR:
        return "synthesis.b4.const", _drop_axis(tensor)
    if match := re.fullmatch(r"style\.(\d{1,2})\.(weight|bias)", name):
        return f"mapping.fc{int(match[1]) - 1}.{match[2]}", tensor
    if match := re.fullmatch(r"noises\.noise_(\d{1,2})", name):
        return f"synthesis.{_noise(int(match[1]))}.noise_const", tensor.reshape(tensor.shape[-2:])
    if match := re.fullmatch(r"to_rgbs\.(\d{1,2})\.upsample\.kernel", name):
        return f"synthesis.b{2 ** (int(match[1]) + 3)}.resample_filter", tensor / 4
    if match := re.fullmatch(r"(conv1|to_rgb1|(convs|to_rgbs)\.(\d{1,2}))\.(.+)", name):
        layer, kind, index, part = match.groups()
        if part in _PARTS:
            new, change = _PARTS[part]
            return f"synthesis.{_layer(layer, kind, int(index or 0))}.{new}", change(tensor)
    raise WeightsError(f"tensor {name[:80]!r} is not one of rosinality's StyleGAN2")


def _layer(layer: str, kind: str | None, index: int) -> str:
    if kind is None:
        return "b4.conv1" if layer == "conv1" else "b4.torgb"
    return _block(index) if kind == "convs" else f"b{2 ** (index + 3)}.torgb"
