"""Named timing curves: t in [0, 1] -> progress in [0, 1] (Penner's names; arrays in, arrays out)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentart.errors import SettingsError, unknown

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _quad(t: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(t < 0.5, 2 * t**2, 1 - 2 * (1 - t) ** 2)


def _cubic(t: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(t < 0.5, 4 * t**3, 1 - 4 * (1 - t) ** 3)


EASINGS: dict[str, Curve] = {
    "linear": lambda t: t,
    "smooth": lambda t: t * t * (3 - 2 * t),
    "smoother": lambda t: t**3 * (10 + t * (6 * t - 15)),
    "sine": lambda t: (1 - np.cos(np.pi * t)) / 2,
    "quad": _quad,
    "cubic": _cubic,
    "in": lambda t: t**2,
    "out": lambda t: 1 - (1 - t) ** 2,
    "hold": lambda t: np.zeros_like(t),
}


def easing(name: str) -> Curve:
    """The curve of that name. Raises SettingsError for an unknown one."""
    if name not in EASINGS:
        raise SettingsError(unknown("easing", name, EASINGS))
    return EASINGS[name]
