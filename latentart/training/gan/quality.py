"""Quality while a GAN trains: distances of the average's samples to the pictures, measured now and then."""

from __future__ import annotations

import time

import numpy as np
import torch

from latentart.errors import SettingsError
from latentart.features import load
from latentart.judging import material, measures, networks
from latentart.models.base import Generator
from latentart.training.gan.pictures import Pictures
from latentart.training.run import Losses

SHARE = 0.03
"""Part of a training's time that measuring takes at most."""
FIRST = 60.0
"""Seconds of training before the first measurement."""
FOR_FID = 512
"""Samples below which FID, which is biased for few, is left out."""


class Quality:
    """KID, FID, precision and recall of `samples` pictures of a network beside as many of the set.

    The names of the values end with the feature network's, as `judging.judge` has them. Random numbers of the training
    are not touched: samples are those of the seeds 0, 1, ...
    """

    def __init__(self, found: Pictures, device: torch.device, samples: int | None = None,
                 features: str = load.SHIPPED) -> None:  # fmt: skip
        """samples: None chooses by device and size; 0 measures nothing. Raises SettingsError."""
        samples = affordable(found.frames.shape[1:3], device) if samples is None else samples
        if samples and samples <= measures.NEIGHBOURS:
            raise SettingsError(
                f"{samples!r} samples are too few to judge: give {measures.NEIGHBOURS + 1} or more, or 0"
            )
        self.samples = min(samples, len(found)) if len(found) > measures.NEIGHBOURS else 0
        chosen = np.linspace(0, len(found) - 1, max(self.samples, 1)).round().astype(int)
        labels = [int(found.labels[i]) if len(found.labels) else -1 for i in chosen]
        self.real = material.Pictures(found.frames[chosen], labels, [found.names[i] for i in chosen])
        self.features, self.device = features, device
        self.seen: torch.Tensor | None = None
        self.next = time.monotonic() + FIRST

    def __call__(self, G: Generator) -> Losses:
        """The values, when they are due; else {}."""
        began = time.monotonic()
        if not self.samples or began < self.next:
            return {}
        found = self.measure(G)
        self.next = time.monotonic() + (time.monotonic() - began) / SHARE
        return found

    def measure(self, G: Generator) -> Losses:
        """The values of a network."""
        network = networks.network(self.features, self.device)
        if self.seen is None:
            self.seen = networks.features(network, self.real.batches())
        made = networks.features(network, material.samples(G, self.samples, self.real).batches())
        found = {"kid": measures.kid(self.seen, made)}
        if self.samples >= FOR_FID:
            found["fid"] = measures.fid(self.seen, made)
        found["precision"], found["recall"] = measures.precision_recall(self.seen, made)
        return {f"{name}-{network.name}": value for name, value in found.items()}


def affordable(size: tuple[int, ...], device: torch.device) -> int:
    """Samples that a device measures within a few seconds: 2,048 on a GPU, 32 to 256 on a processor."""
    if device.type != "cpu":
        return 2048
    return max(32, min(256, (1 << 20) // (size[0] * size[1])))
