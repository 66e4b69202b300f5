"""One spelling for whatever is done to a picture over time: NAME=AMOUNT[@WHERE].

'pca:3=2.5', 'sefa:1=-1@middle', 'dusk=0..2.5..0@4-7': the amount is a number, or numbers with '..' between them, which
are reached at equal steps around the loop, eased, the last leading back to the first.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentart.errors import SettingsError
from latentart.latent.easing import easing

Array = NDArray[np.float64]
MOST_KEYS = 1000


@dataclass(frozen=True)
class Amount:
    """A number that may change around the loop: keys are reached at equal steps of u, the last leads to the first."""

    keys: tuple[float, ...]

    @property
    def moves(self) -> bool:
        """Whether it is not the same all the time."""
        return len(set(self.keys)) > 1

    def __call__(self, u: Array) -> Array:
        """Phases u [N] -> amounts [N]; exactly a key where it is reached."""
        keys = np.asarray(self.keys)
        leg, t = np.divmod((np.asarray(u) % 1.0) * len(keys), 1.0)
        here = leg.astype(np.int64) % len(keys)
        start, end = keys[here], keys[(here + 1) % len(keys)]
        return np.asarray(np.where(start == end, start, start + (end - start) * easing("smooth")(t)))


@dataclass(frozen=True)
class Note:
    """One line of a score: what, how much at each moment, and where ('' is everywhere)."""

    name: str
    amount: Amount
    where: str = ""


def parse_amount(text: str) -> Amount:
    """'2.5' or '0..2.5..0'. A last number equal to the first is the closing of the loop. Raises SettingsError."""
    try:
        keys = tuple(float(part) for part in str(text).split(".."))
    except ValueError:
        raise SettingsError(f"cannot read the amount {text!r}: give a number, or numbers such as 0..2.5..0") from None
    if not all(map(math.isfinite, keys)) or len(keys) > MOST_KEYS:
        raise SettingsError(f"the amount {str(text)[:60]!r} is not finite, or has more than {MOST_KEYS} numbers")
    closed = len(keys) > 2 and keys[0] == keys[-1]
    return Amount(keys[:-1] if closed else keys)


def parse(text: str, example: str = "pca:3=2.5@middle") -> Note:
    """'NAME=AMOUNT[@WHERE]'. Raises SettingsError."""
    match = re.fullmatch(r"\s*([^=]+?)\s*=\s*([^@]+?)\s*(?:@\s*(.+?)\s*)?", text)
    if not match:
        raise SettingsError(f"cannot read {text!r}: write NAME=AMOUNT or NAME=AMOUNT@WHERE, for example {example}")
    return Note(match[1], parse_amount(match[2]), match[3] or "")


def still(note: Note) -> float:
    """The amount of a note that does not move. Raises SettingsError for one that does: a still has no time."""
    if note.amount.moves:
        raise SettingsError(f"{note.name!r} changes over time: a still takes one amount, such as {note.name}=2")
    return note.amount.keys[0]
