"""Network bending while playing: the slots of the table as changes to a generator's layers (`latent.bending`)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from latentart import seeds
from latentart.errors import SettingsError
from latentart.latent import automation, bending
from latentart.live.control.params import BEND_SLOTS, BENDS
from latentart.live.control.state import State
from latentart.models.base import Generator, placed

log = logging.getLogger("latentart.live")

_SLOTS = range(1, len(BEND_SLOTS) + 1)
_ANY = automation.Amount((0.0,))
"""A bend's own amount, where the frame's is given."""


@dataclass(frozen=True)
class Twist:
    """One bend of one frame. layer: from 1, the coarsest; amount: in the operation's own unit, never 0."""

    slot: int
    op: str
    layer: int
    share: float
    amount: float


def twists(state: State) -> tuple[Twist, ...]:
    """The bends of the current frame, in the order of the slots; those at 0 are left out."""
    return tuple(_twist(state, slot) for slot in _SLOTS if state.values[f"bend/{slot}/amount"])


def _twist(state: State, slot: int) -> Twist:
    op, layer = str(state.values[f"bend/{slot}/op"]), int(state.number(f"bend/{slot}/layer"))
    amount = state.number(f"bend/{slot}/amount") * BENDS[op]
    return Twist(slot, op, layer, state.number(f"bend/{slot}/share"), amount)


class Bender:
    """What bends one generator. One without layers that can be bent stays as it is, which is logged once."""

    def __init__(self, G: Generator) -> None:
        self.G = G
        try:
            self.layers = tuple(bending.layers(G))
        except SettingsError:
            self.layers = ()
        self._told = False

    def changes(self, wanted: Sequence[Twist]) -> list[tuple[str, Callable[[Tensor], Tensor]]]:
        """What `bending.hooked` takes."""
        if wanted and not self.layers and not self._told:
            self._told = True
            log.warning("%s (%s) has no layers that can be bent: bends wait for another", self.G.name, self.G.family)
        return [self._change(twist) for twist in wanted if self.layers and twist.share > 0]

    def _change(self, twist: Twist) -> tuple[str, Callable[[Tensor], Tensor]]:
        layer = self.layers[min(twist.layer, len(self.layers)) - 1]
        return layer, partial(_bent, twist, layer)


def _bent(twist: Twist, layer: str, x: Tensor) -> Tensor:
    """x [1, C, H, W] with the twist's part of its maps changed."""
    bend = bending.Bend(twist.op, _ANY, layer, _maps(twist, x.shape[1]))
    return bend(x, np.array([twist.amount]))


def _maps(twist: Twist, count: int) -> Tensor | None:
    if twist.share >= 1:
        return None
    # The slot's number decides which ones.
    chosen = seeds.stream(twist.slot).permutation(count)[: max(1, round(twist.share * count))]
    return torch.from_numpy(np.sort(chosen))


def drawing(G: Generator, place: tuple[float, float, float]) -> Callable[..., Tensor] | None:
    """G's synthesis with its picture moved by x and y widths and turned by degrees; None where it stays or cannot."""
    if not any(place) or not G.can_be_moved:
        return None
    x, y, turn = place
    return G.moved(placed((x, y), turn))
