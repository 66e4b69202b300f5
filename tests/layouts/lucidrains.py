"""Generators of lucidrains' StyleGAN2 with random weights, and its files, from the layout alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

WIDTHS = (8, 8, 6, 4)


def random_generator(
    seed: int = 0, *, w_dim: int = 16, widths: tuple[int, ...] = WIDTHS, channels: int = 3, constant: bool = True
) -> dict[str, Tensor]:
    """A state dict under its names 'SE.*' and 'GE.*'; widths of the start and of each level."""
    random = torch.Generator().manual_seed(seed)
    made: dict[str, Tensor] = {}

    def layer(name: str, *shape: int, scale: float = 1.0, bias: bool = True) -> None:
        made[f"{name}.weight"] = torch.randn(shape, generator=random) * scale
        if bias:
            made[f"{name}.bias"] = torch.randn(shape[0], generator=random) * 0.2

    for i in range(3):
        layer(f"SE.net.{2 * i}", w_dim, w_dim, scale=4.0)
    if constant:
        made["GE.initial_block"] = torch.randn(1, widths[0], 4, 4, generator=random)
    else:
        layer("GE.to_initial_block", w_dim, widths[0], 4, 4, bias=False)
    layer("GE.initial_conv", widths[0], widths[0], 3, 3, scale=0.2)
    for i, (before, width) in enumerate(zip((widths[0], *widths[:-1]), widths, strict=True)):
        block = f"GE.blocks.{i}"
        for part, inputs in (("1", before), ("2", width)):
            layer(f"{block}.to_style{part}", inputs, w_dim, scale=0.3)
            layer(f"{block}.to_noise{part}", width, 1, scale=0.3)
            layer(f"{block}.conv{part}", width, inputs, 3, 3, bias=False)
        layer(f"{block}.to_rgb.to_style", width, w_dim, scale=0.3)
        layer(f"{block}.to_rgb.conv", channels, width, 1, 1, scale=0.3, bias=False)
        if i < len(widths) - 1:
            made[f"{block}.to_rgb.upsample.1.f"] = torch.tensor([1.0, 2.0, 1.0])
    return made


def write(path: Path, state: Mapping[str, Tensor], **config: Any) -> None:
    """`model_1.pt` with a raw generator and a discriminator beside; config goes into `.config.json`."""
    raw = {n[0] + n[2:]: t + 1 for n, t in state.items()}
    other = {"D.blocks.0.conv_res.weight": torch.ones(1, 3, 1, 1)}
    torch.save({"GAN": {**raw, **state, **other}, "version": "1.8.9"}, path)
    if config:
        path.with_name(".config.json").write_text(json.dumps(config))


def random_state(**shape: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, config) as a `Checkpoint` of ours holds them."""
    from latentart.models import lucidrains

    renamed: dict[str, Tensor] = {}
    for name, tensor in random_generator(**shape).items():
        renamed |= lucidrains._rename(name, tensor, 0.1)
    parts = lucidrains.complete(renamed, {})
    return dict(parts.tensors), dict(parts.config)
