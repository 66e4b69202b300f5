"""What a search shows while it runs: a bar, a preview picture, and afterwards a film of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from latentart.cli._progress import shares

if TYPE_CHECKING:
    from latentart.models.base import Generator
    from latentart.pixels import Frame
    from latentart.projection.result import Projection
    from latentart.projection.settings import Step
    from latentart.projection.target import Target

PREVIEW_SECONDS = 2.0
FILM_FRAMES = 150
FILM_FPS = 25

Show = Callable[[str, float, int, "Callable[[], Frame] | None"], None]
"""show(stage, part of this batch that is done, pictures in it, how to draw a preview)."""


@contextmanager
def reporting(total: int, preview: Path) -> Iterator[Show]:
    """A bar over all pictures on a terminal, and `preview` renewed every two seconds while it runs."""
    last, written = time.monotonic(), False

    def refresh(draw: Callable[[], Frame] | None) -> None:
        nonlocal last, written
        if draw is not None and time.monotonic() - last > PREVIEW_SECONDS:
            from latentart.sinks.images import write_image

            write_image(preview, draw(), overwrite=True)
            last, written = time.monotonic(), True

    try:
        with _bar(total) as advance:

            def show(stage: str, done: float, count: int, draw: Callable[[], Frame] | None) -> None:
                advance(stage, done, count)
                refresh(draw)

            yield show
    finally:
        if written:
            preview.unlink(missing_ok=True)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[str, float, int], None]]:
    if not total:
        yield lambda stage, done, count: None
        return
    if not sys.stderr.isatty():
        yield _lines(total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    percent, stage = TextColumn("{task.percentage:.0f} %"), TextColumn("{task.fields[stage]}")
    columns = (BarColumn(), percent, stage, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total, stage="")
        finished = 0.0

        def advance(stage: str, done: float, count: int) -> None:
            nonlocal finished
            bar.update(task, completed=finished + done * count, stage=stage)
            finished += count if done >= 1 else 0

        yield advance


def _lines(total: int) -> Callable[[str, float, int], None]:
    """Plain lines over all pictures, where there is no terminal."""
    report, finished = shares("search"), 0.0

    def advance(stage: str, done: float, count: int) -> None:
        nonlocal finished
        report((finished + done * count) / total, stage)
        finished += count if done >= 1 else 0

    return advance


class Recorder:
    """Passes steps on to the bar and the preview, and keeps codes on the way when a film is wanted."""

    def __init__(self, G: Generator, targets: list[Target], show: Show, *, keep: bool) -> None:
        self.G, self.targets, self.show, self.keep = G, targets, show, keep
        self.codes: list[tuple[float, Step]] = []
        self.drawn: Callable[[], Frame] | None = None

    def on_step(self, step: Step) -> None:
        """Updates the progress bar; the callback `on_step` of `Projector.project`."""
        from latentart.projection import batch

        ws = step.ws
        if ws is not None:
            self.drawn = lambda: batch.thumbnails(self.G, self.targets, ws)
            if self.keep and (not self.codes or step.done - self.codes[-1][0] >= 1 / FILM_FRAMES):
                self.codes.append((step.done, step))
        self.show(step.stage, step.done, len(self.targets), self.drawn)

    def write(self, target: Target, made: Projection, path: Path) -> None:
        """The film of one picture's search: target | best so far, and the result for a second at the end."""
        from latentart.projection import batch
        from latentart.projection.result import Projection
        from latentart.sinks.sink import open_sink

        row = self.targets.index(target)
        with open_sink(path, fps=FILM_FPS, settings=made.settings, overwrite=True) as sink:
            for _, step in self.codes:
                assert step.ws is not None
                seen = Projection(step.ws[[row]].detach(), settings=made.settings)
                sink.write(batch.side_by_side(self.G, target, seen))
            for _ in range(FILM_FPS):
                sink.write(batch.side_by_side(self.G, target, made))
        click.echo(path)
