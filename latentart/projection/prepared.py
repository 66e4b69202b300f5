"""A generator prepared for searches: with the statistics, samples and feature network that these need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from latentart.features.lpips import Lpips
from latentart.models.base import Generator
from latentart.projection.search import bank as banks
from latentart.projection.search import loss
from latentart.projection.search.prior import Prior

PIXELS_AT_ONCE = {"cpu": 2**16}
"""Pixels that gradients are taken of at the same time: beyond that, processors only lose time, and GPUs memory."""
PIXELS_ON_GPU = 2**21


@dataclass(frozen=True)
class Prepared:
    """A generator with what a search needs to know about it: its statistics, sample bank and feature network.

    encoder: a first guess w [N, w_dim] from pictures [N, C, H, W] (see `encoder`); None begins in the bank.
    """

    G: Generator
    features: Lpips
    prior: Prior
    bank: banks.Bank
    encoder: Callable[[Tensor], Tensor] | None = None

    @property
    def at_once(self) -> int:
        """Pictures whose gradients are taken together; how many are searched at the same time is another matter."""
        height, width = (min(side, loss.LARGEST) for side in self.G.img_size)
        return max(1, PIXELS_AT_ONCE.get(self.G.device.type, PIXELS_ON_GPU) // (height * width))
