"""A flower around a seed, in the plane of two others: a circle that comes nearer and goes away, once for each petal."""

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


def flower(
    G: Generator,
    *,
    seeds: Sequence[int] = (),
    classes: Sequence[space.ClassMix] = (),
    seconds: float = 10,
    fps: rate.Rate = 30,
    psi: float = space.PSI,
    cutoff: int | None = None,
    diameter: Annotated[float, Option("Size of the circle.", live=2.0)] = 1.0,
    petals: Annotated[int, Option("Petals of the flower.", 2, 12)] = 5,
    depth: Annotated[float, Option("How near the seed comes between two petals, 0 to below 1.", 0.0, 0.95)] = 0.5,
) -> path.Path:
    """A closed curve in W around the first seed, towards the second and the third (by default the two that follow it).

    Its radius is r (1 + depth cos(petals * angle)), where r is that of an orbit of the same diameter: it never crosses
    itself, and depth 0 is the orbit. classes: one mix. Raises SettingsError.
    """
    frames, exact = path.clock(seconds, fps)
    _check(diameter, petals, depth)
    centre, east, north = space.plane(G, seeds, classes, psi=psi, cutoff=cutoff, walk="a flower")

    def at(u: Array) -> Tensor:
        angle = 2 * np.pi * u[:, None, None]
        radius = diameter / 2 * (1 + depth * np.cos(petals * angle))
        curve = centre + radius * (np.cos(angle) * east + np.sin(angle) * north)
        return torch.from_numpy(curve).float().to(G.device)

    return path.Path(at, frames, exact)


def _check(diameter: float, petals: int, depth: float) -> None:
    if not math.isfinite(diameter) or diameter <= 0:
        raise SettingsError(f"diameter is {diameter!r}: give a number above 0")
    if not 1 <= petals <= 100:
        raise SettingsError(f"petals is {petals!r}: give 1 to 100")
    if not 0 <= depth < 1:
        raise SettingsError(f"depth is {depth!r}: give a number from 0 to below 1")
