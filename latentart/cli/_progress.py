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
    shown = 0

    def report(done: int, total: int) -> None:
        nonlocal shown
        if done * 10 // total > shown:
            shown = done * 10 // total
            click.echo(f"{what}: {done} of {total} {unit}", err=True)

    return report
