"""The tensor names of rosinality's StyleGAN2 and of its descendants (pSp, e4e, NADA decoders).

The network is NVIDIA's under other names; no kernel is flipped on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights.checkpoint import Origin
from latentart.weights.open import open_file
from latentart.weights.shapes import below, has

FIRST_TENSOR = "input.input"
W_AVG = "latent_avg"
FIRST_CRITIC_TENSOR = "final_linear.1.weight"
SOURCE = "rosinality"


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
    """Note that `inspect` prints for a file without averaged weights."""
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


def read_critic(path: Path) -> dict[str, Tensor]:
    """The discriminator of a file by NVIDIA's names; {} when the file has none. Raises WeightsError."""
    for tensors in open_file(path).groups.values():
        if has(tensors, FIRST_CRITIC_TENSOR):
            return _critic(below(tensors, FIRST_CRITIC_TENSOR))
    return {}


def _critic(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    blocks = len({name.split(".")[1] for name in tensors if re.fullmatch(r"convs\.[1-9]\d?\.conv1\.0\.weight", name)})
    named = {_critic_name(name, 4 << blocks): tensor for name, tensor in tensors.items()}
    return {name: tensor for name, tensor in named.items() if name}


def _critic_name(name: str, resolution: int) -> str:
    """NVIDIA's name of a tensor of the discriminator; '' for one that it does not keep."""
    if match := re.fullmatch(r"convs\.0\.(0\.weight|1\.bias)", name):
        return f"b{resolution}.fromrgb.{match[1][2:]}"
    if match := re.fullmatch(r"convs\.(\d{1,2})\.(\w+\.\d\.\w+)", name):
        part = _CRITIC_PARTS.get(match[2], "")
        return part and f"b{resolution >> (int(match[1]) - 1)}.{part}"
    return _CRITIC_PARTS.get(name, "")


_CRITIC_PARTS = {
    "conv1.0.weight": "conv0.weight", "conv1.1.bias": "conv0.bias", "conv2.1.weight": "conv1.weight",
    "conv2.2.bias": "conv1.bias", "skip.1.weight": "skip.weight", "final_conv.0.weight": "b4.conv.weight",
    "final_conv.1.bias": "b4.conv.bias", "final_linear.0.weight": "b4.fc.weight",
    "final_linear.0.bias": "b4.fc.bias", "final_linear.1.weight": "b4.out.weight",
    "final_linear.1.bias": "b4.out.bias",
}  # fmt: skip
