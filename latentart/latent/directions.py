"""Directions: handles of a latent space with names, units and signs; found, kept in small files, applied as edits.

    book = directions.pca(G, count=10)
    path = path.map(directions.edit(G, book, ["pca:3=0..2..0@middle"]))

An amount counts standard deviations of w along the direction, until `calibrate` makes equal amounts of every
direction look equally large.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.errors import SettingsError, unknown
from latentart.latent import automation, space
from latentart.latent.axes import pca as _pca
from latentart.latent.axes import sefa as _sefa
from latentart.models.base import Generator

Array = NDArray[np.float64]
Change = Callable[[Tensor, Array], Tensor]
NAME = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}"


KNOTS = (-3, -2, -1, 0, 1, 2, 3)
"""Amounts for which a calibrated direction knows its place."""


@dataclass(frozen=True)
class Direction:
    """A way to push ws: amount 1 adds `vector`, [w_dim] in the rows `layers`, or [num_ws, w_dim]."""

    name: str
    vector: Array = field(repr=False)
    layers: str = "all"
    curve: tuple[float, ...] = ()
    """Multiples of the vector at the amounts KNOTS, so that equal moves look equal; () is the amount itself."""
    source: str = ""
    """The name it was found under, for example 'pca:3'; it answers to both."""
    effect: float = 0.0
    """Perceptual distance (LPIPS) that one unit makes; 0 when not measured."""
    clean: float = 0.0
    """How alike the change is from picture to picture: 1 the same everywhere, 0 another each time."""
    sign: str = ""
    """What happens on the positive side, in words."""
    note: str = ""

    @property
    def unit(self) -> float:
        """Multiples of the vector in one unit, on average."""
        return (self.curve[-1] - self.curve[0]) / (KNOTS[-1] - KNOTS[0]) if self.curve else 1.0

    def far(self, amounts: Array) -> Array:
        """Amounts of any shape -> multiples of the vector; straight on beyond the outer knots; 0 stays 0."""
        if not self.curve:
            return amounts
        inside = np.interp(amounts, KNOTS, self.curve)
        below, above = self.curve[1] - self.curve[0], self.curve[-1] - self.curve[-2]
        outside = np.minimum(amounts - KNOTS[0], 0) * below + np.maximum(amounts - KNOTS[-1], 0) * above
        return np.asarray(inside + outside)

    def rows(self, num_ws: int, layers: str = "") -> Array:
        """The vector in every row, [num_ws, w_dim]; `layers` replaces the direction's own. Raises SettingsError."""
        chosen = space.rows(num_ws, layers or self.layers)
        full = np.zeros((num_ws, self.vector.shape[-1]))
        if self.vector.ndim == 2 and len(self.vector) != num_ws:
            raise SettingsError(f"direction {self.name!r} has {len(self.vector)} rows, this model has {num_ws}")
        full[chosen] = self.vector[chosen] if self.vector.ndim == 2 else self.vector
        return full

    def turned(self) -> Direction:
        """The direction with its sign reversed."""
        return replace(self, vector=-self.vector, curve=tuple(0.0 - place for place in reversed(self.curve)))


class Directions:
    """A model's directions in order, by name or by the name they were found under."""

    def __init__(self, items: Sequence[Direction], *, network: str = "", sha256: str = "", step: float = 0.0) -> None:
        """network, sha256: the model they belong to; step: LPIPS of one unit, 0 while they are not calibrated."""
        self.items = list(items)
        self.network, self.sha256, self.step = network, sha256, step

    def __iter__(self) -> Iterator[Direction]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, name: object) -> bool:
        return any(name in (d.name, d.source) for d in self.items)

    def __getitem__(self, name: str) -> Direction:
        for direction in self.items:
            if name in (direction.name, direction.source):
                return direction
        raise SettingsError(unknown("direction", name, [d.name for d in self.items]))

    def like(self, items: Sequence[Direction], *, step: float | None = None) -> Directions:
        """Other directions of the same model."""
        kept = self.step if step is None else step
        return Directions(items, network=self.network, sha256=self.sha256, step=kept)

    def renamed(self, names: Mapping[str, str]) -> Directions:
        """With new names, old -> new. Raises SettingsError for an unknown, impossible or repeated name."""
        for old, new in names.items():
            self[old]
            if not re.fullmatch(NAME, new):
                raise SettingsError(f"{new!r} is no name for a direction: letters, digits, - _ . and :, at most 40")
        fresh = [replace(d, name=names.get(d.name, names.get(d.source, d.name))) for d in self.items]
        taken = [d.name for d in fresh]
        for name in names.values():
            if taken.count(name) > 1:
                raise SettingsError(f"two directions would be called {name!r}: choose another name")
        return self.like(fresh)


def pca(G: Generator, *, count: int = 20, samples: int = 1_000_000, seed: int = 0, layer: str = "") -> Directions:
    """Principal axes of W, 'pca:1' the widest (GANSpace, Harkonen et al. 2020, arXiv:2004.02546).

    layer: find them in that layer's activations instead ('b8.conv1') and carry them back to W by regression
    (their section 3.2). One unit is one standard deviation. Streamed: memory does not grow with samples.
    """
    axes, sigmas = _pca.of_w(G, count, samples, seed) if not layer else _pca.of_layer(G, layer, count, samples, seed)
    prefix = f"act:{layer}" if layer else "pca"
    found = [
        Direction(f"{prefix}:{i}", axis * sigma, source=f"{prefix}:{i}")
        for i, (axis, sigma) in enumerate(zip(axes, sigmas, strict=True), start=1)
    ]
    return Directions(found, network=G.name, sha256=G.sha256)


def sefa(G: Generator, *, count: int = 10, layers: str = "all") -> Directions:
    """Directions that change the styles of the given layers most, closed form (SeFa, Shen & Zhou 2021,
    arXiv:2007.06600, eq. 6). They act on those layers; one unit is one standard deviation of w along them."""
    axes = _sefa.axes(_sefa.affines(G, layers), count)
    sigmas = _pca.spread_along(G, axes)
    prefix = "sefa" if layers == "all" else f"sefa:{layers}"
    found = [
        Direction(f"{prefix}:{i}", axis * sigma, layers, source=f"{prefix}:{i}")
        for i, (axis, sigma) in enumerate(zip(axes, sigmas, strict=True), start=1)
    ]
    return Directions(found, network=G.name, sha256=G.sha256)


def between(name: str, without: Array, having: Array) -> Direction:
    """From one set of latents to another, [N, num_ws, w_dim] and [M, num_ws, w_dim]: one unit leads from the mean
    of the first to the mean of the second, per row (projected pictures: without a smile, with one)."""
    if without.ndim != 3 or having.ndim != 3 or without.shape[1:] != having.shape[1:]:
        shapes = f"{list(without.shape)} and {list(having.shape)}"
        raise SettingsError(f"two sets of latents of shapes {shapes}: both need [N, num_ws, w_dim]")
    return Direction(name, having.mean(axis=0) - without.mean(axis=0), source=name, note="between two sets")


def orthogonal(direction: Direction, others: Sequence[Direction], num_ws: int) -> Direction:
    """What remains of a direction when its share of the others is taken out (Gram-Schmidt in W+).

    Raises SettingsError when nothing remains.
    """
    rest = direction.rows(num_ws).ravel()
    if others:
        basis, _ = np.linalg.qr(np.stack([d.rows(num_ws).ravel() for d in others], axis=1))
        rest = rest - basis @ (basis.T @ rest)
    if np.linalg.norm(rest) < 1e-6 * np.linalg.norm(direction.vector):
        raise SettingsError(f"nothing remains of {direction.name!r}: it lies in the space of the others")
    return replace(direction, vector=rest.reshape(num_ws, -1), layers="all", curve=(), effect=0.0)


def named(G: Generator, book: Directions, name: str) -> Direction:
    """The direction of that name; 'pca:3', 'sefa:2' and 'sefa:middle:2' are found on the spot if `book` has none.

    Raises SettingsError.
    """
    if name in book:
        return book[name]
    match = re.fullmatch(r"(pca|sefa)(?::(coarse|middle|fine|all|[\d,-]+))?:([1-9]\d{0,2})", name)
    if not match or (match[1] == "pca" and match[2]) or int(match[3]) > G.w_dim:
        raise SettingsError(unknown("direction", name, [*(d.name for d in book), "pca:1", "sefa:1", "sefa:middle:1"]))
    count = int(match[3])
    found = pca(G, count=count, samples=50_000) if match[1] == "pca" else sefa(G, count=count, layers=match[2] or "all")
    return found.items[-1]


def edit(G: Generator, book: Directions, texts: Sequence[str]) -> Change:
    """'NAME=AMOUNT[@LAYERS]' lines -> a change for `Path.map`. Raises SettingsError for what cannot be read.

    Edits are added after truncation, so psi does not weaken them.
    """
    notes = [automation.parse(text) for text in texts]
    found = [named(G, book, note.name) for note in notes]
    vectors = [torch.from_numpy(d.rows(G.num_ws, note.where)) for d, note in zip(found, notes, strict=True)]

    def change(ws: Tensor, u: Array) -> Tensor:
        for note, direction, vector in zip(notes, found, vectors, strict=True):
            far = torch.from_numpy(direction.far(note.amount(u)))[:, None, None]
            ws = ws + (far * vector).to(ws)
        return ws

    return change
