"""Writes .pt files in the layout of rosinality's StyleGAN2 and of pSp/e4e, from the layout alone."""

from __future__ import annotations

import argparse
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def write_rosinality(
    path: Path,
    tensors: Mapping[str, Tensor],
    *,
    latent_avg: bool = True,
    training: bool = False,
    decoder: bool = False,
    noises: bool = True,
    legacy: bool = False,
) -> None:
    """`tensors` in NVIDIA's names (skip architecture, unconditional) -> a .pt file.

    training: with a discriminator, optimiser states and an argparse.Namespace, as its train.py writes;
    decoder: under 'state_dict' with prefix 'decoder.', as pSp writes; noises: with noise maps;
    legacy: torch's older container instead of a zip.
    """
    renamed = [rename(name, tensor) for name, tensor in tensors.items() if _has_counterpart(name)]
    state = OrderedDict((n, t) for n, t in renamed if noises or not n.startswith("noises."))
    document: dict[str, Any] = {"g_ema": state}
    if decoder:
        extra = {"encoder.input_layer.0.weight": torch.ones(2, 2)}
        document = {"state_dict": OrderedDict({f"decoder.{n}": t for n, t in state.items()} | extra)}
    if training:
        document |= _training_state(state)
    if latent_avg:
        document["latent_avg"] = tensors["mapping.w_avg"].clone()
    torch.save(document, path, _use_new_zipfile_serialization=not legacy)


def _training_state(state: Mapping[str, Tensor]) -> dict[str, Any]:
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {
        "g": OrderedDict((n, t + 1) for n, t in state.items()),
        "d": layer.state_dict(),
        "g_optim": optimizer.state_dict(),
        "d_optim": optimizer.state_dict(),
        "args": argparse.Namespace(size=32, arch="stylegan2", lr=0.002, path="/data"),
        "ada_aug_p": torch.tensor(0.1),
    }


def _has_counterpart(name: str) -> bool:
    """All but w_avg, which travels as latent_avg, and the filters of layers that do not resample."""
    return name != "mapping.w_avg" and not re.search(r"(conv1|b4)\.resample_filter$", name)


def rename(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    """(rosinality's name, tensor in its shape), the inverse of what the reader does."""
    if match := re.fullmatch(r"mapping\.fc(\d+)\.(weight|bias)", name):
        return f"style.{int(match[1]) + 1}.{match[2]}", tensor
    if name == "synthesis.b4.const":
        return "input.input", tensor[None]
    match = re.fullmatch(r"synthesis\.b(\d+)\.(?:(conv0|conv1|torgb)\.)?(.+)", name)
    assert match, name
    level = int(match[1]).bit_length() - 3  # 0 for 4x4
    layer, part = match[2], match[3]
    if part == "resample_filter" and layer is None:
        return f"to_rgbs.{level - 1}.upsample.kernel", tensor * 4
    if part == "noise_const":
        index = 0 if level == 0 else 2 * level - (layer == "conv0")
        return f"noises.noise_{index}", tensor[None, None]
    return _layer_name(level, layer, part, tensor)


def _layer_name(level: int, layer: str, part: str, tensor: Tensor) -> tuple[str, Tensor]:
    if layer == "torgb":
        new = "to_rgb1" if level == 0 else f"to_rgbs.{level - 1}"
    else:
        new = "conv1" if level == 0 else f"convs.{2 * (level - 1) + (layer == 'conv1')}"
    parts = {
        "weight": ("conv.weight", tensor[None]),
        "affine.weight": ("conv.modulation.weight", tensor),
        "affine.bias": ("conv.modulation.bias", tensor),
        "noise_strength": ("noise.weight", tensor.reshape(-1)),
        "resample_filter": ("conv.blur.kernel", tensor * 4),
        "bias": ("bias", tensor.reshape(1, -1, 1, 1)) if layer == "torgb" else ("activate.bias", tensor),
    }
    renamed, changed = parts[part]
    return f"{new}.{renamed}", changed
