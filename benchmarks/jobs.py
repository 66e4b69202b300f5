"""Long renders: 100 kills over one job, what resuming costs, how far a second worker helps, how long joining takes.

    python benchmarks/jobs.py            # about ten minutes
    python benchmarks/jobs.py --kills 10 # a tenth of it

The reference beside each figure is the same job left alone, or one encode of the whole film.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from layouts.bars import Bars, bar, bars_job
from layouts.siege import besiege

from latentart import pixels
from latentart.jobs import plan as jobs
from latentart.jobs.join import join
from latentart.jobs.manifest import Manifest
from latentart.jobs.run import prepare, run
from latentart.jobs.work import render_chunk
from latentart.sinks.sink import open_sink


def kills(count: int, seed: int) -> None:
    """SIGKILLs at seeded random times, against the frames themselves."""
    import av

    frames = max(40, 12 * count)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        report = besiege(output, kills=count, seed=seed, frames=frames, chunk=8, pause=0.1)
        with av.open(str(output / "film0.mkv")) as film:
            got = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        wrong = sum(not np.array_equal(frame, bar(i)) for i, frame in enumerate(got)) + abs(len(got) - frames)
        parts = len(list(output.rglob("*.part")))
    lost = report.drawn_again / report.chunk / max(1, report.kills)
    print(f"{report.kills} SIGKILLs (seed {seed}), {report.runs} starts, {frames} frames, {report.seconds:.0f} s")
    print(f"  wrong or missing frames {wrong}, parts left {parts}")
    print(f"  frames drawn again {report.drawn_again}: {lost:.2f} chunks a kill; {report.chunks_at_risk} were at risk")


@dataclass(frozen=True)
class Busy:
    """Frames that cost a fixed amount of one core, as a model does."""

    seconds: float = 0.05

    def frames(self, start: int, stop: int) -> Iterator[tuple[pixels.Frame, ...]]:
        """See `jobs.plan.Source`."""
        for i in range(start, stop):
            end = time.thread_time() + self.seconds
            while time.thread_time() < end:
                pass
            yield (bar(i),)


def workers(frames: int = 400) -> None:
    """One worker against two, each single-threaded; starting them is part of it."""
    took = {}
    for count in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            tracks = (jobs.Track(0, "film.mp4", ".mp4"),)
            plan = jobs.Plan(frames, Fraction(30), tracks, {"busy": 1}, 20)
            began = time.monotonic()
            run(jobs.Job(plan, Busy(), Path(folder), "busy"), workers=count)
            took[count] = time.monotonic() - began
    print(f"{frames} frames of 50 ms: 1 worker {took[1]:.1f} s, 2 workers {took[2]:.1f} s: {took[1] / took[2]:.2f} x")


def resuming(frames: int = 240) -> None:
    """A job stopped in its middle and started again, against one that was left alone; in one process."""
    with tempfile.TemporaryDirectory() as folder:
        whole, halved = Path(folder) / "whole", Path(folder) / "halved"
        for place in (whole, halved):
            place.mkdir()
        job = bars_job(whole, Bars(pause=0.05), frames=frames, chunk=20)
        began = time.monotonic()
        run(job, workers=0)
        alone = time.monotonic() - began
        job = replace(job, output=halved)
        began = time.monotonic()
        prepare(job)
        manifest = Manifest(job)
        for number in job.plan.chunks[: len(job.plan.chunks) // 2]:
            manifest.add(render_chunk(job, number))
        run(job, workers=0)
        resumed = time.monotonic() - began
    print(f"resumed once {resumed:.2f} s, left alone {alone:.2f} s: {100 * (resumed / alone - 1):+.1f} %")


def joining(seconds: int = 60) -> None:
    """Packet copy of a minute of 1080p in chunks of ten seconds, against encoding that minute."""
    gradient = np.linspace(0, 255, 1920).astype(np.uint8)[None, :, None].repeat(1080, 0).repeat(3, 2)
    with tempfile.TemporaryDirectory() as folder:
        plan = jobs.Plan(seconds * 30, Fraction(30), (jobs.Track(0, "film.mp4", ".mp4", {"preset": "ultrafast"}),),
                         {}, 300)  # fmt: skip
        job = jobs.Job(plan, Bars(), Path(folder), "minute")
        prepare(job)
        manifest = Manifest(job)
        began = time.monotonic()
        for number in plan.chunks:
            with open_sink(job.chunk_path(0, number), fps=30, preset="ultrafast") as sink:
                for i in range(*plan.span(number)):
                    sink.write(np.roll(gradient, 7 * i, axis=1))
        encoded = time.monotonic() - began
        began = time.monotonic()
        join(job, 0, manifest)
        joined = time.monotonic() - began
    print(f"joining {seconds} s of 1080p {joined:.2f} s; encoding it at x264 ultrafast {encoded:.1f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=["kills", "workers", "resuming", "joining"])
    given = parser.parse_args()
    parts = {"kills": lambda: kills(given.kills, given.seed), "workers": workers, "resuming": resuming,
             "joining": joining}  # fmt: skip
    for name, part in parts.items():
        if given.only in (None, name):
            part()
