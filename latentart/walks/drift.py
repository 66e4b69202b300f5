"""Smooth noise that comes back to where it began."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
from torch import Tensor

from latentart import rate
from latentart.errors import SettingsError
from latentart.latent import path, space
from latentart.latent.interpolate import Array
from latentart.latent.walk_options import Option
from latentart.models.base import Generator
from latentart.seeds import stream


def drift(
    G: Generator,
    *,
    seeds: Sequence[int] = (),
    classes: Sequence[space.ClassMix] = (),
    seconds: float = 10,
    fps: rate.Rate = 30,
    psi: float = space.PSI,
    cutoff: int | None = None,
    # Live, walk/radius sets how far to wander.
    reach: Annotated[float, Option("How far to wander, above 0 to 1.", live=1.0)] = 1.0,
    turns: Annotated[int, Option("Waves in one loop.", 1, 16)] = 3,
) -> path.Path:
    """A closed wander through Z: every coordinate follows band-limited Gaussian noise of its own.

    At any moment z is as probable as a seed's own z, so no frame is paler than another. The seeds together name the
    noise; reach: 1 wanders everywhere, less stays around the first seed; turns: how many waves fit the loop.
    classes: one mix. Raises SettingsError.
    """
    frames, exact = path.clock(seconds, fps)
    space.check_psi(psi)
    _check(reach, turns)
    home = space.z_of(G, seeds[:1])
    mixes = space.c_of(G, classes)
    if mixes is not None and len(mixes) > 1:
        raise SettingsError(f"a drift keeps one class, {len(mixes)} given: name one, or a mix such as A:0.5+B:0.5")
    waves = _waves(G.z_dim, turns, seeds)

    def at(u: Array) -> Tensor:
        z = math.sqrt(1 - reach**2) * home + reach * waves(u)
        c = None if mixes is None else np.repeat(mixes, len(u), axis=0)
        return space.to_ws(G, z, c, psi=psi, cutoff=cutoff)

    return path.Path(at, frames, exact)


def _check(reach: float, turns: int) -> None:
    if not 0 < reach <= 1:
        raise SettingsError(f"reach is {reach!r}: give a number above 0, at most 1")
    if not 1 <= turns <= 100:
        raise SettingsError(f"turns is {turns!r}: give 1 to 100")


def _waves(z_dim: int, turns: int, seeds: Sequence[int]) -> Callable[[Array], Array]:
    """u [N] -> [N, z_dim], a stationary periodic Gaussian process of unit variance in each coordinate."""
    sines, cosines = stream(*seeds).standard_normal((2, turns, z_dim))
    order = np.arange(1, turns + 1)
    weight = (1 / order) / np.sqrt(np.square(1 / order).sum())

    def at(u: Array) -> Array:
        angle = 2 * np.pi * u[:, None] * order
        found: Array = (np.sin(angle) * weight) @ sines + (np.cos(angle) * weight) @ cosines
        return found

    return at
