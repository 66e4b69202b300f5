"""A GAN training that every test can afford, and pictures for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentart.training.gan import Gan, Settings
from latentart.training.gan.pictures import Pictures

TINY: dict[str, Any] = {"size": 16, "base": 128, "most": 16, "latent": 8, "batch": 4, "channels": 3, "seed": 3}


def drawings(count: int = 10, shape: tuple[int, int, int] = (16, 16, 3), classes: int = 0) -> Pictures:
    """Discs of random place, size and colour on a ground of another."""
    rng = np.random.RandomState(7)
    y, x = np.mgrid[: shape[0], : shape[1]]
    frames = np.empty((count, *shape), np.uint8)
    for frame in frames:
        top, left, radius = rng.uniform(4, 12, 3)
        inside = ((y - top) ** 2 + (x - left) ** 2 < (radius / 2) ** 2)[..., None]
        frame[:] = np.where(inside, rng.randint(0, 256, shape[2]), rng.randint(0, 256, shape[2]))
    names = tuple("abcdefgh"[:classes])
    return Pictures(frames, [f"{i}" for i in range(count)], np.arange(count) % max(classes, 1), names)


def a_gan(found: Pictures | None = None, **changes: Any) -> Gan:
    found = found or drawings()
    return Gan(Settings(**{**TINY, "channels": found.channels, **changes}), found, "cpu")
