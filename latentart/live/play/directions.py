"""What dir/1, dir/2 ... push along: a model's own directions, or SeFa's where it has none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentart.latent import direction_files, directions
from latentart.latent.interpolate import Array
from latentart.live.control.params import DIRECTIONS
from latentart.models.base import Generator


@dataclass(frozen=True)
class Directions:
    """Directions in the order of the faders."""

    names: tuple[str, ...]
    rows: tuple[Array, ...]  # [num_ws, w_dim] each
    far: tuple[Callable[[Array], Array], ...]
    """Fader to multiples of the rows."""

    def push(self, ws: Array, amounts: Callable[[int], float]) -> Array:
        """ws [num_ws, w_dim] pushed along direction i, from 0, by amounts(i)."""
        for i, (rows, far) in enumerate(zip(self.rows, self.far, strict=True)):
            amount = amounts(i)
            ws = ws + rows * far(np.asarray(amount)) if amount else ws
        return ws

    @property
    def digest(self) -> str:
        """A few letters that change with the directions: a take played with others gives other pictures."""
        return hashlib.sha256(b"".join(rows.tobytes() for rows in self.rows)).hexdigest()[:12]


NONE = Directions((), (), ())


def directions_of(G: Generator, network: str | Path) -> Directions:
    """The directions of a model, from the file beside its checkpoint or worked out. Raises WeightsError."""
    book = direction_files.of_network(G, network)
    found = list(book) or list(directions.sefa(G, count=DIRECTIONS))
    chosen = found[:DIRECTIONS]
    # Rounded to float32: the last bits of an eigenvector depend on how many threads looked for it.
    rows = tuple(d.rows(G.num_ws).astype(np.float32).astype(np.float64) for d in chosen)
    return Directions(tuple(d.name for d in chosen), rows, tuple(d.far for d in chosen))
