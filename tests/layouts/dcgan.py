"""DCGAN generators with random weights, and files of PyTorch's tutorial and of a notebook that grew from it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

WIDTHS = (16, 8, 4)


def random_network(
    seed: int = 0, *, z_dim: int = 10, widths: tuple[int, ...] = WIDTHS, channels: int = 3, notebook: bool = False
) -> torch.nn.Sequential:
    """The tutorial's network, or the notebook's (linear start, biases, leaky ReLU), in eval mode."""
    torch.manual_seed(seed)
    act = torch.nn.LeakyReLU(0.2) if notebook else torch.nn.ReLU()
    convolution = torch.nn.ConvTranspose2d(z_dim, widths[0], 4, bias=False)
    start = torch.nn.Linear(z_dim, 16 * widths[0]) if notebook else convolution
    layers: list[torch.nn.Module] = [torch.nn.BatchNorm2d(widths[0]), act]
    for before, width in zip(widths, (*widths[1:], channels), strict=True):
        layers.append(torch.nn.ConvTranspose2d(before, width, 4, 2, 1, bias=notebook))
        layers += [torch.nn.BatchNorm2d(width), act] if width != channels else [torch.nn.Tanh()]
    if notebook:
        return _settled(torch.nn.Sequential(start, torch.nn.Unflatten(1, (widths[0], 4, 4)), *layers), z_dim)
    return _settled(torch.nn.Sequential(start, *layers), z_dim)


def _settled(network: torch.nn.Sequential, z_dim: int) -> torch.nn.Sequential:
    """Normalisations with averages and factors of their own."""
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.weight.normal_(1, 0.2)
                layer.bias.normal_(0, 0.2)
                layer.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
                layer.running_var.uniform_(0.1, 0.5)  # type: ignore[union-attr]
    return network.eval()


def state_dict(network: torch.nn.Sequential, *, notebook: bool = False) -> dict[str, Tensor]:
    """'main.0.weight' ..., or 'input.weight', 'net.0.weight' ... of the notebook."""
    if not notebook:
        return {f"main.{name}": tensor for name, tensor in network.state_dict().items()}
    made = {}
    for name, tensor in network.state_dict().items():
        number, part = name.split(".")
        made[f"input.{part}" if number == "0" else f"net.{int(number) - 2}.{part}"] = tensor
    return made


def random_state(seed: int = 0) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, config) as a `Checkpoint` of ours holds them."""
    random = torch.Generator().manual_seed(seed)
    tensors = {
        "start.weight": torch.randn(16 * WIDTHS[0], 10, generator=random) * 0.4,
        "start.bias": torch.randn(16 * WIDTHS[0], generator=random) * 0.2,
    }
    for i, (before, width) in enumerate(zip(WIDTHS, (*WIDTHS[1:], 3), strict=True)):
        tensors[f"layers.{i}.weight"] = torch.randn(before, width, 4, 4, generator=random) * 0.2
        tensors[f"layers.{i}.bias"] = torch.randn(width, generator=random) * 0.2
    facts = {"family": "dcgan", "z_dim": 10, "c_dim": 0, "w_dim": 10, "num_ws": 1}
    return tensors, facts | {"img_resolution": 32, "img_channels": 3, "slope": 0.0, "widths": [*WIDTHS, 3]}
