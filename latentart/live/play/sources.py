"""Where a live picture comes from, as ws before truncation: seeds, loops, the plane, a given vector. Cached."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from latentart import seeds, walks
from latentart.latent import interpolate, space, walk_options
from latentart.latent.easing import easing
from latentart.latent.interpolate import Array, Loop
from latentart.models.base import Generator

T = TypeVar("T")
_SEEDS = seeds.LARGEST + 1
_LATENTS, _LOOPS = 256, 16
"""Latents and loops kept, the oldest forgotten first: a loop of 64 pictures of a large model has tens of megabytes."""


class Sources:
    """One generator's latents. All rows are float64 [num_ws, w_dim], psi 1."""

    def __init__(self, G: Generator) -> None:
        self.G = G
        self.centre: Array = G.w_avg.detach().double().cpu().numpy()
        self._latents: OrderedDict[object, Array] = OrderedDict()
        self._loops: OrderedDict[object, Loop] = OrderedDict()

    def label(self, value: float) -> int:
        """A class that this model has."""
        return int(value) % self.G.c_dim if self.G.c_dim else 0

    def seed(self, seed: int, label: int) -> Array:
        """The picture of a seed."""
        key = ("seed", seed, label)
        return keep(self._latents, _LATENTS, key, lambda: self._mapped(seeds.z(seed, self.G.z_dim), label))

    def loop(
        self, mode: str, seed: int, count: int, label: int, phase: float, *, values: Mapping[str, object] | None = None
    ) -> Array:
        """A place on the closed walk `mode`, phase in [0, 1); values: walk/<option> for the options of walks."""
        options = _options(mode, values or {})
        key = (mode, seed, count, label, *options.values())
        loop = keep(self._loops, _LOOPS, key, lambda: self._loop(mode, seed, count, label, options))
        place: Array = loop(np.asarray([phase]))[0]
        return place

    def plane(self, x: float, y: float, label: int) -> Array:
        """Bilinear between the four seeds around (x, y), seed = x + 100 y: the layout of NVIDIA's visualizer."""
        left, top = int(x), int(y)
        corners = [self.seed((left + i + 100 * (top + j)) % _SEEDS, label) for j in (0, 1) for i in (0, 1)]
        upper = corners[0] + (corners[1] - corners[0]) * (x - left)
        lower = corners[2] + (corners[3] - corners[2]) * (x - left)
        place: Array = upper + (lower - upper) * (y - top)
        return place

    def given(self, w: Sequence[float], z: Sequence[float], label: int) -> Array:
        """w [w_dim] or ws [num_ws * w_dim]; else the picture of z [z_dim]; else the average."""
        G = self.G
        if len(w) == G.num_ws * G.w_dim:
            return np.reshape(np.asarray(w, dtype=np.float64), (G.num_ws, G.w_dim))
        if len(w) == G.w_dim:
            return np.tile(np.asarray(w, dtype=np.float64), (G.num_ws, 1))
        if len(z) == G.z_dim:
            given = np.asarray([z], dtype=np.float64)
            return keep(self._latents, _LATENTS, ("z", given.tobytes(), label), lambda: self._mapped(given, label))
        return np.tile(self.centre, (G.num_ws, 1))

    def _loop(self, mode: str, seed: int, count: int, label: int, options: Mapping[str, Any]) -> Loop:
        """Phases [N] -> ws [N, num_ws, w_dim]."""
        if mode == "keyframes":
            return self._keyframes([(seed + i) % _SEEDS for i in range(count)], label)
        classes = [{label: 1.0}] if self.G.c_dim else []
        path = getattr(walks, mode)(self.G, seeds=[seed], classes=classes, psi=1.0, **options)
        return lambda u: path.at(u).double().cpu().numpy()

    def _keyframes(self, seeds_of: Sequence[int], label: int) -> Loop:
        """The walk of that name. All rows of a seed's ws are alike, and most of its seeds are known: a new loop has
        to be ready within the frame that asks for it."""
        keys = np.stack([self.seed(seed, label)[0] for seed in seeds_of])
        curve = interpolate.loop(keys, "cubic", easing("linear"))
        return lambda u: np.repeat(curve(u)[:, None], self.G.num_ws, axis=1)

    def _mapped(self, z: Array, label: int) -> Array:
        c = space.c_of(self.G, [{label: 1.0}] if self.G.c_dim else [])
        found: Array = space.to_ws(self.G, z, c)[0].double().cpu().numpy()
        return found


def _options(mode: str, values: Mapping[str, object]) -> dict[str, Any]:
    """Numbers that a walk is played with: from the live table, or those that its signature gives for playing."""
    return {
        o.name: values.get(f"walk/{o.name}", o.default) if o.played else o.option.live
        for o in walk_options.of(mode) if o.kind != "str"
    }  # fmt: skip


def keep(kept: OrderedDict[object, T], most: int, key: object, make: Callable[[], T]) -> T:
    """The value under a key, made when it is not there; at most `most` values stay."""
    if key not in kept:
        kept[key] = make()
        if len(kept) > most:
            kept.popitem(last=False)
    return kept[key]
