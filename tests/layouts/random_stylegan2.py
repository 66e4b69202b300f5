"""StyleGAN2 generators with random weights at a trained network's scale, in NVIDIA's tensor names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

LR_MULTIPLIER = 0.01


def random_state(
    seed: int = 0,
    resolution: int = 32,
    *,
    z_dim: int = 32,
    w_dim: int = 32,
    c_dim: int = 0,
    mapping_layers: int = 2,
    img_channels: int = 3,
    widths: Mapping[int, int] | None = None,
    architecture: str = "skip",
    init_res: tuple[int, int] = (4, 4),
    conv_clamp: float | None = None,
    use_noise: bool = True,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, config) as a `Checkpoint` holds them. `widths` maps a block's resolution to its channels.

    `resolution` names the last block: pictures are resolution * h / 4 by resolution * w / 4 for init_res (h, w).
    Noise strengths, biases and w_avg are all non-zero, so that leaving any of them out shows.
    """
    random = torch.Generator().manual_seed(seed)
    resolutions = [2**i for i in range(2, int(math.log2(resolution)) + 1)]
    channels = {r: min(32, 512 // r) for r in resolutions} | dict(widths or {})
    tensors = _mapping(random, z_dim, c_dim, w_dim, mapping_layers)
    for r in resolutions:
        block = f"synthesis.b{r}"
        c_in, c_out = channels.get(r // 2, 0), channels[r]
        hw = (r * init_res[0] // 4, r * init_res[1] // 4)
        tensors[f"{block}.resample_filter"] = _filter()
        if r == 4:
            tensors[f"{block}.const"] = _randn(random, c_out, *hw)
        else:
            tensors |= _conv(random, f"{block}.conv0", c_in, c_out, w_dim, hw if use_noise else None)
        tensors |= _conv(random, f"{block}.conv1", c_out, c_out, w_dim, hw if use_noise else None)
        if architecture == "skip" or r == resolution:
            tensors |= _torgb(random, f"{block}.torgb", c_out, img_channels, w_dim)
        if architecture == "resnet" and r > 4:
            tensors[f"{block}.skip.weight"] = _randn(random, c_out, c_in, 1, 1)
            tensors[f"{block}.skip.resample_filter"] = _filter()
    config = {
        "family": "stylegan2",
        "architecture": architecture,
        "conv_clamp": conv_clamp,
        "mapping_lr_multiplier": LR_MULTIPLIER,
        "mapping_layers": mapping_layers,
        "use_noise": use_noise,
        "num_fp16_res": 0,
        "init_res": list(init_res),
        "z_dim": z_dim,
        "c_dim": c_dim,
        "w_dim": w_dim,
        "img_resolution": resolution,
        "img_channels": img_channels,
        "embed_dim": w_dim if c_dim else 0,
        "mapping_widths": [w_dim] * mapping_layers,
        "widths": [channels[r] for r in resolutions],
        "joint_labels": False,
    }
    return tensors, config


def _randn(random: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=random)


def _filter() -> Tensor:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) / 64


def _mapping(random: torch.Generator, z_dim: int, c_dim: int, w_dim: int, layers: int) -> dict[str, Tensor]:
    tensors = {}
    if c_dim > 0:
        tensors["mapping.embed.weight"] = _randn(random, w_dim, c_dim)
        tensors["mapping.embed.bias"] = _randn(random, w_dim) * 0.1
    width = z_dim + (w_dim if c_dim > 0 else 0)
    for i in range(layers):
        tensors[f"mapping.fc{i}.weight"] = _randn(random, w_dim, width) / LR_MULTIPLIER
        tensors[f"mapping.fc{i}.bias"] = _randn(random, w_dim) * 0.1 / LR_MULTIPLIER
        width = w_dim
    tensors["mapping.w_avg"] = _randn(random, w_dim) * 0.3
    return tensors


def _affine(random: torch.Generator, name: str, c_in: int, w_dim: int) -> dict[str, Tensor]:
    return {f"{name}.affine.weight": _randn(random, c_in, w_dim), f"{name}.affine.bias": torch.ones(c_in)}


def _conv(
    random: torch.Generator, name: str, c_in: int, c_out: int, w_dim: int, noise: tuple[int, int] | None
) -> dict[str, Tensor]:
    tensors = {f"{name}.weight": _randn(random, c_out, c_in, 3, 3), f"{name}.bias": _randn(random, c_out) * 0.2}
    if noise is not None:
        tensors[f"{name}.noise_strength"] = 0.1 + 0.2 * torch.rand((), generator=random)
        tensors[f"{name}.noise_const"] = _randn(random, *noise)
    tensors[f"{name}.resample_filter"] = _filter()
    return tensors | _affine(random, name, c_in, w_dim)


def _torgb(random: torch.Generator, name: str, c_in: int, img_channels: int, w_dim: int) -> dict[str, Tensor]:
    tensors = {
        f"{name}.weight": _randn(random, img_channels, c_in, 1, 1) * 0.3,
        f"{name}.bias": _randn(random, img_channels) * 0.1,
    }
    return tensors | _affine(random, name, c_in, w_dim)
