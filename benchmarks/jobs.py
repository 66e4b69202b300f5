"""Long renders: 100 kills over one job, what resuming costs, how far a second worker helps, how long joining takes,
whether sound is in step after ten minutes, what a full disk does, and how much memory a 4K score takes.

    python -m benchmarks.jobs                 # about ten minutes
    python -m benchmarks.jobs --kills 10      # a tenth of it
    python -m benchmarks.jobs --only workers  # or kills, resume, join, sync, disk, memory

The reference beside each figure is the same job left alone, or one encode of the whole film.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from latentart import pixels
from latentart.exhibition.sound import RATE, Sound
from latentart.jobs import plan as jobs
from latentart.jobs.join import join
from latentart.jobs.manifest import Manifest
from latentart.jobs.run import prepare, run
from latentart.jobs.work import render_chunk
from latentart.sinks.sink import open_sink
from tests.layouts.bars import Bars, bar, bars_job
from tests.layouts.siege import besiege, children, command, one_thread


def kills(count: int, seed: int) -> None:
    """SIGKILLs at seeded random times, against the frames themselves."""
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


def resume(frames: int = 240, rounds: int = 3) -> None:
    """A job stopped in its middle and started again, against one that was left alone; in one process, medians."""
    pairs = [_resumed(frames) for _ in range(rounds)]
    alone, resumed = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(resumed / alone for alone, resumed in pairs)
    print(f"resumed once {resumed:.2f} s, left alone {alone:.2f} s: {100 * (ratio - 1):+.1f} %")


def _resumed(frames: int) -> tuple[float, float]:
    """Seconds of a job that was left alone, and of one that was resumed."""
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
    return alone, resumed


def join_films(seconds: int = 60) -> None:
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


@dataclass(frozen=True)
class Clapper:
    """A flash and a click at the same moments: what a clapperboard is for."""

    fps: Fraction
    seconds: int
    every: int

    @property
    def frames_of_flashes(self) -> list[int]:
        """Frames that are white."""
        return [round(second * self.fps) for second in range(1, self.seconds, self.every)]

    def frames(self, start: int, stop: int) -> Iterator[tuple[pixels.Frame, ...]]:
        """See `jobs.plan.Source`."""
        flashes = set(self.frames_of_flashes)
        for i in range(start, stop):
            yield (np.full((64, 64, 3), 255 if i in flashes else 0, np.uint8),)

    def sound(self) -> Sound:
        """Silence, and 5 ms of a high tone where each flash begins."""
        samples = np.zeros((round(self.seconds * RATE), 2), np.float32)
        click = 0.8 * np.sin(2 * np.pi * 3000 * np.arange(RATE // 200) / RATE)
        for frame in self.frames_of_flashes:
            start = round(frame / self.fps * RATE)
            samples[start : start + len(click)] = click[:, None]
        return Sound(samples)


def sync(seconds: int = 600, every: int = 59) -> None:
    """Sound against picture in films of ten minutes at 30000/1001, in every container."""
    clapper = Clapper(Fraction(30000, 1001), seconds, every)
    for ending in (".mp4", ".mov", ".mkv"):
        with tempfile.TemporaryDirectory() as folder:
            options = {"format": "h264", "preset": "ultrafast"}
            tracks = (jobs.Track(0, f"film{ending}", ending, options),)
            plan = jobs.Plan(round(seconds * clapper.fps), clapper.fps, tracks, {"sync": every}, 300)
            [film] = run(jobs.Job(plan, clapper, Path(folder), "sync"), workers=0)
            seen, heard = _flashes(film), _clicks(film)
        late = [float((h - s) * clapper.fps) for h, s in zip(heard, seen, strict=True)]
        print(f"{ending}: {len(seen)} flashes and clicks in {seconds} s; the click comes {late[0]:+.2f} frames after "
              f"the first flash, {late[-1]:+.2f} after the last, {max(map(abs, late)):.2f} at worst")  # fmt: skip


def _flashes(film: Path) -> list[Fraction]:
    """Seconds at which a white frame is shown."""
    with av.open(str(film)) as opened:
        shown = [(frame.time, frame.to_ndarray(format="gray").mean()) for frame in opened.decode(video=0)]
    return [Fraction(time).limit_denominator(10**6) for time, light in shown if light > 128]


FULL_SCALE = {"flt": 1, "s16": 2**15, "s32": 2**31}


def _clicks(film: Path) -> list[Fraction]:
    """Seconds at which silence ends."""
    found: list[Fraction] = []
    with av.open(str(film)) as opened:
        for frame in opened.decode(audio=0):
            block = np.abs(frame.to_ndarray().astype(np.float64))
            loud = np.flatnonzero(block.max(axis=0) > 0.25 * FULL_SCALE[frame.format.name.rstrip("p")])
            for place in loud[:1]:
                channels = 1 if frame.format.is_planar else 2
                at = frame.pts * frame.time_base + Fraction(int(place) // channels, RATE)
                if not found or at - found[-1] > 1:
                    found.append(at)
    return found


FULL = """
set -e
mount -t tmpfs -o size={small}k tmpfs {folder}
mkdir {folder}/marks {folder}/out
{driver} || true
ls {folder}/out/*.job-* | grep -c '^film' | sed 's/$/ finished files kept/'
find {folder} -name '*.part' | wc -l | sed 's/$/ parts left/'
mount -o remount,size=64m {folder}
{driver} && echo the same command went on
cp {folder}/out/film0.mkv {kept}
"""


def disk(frames: int = 120, small: int = 400) -> None:
    """A disk of 400 KB fills in the middle; it grows, the same command goes on; against the frames themselves."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as kept:
        line = [*drive_line(Path(kept), Path(folder) / "out", frames=frames)]
        film = Path(kept) / "film.mkv"
        script = FULL.format(small=small, folder=folder, driver=" ".join(line), kept=film)
        done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
                              capture_output=True, text=True, env=one_thread(), check=False)  # fmt: skip
        print((done.stderr + done.stdout).strip())
        wrong = frames
        if film.exists():
            source = Bars(noisy=True)
            truth = [pictures[0] for pictures in source.frames(0, frames)]
            with av.open(str(film)) as opened:
                got = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
            wrong = sum(not np.array_equal(a, b) for a, b in zip(got, truth, strict=False)) + abs(len(got) - frames)
    print(f"  wrong or missing frames {wrong} of {frames}")


def drive_line(place: Path, output: Path, **options: Any) -> list[str]:
    """The driver's command line; its script lies in `place`, because the small disk is not there yet."""
    [python, script] = command(place, noisy=True, workers=1, **options)
    Path(script).write_text(Path(script).read_text().replace(f"Path({str(place)!r})", f"Path({str(output)!r})"))
    return [python, script]


BIG = """
size = "3840x2160"
chunk = 2

[[section]]
network = "landscapes-256"
seeds = [3, 11, 20]
seconds = {seconds}

[section.play]
light = "0.5..1..0.5"
"""
ENCODE = """
import numpy as np
from latentart.sinks import open_sink

gradient = np.linspace(0, 255, 3840).astype(np.uint8)[None, :, None].repeat(2160, 0).repeat(3, 2)
with open_sink("alone.mp4", threads=1) as sink:
    for i in range(60):
        sink.write(np.roll(gradient, 7 * i, axis=1))
"""


def memory(seconds: int) -> None:
    """Most that the processes of a 4K score ever hold, against encoding pictures of that size and nothing else.

    In short chunks: the peak grows a little from one to the next and stands still after five.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "big.toml").write_text(BIG.format(seconds=seconds))
        line = [sys.executable, "-c", "from latentart.cli import main; main()", "exhibit", "big.toml"]
        drawing, together = peaks([*line, "--workers", "1"], folder)
        encoding, _ = peaks([sys.executable, "-c", ENCODE], folder)
    print(f"{seconds} s of a 3840x2160 score: {drawing} MB at most in the process that draws, {together} MB with the "
          f"one that hands out chunks; encoding such pictures and nothing else {encoding} MB")  # fmt: skip


def peaks(line: list[str], folder: str) -> tuple[int, int]:
    """Runs a command; the most megabytes that one of its processes ever held, and all of them at a time."""
    one, together = 0, 0
    with subprocess.Popen(line, cwd=folder, env=one_thread(), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            everyone = [process.pid, *children(process.pid)]
            one = max(one, *(megabytes(each, "status", "VmHWM") for each in everyone))
            # What several share, such as the code of PyTorch, counts once.
            together = max(together, sum(megabytes(each, "smaps_rollup", "Pss") for each in everyone))
            time.sleep(0.5)
    if process.returncode:
        sys.exit(f"{line} ended with {process.returncode}")
    return one, together


def megabytes(process: int, file: str, name: str) -> int:
    """An entry of a process's files under /proc; 0 for one that has just ended."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{process}/{file}").read_text(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return round(int(found[1]) / 1024) if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=["kills", "workers", "resume", "join", "sync", "disk", "memory"])
    parser.add_argument("--seconds", type=int, default=20, help="of the 4K score")
    given = parser.parse_args()
    parts = {"kills": lambda: kills(given.kills, given.seed), "workers": workers, "resume": resume,
             "join": join_films, "sync": sync, "disk": disk, "memory": lambda: memory(given.seconds)}  # fmt: skip
    for name, part in parts.items():
        if given.only in (None, name):
            part()
