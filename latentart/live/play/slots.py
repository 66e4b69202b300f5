"""Translators after the picture: which ones, how strongly and in what style, at each frame.

A translator is read and warmed up while pictures go on without it; that it is ready is an event like any other, so a
take knows from which frame on it was seen. Its style glides from one to the next as a walk does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latentart.latent.easing import EASINGS
from latentart.live.control.params import SLOTS
from latentart.live.control.state import State

Size = tuple[int, int]
"""(width, height)."""
Shares = dict[int, float]
"""Number of a style -> how much of it; they add up to 1."""
PLAIN = "eager"
NAMES = [f"then/{slot}" for slot in range(1, SLOTS + 1)]


@dataclass(frozen=True)
class Touch:
    """What one translator does to one picture."""

    network: str
    strength: float
    styles: tuple[tuple[int, float], ...]
    graph: bool
    """Whether it was made fast for pictures of this size; plain PyTorch draws others."""


@dataclass
class Glide:
    """The style of one slot on its way."""

    source: tuple[Any, ...] = ()
    shown: Shares = field(default_factory=dict)
    origin: Shares | None = None
    done: int = 0
    total: int = 0

    def tick(self, source: tuple[Any, ...], there: Shares, frames: int) -> None:
        """Goes on by one frame. source: the network, and what a change of is a change of style."""
        if source != self.source and self.source[:1] == source[:1]:
            self.origin, self.done, self.total = self.shown, 0, frames
        self.source = source
        self.done += 1
        if self.origin is None or self.done >= self.total:
            self.origin, self.shown = None, there
            return
        share = float(EASINGS["smooth"](np.array(self.done / self.total)))
        self.shown = mixed(self.origin, there, share)


class Slots:
    """The translators of one session, by slot."""

    def __init__(self) -> None:
        self.ready: dict[str, dict[Size, str]] = {}
        """Translators that can be shown, and what draws them at the sizes that they were prepared for."""
        self._glides = {slot: Glide() for slot in NAMES}

    def tick(self, state: State) -> None:
        """Goes on by one frame."""
        for slot in NAMES:
            network = state.values[f"{slot}/network"]
            if network:
                a, b = (int(state.number(f"{slot}/style/{side}")) for side in "ab")
                there = mixed({a: 1.0}, {b: 1.0}, state.number(f"{slot}/style/mix"))
                self._glides[slot].tick((network, a, b), there, round(state.glide * state.fps))

    def touches(self, state: State, size: Size) -> tuple[Touch, ...]:
        """What is done to a picture of this size; nothing by translators that are not ready."""
        wanted = [slot for slot in NAMES if state.values[f"{slot}/network"] in self.ready]
        return tuple(self._touch(state, s, size) for s in wanted if state.values[f"{s}/on"] and _strength(state, s))

    def _touch(self, state: State, slot: str, size: Size) -> Touch:
        network = str(state.values[f"{slot}/network"])
        styles = tuple(sorted(self._glides[slot].shown.items()))
        return Touch(network, _strength(state, slot), styles, self.ready[network].get(size, PLAIN) != PLAIN)

    def missing(self, state: State, size: Size, besides: Collection[str] = ()) -> str | None:
        """A translator that is asked for and not ready for this size, None when all are. besides: not these."""
        names = (str(state.values[f"{slot}/network"]) for slot in NAMES)
        wanted = (name for name in names if name and name not in besides)
        return next((name for name in wanted if size not in self.ready.get(name, ())), None)

    def add_ready(self, event: Mapping[str, Any]) -> None:
        """{'then': name, 'size': [width, height], 'engine': choice}: it is ready."""
        self.ready.setdefault(event["then"], {})[event["size"][0], event["size"][1]] = event["engine"]

    def snapshot(self) -> dict[str, Any]:
        """Everything, as JSON."""
        glides = [[list(g.source), _pairs(g.shown), _pairs(g.origin), g.done, g.total] for g in self._glides.values()]
        ready = {name: [[*size, choice] for size, choice in found.items()] for name, found in self.ready.items()}
        return {"ready": ready, "glides": glides}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Takes a snapshot's place."""
        self.ready = {name: {(w, h): choice for w, h, choice in found} for name, found in kept["ready"].items()}
        for slot, (source, shown, origin, done, total) in zip(NAMES, kept["glides"], strict=True):
            self._glides[slot] = Glide(tuple(source), _shares(shown) or {}, _shares(origin), done, total)


def without_ready(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """A snapshot of an instrument for a renderer that has read no translators yet."""
    return {**snapshot, "then": {**snapshot["then"], "ready": {}}} if "then" in snapshot else dict(snapshot)


def mixed(one: Shares, other: Shares, share: float) -> Shares:
    """Styles on the way from one mixture to another; those that are not in it are left out."""
    parts = {number: one.get(number, 0.0) * (1 - share) + other.get(number, 0.0) * share for number in one | other}
    return {number: part for number, part in parts.items() if part > 0}


def _strength(state: State, slot: str) -> float:
    return state.number(f"{slot}/strength")


def _pairs(shares: Shares | None) -> list[list[float]] | None:
    return None if shares is None else [[number, part] for number, part in shares.items()]


def _shares(pairs: list[list[float]] | None) -> Shares | None:
    return None if pairs is None else {int(number): part for number, part in pairs}
