"""Feature networks for judging, by name: VGG16 up to relu3_3 ships, VGG16 and AlexNet are pulled."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

from latentart.errors import SettingsError, unknown
from latentart.features import load, trunk
from latentart.features.trunk import Trunk

SMALLEST = 32
"""Pixels below which VGG16 has nothing left to look at: smaller pictures are enlarged."""


class Network(Protocol):
    """Pictures -> features. The name belongs into every result."""

    name: str

    def __call__(self, img: Tensor) -> Tensor:
        """img [N, 1, 3 or 4, H, W] in [-1, 1] -> [N, D], float32."""
        ...


class Pooled:
    """The last layer of a feature network: the mean over a picture of its unit vectors, times the root of their length.

    Unit vectors, as LPIPS uses them, because raw activations reach hundreds, of which the third power in KID sees
    only the largest; the root brings products to at most 1 per channel, the range of Inception's features.
    """

    def __init__(self, name: str, device: str | torch.device = "cpu") -> None:
        if name not in load.PLANS:
            raise SettingsError(unknown("feature network", name, load.PLANS))
        plan = load.PLANS[name]
        self.layer = trunk.layer_names(plan)[-1]
        self.name = name
        self.device = torch.device(device)
        self.trunk = Trunk(plan, load.trunk_state(name)).to(device)

    def __call__(self, img: Tensor) -> Tensor:
        """img [N, 1, 3 or 4, H, W] in [-1, 1] -> [N, D]."""
        img = img.to(self.device)
        if min(img.shape[2:]) < SMALLEST:
            scale = SMALLEST / min(img.shape[2:])
            img = torch.nn.functional.interpolate(img, scale_factor=scale, mode="bilinear", antialias=False)
        found: Tensor = self.trunk(img, [self.layer])[0]
        unit = found / (found.square().sum(dim=1, keepdim=True) + 1e-12).sqrt()
        pooled: Tensor = unit.mean(dim=(2, 3)) * math.sqrt(found.shape[1])
        return pooled


def network(name: str = load.SHIPPED, device: str | torch.device = "cpu") -> Network:
    """The network of that name. Raises SettingsError for an unknown one, or one that was not pulled yet."""
    return Pooled(name, device)


@torch.no_grad()
def features(network: Network, batches: Iterable[Tensor]) -> Tensor:
    """Batches of pictures -> [N, D] float32, on the processor."""
    return torch.cat([network(batch).float().cpu() for batch in batches])
