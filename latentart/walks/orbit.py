"""A circle around a seed, in the plane of two others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from latentart import rate
from latentart.errors import SettingsError
from latentart.latent import path, space
from latentart.latent.interpolate import Array
from latentart.latent.walk_options import Option
from latentart.models.base import Generator


def orbit(
    G: Generator,
    *,
    seeds: Sequence[int] = (),
    classes: Sequence[space.ClassMix] = (),
    seconds: float = 10,
    fps: rate.Rate = 30,
    psi: float = space.PSI,
    cutoff: int | None = None,
    # Live, half the way to the next seed is a walk/radius of 0.5.
    diameter: Annotated[float, Option("Size of the circle.", live=2.0)] = 1.0,
) -> path.Path:
    """A circle in W around the first seed, towards the second and the third (by default the two that follow it).

    diameter: 1 takes a circle whose radius is half the distance from the first seed to the second.
    classes: one mix, or as many as one likes, passed through in turn. Raises SettingsError.
    """
    frames, exact = path.clock(seconds, fps)
    if not math.isfinite(diameter) or diameter <= 0:
        raise SettingsError(f"diameter is {diameter!r}: give a number above 0")
    centre, east, north = space.plane(G, seeds, classes, psi=psi, cutoff=cutoff, walk="an orbit")
    radius = diameter / 2

    def at(u: Array) -> Tensor:
        angle = 2 * np.pi * u[:, None, None]
        circle = centre + radius * (np.cos(angle) * east + np.sin(angle) * north)
        return torch.from_numpy(circle).float().to(G.device)

    return path.Path(at, frames, exact)
