"""The lines that a training prints."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from latentart.training.run import Progress

SAID_EVERY = 10.0
"""Seconds between lines about how it goes."""


def progress_lines(minutes: float | None = None) -> Callable[[Progress], None]:
    """A line every ten seconds: step, losses, time left until the last step or, where it comes first, the clock's end.

    minutes: after which the training stops by the clock.
    """
    began = last = time.monotonic()
    first: int | None = None

    def line(now: Progress) -> None:
        nonlocal last, first
        first = now.step - 1 if first is None else first
        if time.monotonic() - last < SAID_EVERY:
            return
        last = time.monotonic()
        spent = last - began
        left = (now.steps - now.step) * spent / (now.step - first)
        if minutes is not None:
            left = min(left, max(60 * minutes - spent, 0.0))
        losses = ", ".join(f"{name} {value:.3f}" for name, value in now.losses.items())
        click.echo(f"step {now.step} of {now.steps}: {losses}; {left / 60:.0f} minutes left", err=True)

    return line
