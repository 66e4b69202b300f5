"""Where the picture lies: moved and turned inside a network that can (StyleGAN3's input), over the loop.

    Placing("0..0.2..0,0", "0..360").scene(G)

x goes right and y down in picture widths, degrees go counter-clockwise. A turn that ends whole turns away from where
it began, such as 0..360, goes round at an even speed instead of back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentart.errors import SettingsError
from latentart.latent.automation import Amount, parse_amount
from latentart.models.base import Generator, placed


def moving(G: Generator, motion: Callable[[float], Tensor]) -> Callable[[Iterable[float]], Callable[..., Tensor]]:
    """A scene for `latentart.frames`: motion gives the transform (see `placed`) at each phase u of the loop."""
    return lambda phases: G.moved(torch.stack([motion(float(u)) for u in phases]))


@dataclass(frozen=True)
class Placing:
    """Amounts of a film, each a number or numbers reached around the loop."""

    x: Amount
    y: Amount
    turn: Amount

    def at(self, u: float) -> Tensor:
        """Returns the transform matrix [3, 3] at a phase of the loop; see `placed`."""
        phase = np.array([u])
        return placed((float(self.x(phase)[0]), float(self.y(phase)[0])), self.degrees(u))

    def degrees(self, u: float) -> float:
        """Rotation in degrees at a phase of the loop."""
        keys = self.turn.keys
        if len(keys) > 1 and keys[0] != keys[-1] and (keys[-1] - keys[0]) % 360 == 0:
            return float(np.interp(u % 1.0, np.linspace(0, 1, len(keys)), keys))
        return float(self.turn(np.array([u]))[0])

    def scene(self, G: Generator) -> Callable[[Iterable[float]], Callable[..., Tensor]]:
        """What `frames` draws with. Raises SettingsError for a model that cannot be moved."""
        G.moved(self.at(0.0))
        return moving(G, self.at)


def parse(translate: str | None, rotate: str | None) -> Placing:
    """'X,Y' and degrees as texts. Raises SettingsError."""
    parts = (translate or "0,0").split(",")
    if len(parts) != 2:
        raise SettingsError(f"cannot read the move {translate!r}: write X,Y in picture widths, such as 0..0.2..0,0")
    return Placing(parse_amount(parts[0]), parse_amount(parts[1]), parse_amount(rotate or "0"))
