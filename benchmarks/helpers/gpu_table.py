"""The table of benchmarks/gpu.py: its rows, what each must be, and how long a part may take."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One figure and what it must be: `target` in words, `ok` None where there is none."""

    what: str
    value: float
    unit: str
    target: str = ""
    ok: bool | None = None
    how: str = ""


@dataclass(frozen=True)
class Goal:
    """What a figure must be, in words and as a test."""

    words: str
    reached: Callable[[float], bool]


def least(value: float, words: str = "") -> Goal:
    """`value` or more."""
    return Goal(words or f">= {value:g}", lambda found: found >= value)


def most(value: float, words: str = "") -> Goal:
    """`value` or less."""
    return Goal(words or f"<= {value:g}", lambda found: 0 < found <= value)


GOALS = {
    "StyleGAN3-T, batch 8, ours: cuda f16": least(285, ">= 285, error <= 2e-3"),
    "StyleGAN3-T, batch 1, ours: cuda f16": least(167, ">= 167 (6 ms), error <= 2e-3"),
    "StyleGAN3-R, batch 8, ours: cuda f16": least(130, ">= 130, error <= 2e-3"),
    "StyleGAN2, batch 32, ours: cuda f16": least(2000, ">= 2000, error <= 2e-3"),
    "one frame, live, latent to uint8": most(1.2),
    "film, H.264: of the encoder alone": least(95),
    "projection step, 1024 pixels": most(12),
    "master film, drawing": least(300, ">= 300, within 1 level"),
    "engine made, first time": most(10),
    "engine made, again": most(2),
    "first frame after start, second run": most(5),
}
"""Name of a row -> its goal."""


def row(what: str, value: float, unit: str, how: str = "", right: bool = True) -> Row:
    """A row with its goal where it has one; right: whether all else that the goal asks for is so."""
    goal = GOALS.get(what)
    return Row(what, value, unit, goal.words if goal else "", goal.reached(value) and right if goal else None, how)


def missing(rows: list[Row]) -> list[Row]:
    """A row for each goal that none of these has."""
    found = {each.what for each in rows}
    return [Row(what, 0.0, "", goal.words, False, "not measured") for what, goal in GOALS.items() if what not in found]


def line(row: Row, small: bool) -> str:
    """A row of the table; a tiny network has nothing to reach."""
    verdict = "" if row.ok is None or small else "reached" if row.ok else "MISSED"
    return f"{row.what:52} {row.value:9.2f} {row.unit:6} {row.target:29} {verdict:8} {row.how}"


class TimeUpError(BaseException):
    """A part's time is over. No handler of errors on the way is meant to take it for one of its own."""


def within(rows: Iterator[T], seconds: float) -> Iterator[T]:
    """The rows that come within these seconds. Raises TimeUpError, after those that came."""
    ends = time.monotonic() + seconds
    while True:
        with alarm(ends - time.monotonic()):
            found = next(rows, None)
        if found is None:
            return
        yield found


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raises TimeUpError inside the block after these seconds, on the main thread of systems that have SIGALRM."""
    if seconds <= 0:
        raise TimeUpError
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*about: object) -> None:
        raise TimeUpError

    before = signal.signal(signal.SIGALRM, ring)
    others = signal.setitimer(signal.ITIMER_REAL, seconds)
    began = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if others[0]:
            signal.setitimer(signal.ITIMER_REAL, max(0.01, others[0] - (time.monotonic() - began)), others[1])
