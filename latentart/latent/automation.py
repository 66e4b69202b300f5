"""One spelling for whatever is done to a picture over time: NAME=AMOUNT[@WHERE].

'pca:3=2.5', 'sefa:1=-1@middle', 'ember=0..2.5..0@4-7': the amount is a number, or numbers with '..' between them, which
are reached at equal steps of the time they are given for, eased ('0..1 sine' names an easing). Over a section of a
score the last number stands at its end. Around a loop, where the end is the beginning, a last number that differs from
the first leads back to it: 0..2 is 0..2..0 there.
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
class Keys:
    """Numbers reached at equal steps of a stretch of time, the first at its beginning, the last at its end."""

    values: tuple[float, ...]
    easing: str = "smooth"
    """Name of `latent.easing`, for each leg."""

    def __call__(self, place: Array) -> Array:
        """Places [N] in 0..1 -> numbers [N]; exactly a key where it is reached."""
        values = np.asarray(self.values)
        leg, t = np.divmod(np.clip(place, 0.0, 1.0) * (len(values) - 1), 1.0)
        here = leg.astype(np.int64)
        start, end = values[here], values[np.minimum(here + 1, len(values) - 1)]
        return np.asarray(np.where(start == end, start, start + (end - start) * easing(self.easing)(np.asarray(t))))


@dataclass(frozen=True)
class Amount:
    """A number that may change around the loop: keys are reached at equal steps of u, the last leads to the first."""

    keys: tuple[float, ...]
    easing: str = "smooth"

    @property
    def moves(self) -> bool:
        """Whether the parameter changes with the phase or the time."""
        return len(set(self.keys)) > 1

    def __call__(self, u: Array) -> Array:
        """Phases u [N] -> amounts [N]; exactly a key where it is reached."""
        return Keys((*self.keys, self.keys[0]), self.easing)(np.asarray(u) % 1.0)


@dataclass(frozen=True)
class Note:
    """One line of a score: what, how much at each moment, and where ('' is everywhere)."""

    name: str
    amount: Amount
    where: str = ""


def parse_keys(text: str) -> Keys:
    """'2.5', '0..2.5..0' or '0..1 sine', with the name of an easing. Raises SettingsError."""
    numbers, _, name = str(text).strip().partition(" ")
    try:
        values = tuple(float(part) for part in numbers.split(".."))
    except ValueError:
        raise SettingsError(f"cannot read the amount {text!r}: give a number, or numbers such as 0..2.5..0") from None
    if not all(map(math.isfinite, values)) or len(values) > MOST_KEYS:
        raise SettingsError(f"the amount {str(text)[:60]!r} is not finite, or has more than {MOST_KEYS} numbers")
    name = name.strip() or "smooth"
    easing(name)
    return Keys(values, name)


def parse_amount(text: str) -> Amount:
    """Keys around a loop. A last number equal to the first is the closing of the loop. Raises SettingsError."""
    keys = parse_keys(text)
    closed = len(keys.values) > 2 and keys.values[0] == keys.values[-1]
    return Amount(keys.values[:-1] if closed else keys.values, keys.easing)


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
