"""A circle around a seed, in the plane of two others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from latentart import rate
from latentart.errors import SettingsError
from latentart.latent import path, space
from latentart.latent.interpolate import Array
from latentart.models.base import Generator
from latentart.seeds import LARGEST


def orbit(
    G: Generator,
    *,
    seeds: Sequence[int] = (),
    classes: Sequence[space.ClassMix] = (),
    seconds: float = 10,
    fps: rate.Rate = 30,
    psi: float = 1.0,
    cutoff: int | None = None,
    diameter: float = 1.0,
) -> path.Path:
    """A circle in W around the first seed, towards the second and the third (by default the two that follow it).

    diameter: 1 takes a circle whose radius is half the distance from the first seed to the second.
    classes: one mix, or as many as one likes, passed through in turn. Raises SettingsError.
    """
    frames, exact = path.clock(seconds, fps)
    if not math.isfinite(diameter) or diameter <= 0:
        raise SettingsError(f"diameter is {diameter!r}: give a number above 0")
    z = space.z_of(G, _three(seeds))
    mixes = space.c_of(G, classes)
    if mixes is not None and len(mixes) > 1:
        raise SettingsError(f"an orbit keeps one class, {len(mixes)} given: name one, or a mix such as A:0.5+B:0.5")
    c = None if mixes is None else np.repeat(mixes, 3, axis=0)
    centre, one, two = space.to_ws(G, z, c, psi=psi, cutoff=cutoff).double().cpu().numpy()
    east, north = _axes(one - centre, two - centre)
    radius = diameter / 2

    def at(u: Array) -> Tensor:
        angle = 2 * np.pi * u[:, None, None]
        circle = centre + radius * (np.cos(angle) * east + np.sin(angle) * north)
        return torch.from_numpy(circle).float().to(G.device)

    return path.Path(at, frames, exact)


def _three(seeds: Sequence[int]) -> list[int]:
    given = list(seeds[:3])
    while 0 < len(given) < 3:
        given.append((given[-1] + 1) % (LARGEST + 1))
    return given


def _axes(one: Array, two: Array) -> tuple[Array, Array]:
    """Two axes of equal length at right angles in the plane of both, so that the orbit is a circle, not an ellipse."""
    length = np.linalg.norm(one)
    if length == 0:
        raise SettingsError("the first two seeds of an orbit are the same picture: give others")
    side = two - one * (two * one).sum() / length**2
    across = np.linalg.norm(side)
    if across < 1e-9 * length:
        raise SettingsError("the seeds of an orbit lie on one line: give three that differ")
    return one, side * (length / across)
