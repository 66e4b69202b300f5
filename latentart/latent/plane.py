"""The plane in W through three pictures, for walks that draw figures in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentart.errors import SettingsError
from latentart.latent import space
from latentart.latent.interpolate import Array
from latentart.models.base import Generator
from latentart.seeds import LARGEST


def through(
    G: Generator, seeds: Sequence[int], classes: Sequence[space.ClassMix] = (), *, psi: float = 1.0,
    cutoff: int | None = None, walk: str = "a plane",
) -> tuple[Array, Array, Array]:  # fmt: skip
    """(centre, east, north), [num_ws, w_dim] each: the first seed, and axes of equal length at right angles.

    East leads to the second seed, north towards the third; missing seeds are those that follow. walk: who asks, for
    errors. Raises SettingsError for more than one class and for seeds that span no plane.
    """
    z = space.z_of(G, _three(seeds))
    mixes = space.c_of(G, classes)
    if mixes is not None and len(mixes) > 1:
        raise SettingsError(f"{walk} keeps one class, {len(mixes)} given: name one, or a mix such as A:0.5+B:0.5")
    c = None if mixes is None else np.repeat(mixes, 3, axis=0)
    centre, one, two = space.to_ws(G, z, c, psi=psi, cutoff=cutoff).double().cpu().numpy()
    return centre, *_axes(one - centre, two - centre, walk)


def _three(seeds: Sequence[int]) -> list[int]:
    given = list(seeds[:3])
    while 0 < len(given) < 3:
        given.append((given[-1] + 1) % (LARGEST + 1))
    return given


def _axes(one: Array, two: Array, walk: str) -> tuple[Array, Array]:
    """Two axes of equal length at right angles in the plane of both, so that the orbit is a circle, not an ellipse."""
    length = np.linalg.norm(one)
    if length == 0:
        raise SettingsError(f"the first two seeds of {walk} are the same picture: give others")
    side = two - one * (two * one).sum() / length**2
    across = np.linalg.norm(side)
    if across < 1e-9 * length:
        raise SettingsError(f"the seeds of {walk} lie on one line: give three that differ")
    return one, side * (length / across)
