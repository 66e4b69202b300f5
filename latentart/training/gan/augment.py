"""Stand-in."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Augment(torch.nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, images: Tensor, strength: float) -> Tensor:
        return images


class Controller:
    def __init__(self, target: float = 0.6, kimg: float = 500.0) -> None:
        self.target, self.kimg, self.strength = target, kimg, 0.0

    def update(self, mean_sign: float, images_seen: int) -> None:
        self.strength = min(1.0, max(0.0, self.strength + (1 if mean_sign > self.target else -1) * images_seen / (self.kimg * 1000)))

    def tensors(self) -> dict[str, Tensor]:
        return {"strength": torch.tensor(self.strength, dtype=torch.float64)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self.strength = float(tensors["strength"])
