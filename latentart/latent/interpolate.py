"""Ways from one latent to the next and around a closed loop of them. Arrays are float64, [..., D]."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from latentart.errors import SettingsError, unknown
from latentart.latent.easing import Curve

Array = NDArray[np.float64]
Loop = Callable[[Array], Array]


def lerp(a: Array, b: Array, t: Array) -> Array:
    """Straight line: a, b [..., D], t [...] -> [..., D]."""
    return a + (b - a) * t[..., None]


def slerp(a: Array, b: Array, t: Array) -> Array:
    """Great circle between directions, lengths blended evenly (Shoemake 1985); straight where they are parallel."""
    length_a = np.linalg.norm(a, axis=-1, keepdims=True)
    length_b = np.linalg.norm(b, axis=-1, keepdims=True)
    tiny = np.finfo(np.float64).tiny
    unit_a, unit_b = a / np.maximum(length_a, tiny), b / np.maximum(length_b, tiny)
    angle = np.arccos(np.clip((unit_a * unit_b).sum(-1, keepdims=True), -1, 1))
    sine = np.sin(angle)
    straight = sine < 1e-6
    t = t[..., None]
    divisor = np.where(straight, 1, sine)
    arc = (np.sin((1 - t) * angle) * unit_a + np.sin(t * angle) * unit_b) / divisor
    return np.where(straight, a + (b - a) * t, arc * (length_a + (length_b - length_a) * t))


def _legs(step: Callable[[Array, Array, Array], Array], keys: Array, ease: Curve) -> Loop:
    def at(u: Array) -> Array:
        leg, t = _leg(u, len(keys))
        here, there = keys[leg], keys[(leg + 1) % len(keys)]
        along = ease(t).reshape(t.shape + (1,) * (keys.ndim - 2))
        return step(here, there, np.broadcast_to(along, here.shape[:-1]))

    return at


def _spline(keys: Array, ease: Curve) -> Loop:
    if len(keys) == 1:
        return lambda u: np.repeat(keys, len(u), axis=0)
    closed = np.concatenate([keys, keys[:1]])
    curve = CubicSpline(np.arange(len(closed)), closed, bc_type="periodic")

    def at(u: Array) -> Array:
        leg, t = _leg(u, len(keys))
        found: Array = curve(leg + ease(t))
        return found

    return at


def _leg(u: Array, count: int) -> tuple[NDArray[np.int64], Array]:
    """Which leg of the loop u is in, and how far along it."""
    position = (u % 1.0) * count
    leg = np.minimum(position.astype(np.int64), count - 1)
    return leg, position - leg


INTERPOLATIONS: dict[str, Callable[[Array, Curve], Loop]] = {
    "linear": lambda keys, ease: _legs(lerp, keys, ease),
    "slerp": lambda keys, ease: _legs(slerp, keys, ease),
    "cubic": _spline,
}


def loop(keys: Array, interp: str, ease: Curve) -> Loop:
    """A closed loop through keys [K, ..., D]: u [N] -> [N, ..., D], key k at u = k/K.

    interp: 'linear', 'slerp' or 'cubic' (periodic spline, no corner at a key). Raises SettingsError.
    """
    if interp not in INTERPOLATIONS:
        raise SettingsError(unknown("interpolation", interp, INTERPOLATIONS))
    return INTERPOLATIONS[interp](keys, ease)
