"""A Path is a closed curve in latent space with a clock: u in [0, 1) -> ws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from latentart import rate
from latentart.errors import SettingsError
from latentart.models.base import Generator

Array = NDArray[np.float64]
LONGEST = 10_000_000
LOOK = 64
"""Pixels across the pictures that the pace is measured on."""


@dataclass(frozen=True)
class Path:
    """What a walk makes. Frame i of num_frames is at u = i / num_frames, so a loop closes by construction.

    at: phases u [N] float64 in [0, 1) -> ws [N, num_ws, w_dim].
    """

    at: Callable[[Array], Tensor]
    num_frames: int
    fps: Fraction
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What a film of it records: 'film', from which `latentart film --like` makes it again, and 'checkpoint'."""

    def __call__(self, u: float | Array) -> Tensor:
        """One phase or many -> ws [N, num_ws, w_dim]; phases outside [0, 1) are wrapped."""
        return self.at(np.atleast_1d(np.asarray(u, dtype=np.float64)) % 1.0)

    @property
    def seconds(self) -> Fraction:
        """Exact length of the loop."""
        return self.num_frames / self.fps

    def phases(self) -> Array:
        """u of every frame, [num_frames]."""
        return np.arange(self.num_frames) / self.num_frames

    def map(self, change: Callable[[Tensor, Array], Tensor]) -> Path:
        """The same path with ws replaced by change(ws, u): style mixing, edits, pulsation."""
        changed = {**self.settings, "changed": "path.map"} if self.settings else {}
        return replace(self, at=lambda u: change(self.at(u), u), settings=changed)

    def described(self, settings: Mapping[str, Any]) -> Path:
        """The same path with another record."""
        return replace(self, settings=settings)

    def film(self, **changes: Any) -> Path:
        """The same path, with more said of its film: its pace, its size."""
        if "film" not in self.settings:
            return self
        return self.described({**self.settings, "film": {**self.settings["film"], **changes}})


def clock(seconds: float, fps: rate.Rate) -> tuple[int, Fraction]:
    """Length and frame rate -> (num_frames, exact fps). Raises SettingsError for a film without frames."""
    exact = rate.fps(fps)
    if not isinstance(seconds, (int, float, Fraction)) or not math.isfinite(seconds) or seconds <= 0:
        raise SettingsError(f"{seconds!r} seconds is no length: give more than 0")
    frames = round(Fraction(seconds) * exact)
    if not 1 <= frames <= LONGEST:
        raise SettingsError(f"{seconds!r} seconds at {exact} fps is {frames} frames: give 1 to {LONGEST}")
    return frames, exact


def even(G: Generator, path: Path, *, samples: int | None = None, look: int = LOOK) -> Path:
    """The same loop, re-timed so that the picture changes at a constant speed.

    A coarse pass measures the distance between neighbouring pictures (root mean square, at most `look` pixels
    wide, noise off); time then runs along the accumulated distance. The loop still closes: u = 0 stays u = 0.
    samples: pictures in the coarse pass, by default one per frame and at least 64, at most 480.
    """
    evened = retimed(path, even_table(G, path, samples=samples, look=look))
    return evened.film(pace="even") if samples is None and look == LOOK else evened


def even_table(G: Generator, path: Path, *, samples: int | None = None, look: int = LOOK) -> Array:
    """How far along its pictures a path is at equal steps of u, [samples + 1] from 0 to 1: see `even`."""
    count = samples or min(max(path.num_frames, 64), 480)
    steps = _picture_steps(G, path, count, look)
    if steps.sum() == 0:
        return np.linspace(0, 1, count + 1)
    # A floor keeps time moving where the picture stands still.
    length = np.concatenate([[0.0], np.cumsum(np.maximum(steps, steps.mean() * 1e-3))])
    found: Array = length / length[-1]
    return found


def retimed(path: Path, table: Array) -> Path:
    """The same loop at the speed that a table of `even_table` asks for."""
    knots = np.linspace(0, 1, len(table))
    return replace(path, at=lambda u: path.at(np.interp(u, table, knots) % 1.0))


def _picture_steps(G: Generator, path: Path, count: int, look: int) -> Array:
    """Distance from each of `count` pictures along the loop to the next, the last to the first."""
    small = [_thumbnail(G, path(np.array([i / count])), look) for i in range(count)]
    pictures = torch.cat([*small, small[0]])
    steps = (pictures[1:] - pictures[:-1]).square().flatten(1).mean(dim=1).sqrt()
    found: Array = steps.double().cpu().numpy()
    return found


def _thumbnail(G: Generator, ws: Tensor, look: int) -> Tensor:
    with torch.no_grad():
        img: Tensor = G.synthesis(ws, noise_mode="none")
    factor = max(1, G.img_resolution // look)
    return F.avg_pool2d(img, factor) if factor > 1 else img
