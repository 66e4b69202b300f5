"""Convolution weights in 8 bits, with a scale per output channel; float again when loaded."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def reduce(weight: Tensor) -> tuple[Tensor, Tensor]:
    """[outputs, ...] float -> int8 of the same shape and scale [outputs], so that int8 * scale is nearest to it."""
    scale = weight.flatten(1).abs().amax(dim=1).clamp_min(1e-12) / 127
    steps = weight / scale.view(-1, *[1] * (weight.ndim - 1))
    return steps.round().clamp(-127, 127).to(torch.int8), scale


def restore(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """'<layer>.int8', '<layer>.scale', '<layer>.bias' -> '<layer>.weight', '<layer>.bias' in float32."""
    state = {}
    for name, values in tensors.items():
        layer, _, part = name.rpartition(".")
        if part == "int8":
            scale = tensors[f"{layer}.scale"].float()
            state[f"{layer}.weight"] = values.float() * scale.view(-1, *[1] * (values.ndim - 1))
        elif part == "bias":
            state[name] = values.float()
    return state
