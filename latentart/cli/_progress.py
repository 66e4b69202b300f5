"""Progress for people: a bar with the time left on a terminal, plain lines elsewhere; and what was left out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import click

Report = Callable[[int, int], None]


def left_out(reasons: Iterable[object]) -> None:
    """A line for each picture that could not be used."""
    for reason in reasons:
        click.echo(f"left out: {reason}", err=True)


@contextmanager
def progress(what: str, unit: str = "frames") -> Iterator[Report]:
    """Yields report(done, total), counted in `unit`."""
    if sys.stderr.isatty():
        with _bar(what) as report:
            yield report
    else:
        yield _lines(what, unit)


@contextmanager
def _bar(what: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None, rate="")
        began = time.monotonic()

        def report(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - began, 1e-9)
            bar.update(task, completed=done, total=total, rate=f"{rate:.0f} fps")

        yield report


def _lines(what: str, unit: str) -> Report:
    share = shares(what)

    def report(done: int, total: int) -> None:
        share(done / max(total, done, 1), f"{done} of {total or '?'} {unit}")

    return report


EVERY_SECONDS = 10.0
FIRST_SECONDS = 3.0


def shares(what: str) -> Callable[[float, str], None]:
    """A function of (share done 0..1, words) that prints a line with the time left, where there is no terminal.

    It does so at each tenth, and at the latest every ten seconds, the first after three: slow work says early how
    long it will take.
    """
    began, printed, tenth = time.monotonic(), 0.0, 0

    def report(share: float, words: str) -> None:
        nonlocal printed, tenth
        passed = time.monotonic() - began
        due = passed - printed > EVERY_SECONDS or (printed == 0 and passed > FIRST_SECONDS)
        if int(share * 10) > tenth or (due and share > 0):
            printed, tenth = passed, int(share * 10)
            left = f", {duration(passed * (1 - share) / share)} left" if share < 1 and passed > 1 else ""
            click.echo(f"{what}: {words}, {share:.0%}{left}", err=True)

    return report


def duration(seconds: float) -> str:
    """Seconds as a length of time for messages: '40 s', '3 min', '2.5 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
