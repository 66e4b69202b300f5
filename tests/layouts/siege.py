"""A job in processes of its own, and someone who kills them at seeded random times."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
DRIVER = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from contextlib import nullcontext
from latentart.errors import LatentartError
from latentart.jobs import cluster
from latentart.jobs.run import run
from layouts.bars import Bars, bars_job

if __name__ == "__main__":
    if {largest}:
        resource.setrlimit(resource.RLIMIT_FSIZE, ({largest}, {largest}))
    source = Bars(marks={marks!r}, pause={pause}, noisy={noisy})
    job = bars_job(Path({output!r}), source, frames={frames}, chunk={chunk})
    try:
        with cluster.connected({ray!r}, {workers}) if {ray!r} else nullcontext() as there:
            run(job, workers={workers}, crew=there and there.render, most_deaths=1000)
    except LatentartError as error:
        sys.exit(str(error))
"""


@dataclass(frozen=True)
class Report:
    """What a siege came to."""

    kills: int
    runs: int
    drawn_again: int
    """Frames that were drawn more than once, each time counted."""
    chunks_at_risk: int
    """Chunks that were being drawn by the processes that were killed."""
    chunk: int
    seconds: float


def command(output: Path, *, frames: int, chunk: int = 4, pause: float = 0.0, noisy: bool = False, largest: int = 0,
            workers: int = 2, ray: str = "") -> list[str]:  # fmt: skip
    """The command line of the driver. It is a file, because worker processes begin by importing it."""
    marks = output / "marks"
    marks.mkdir(exist_ok=True)
    text = DRIVER.format(
        tests=str(HERE.parent), marks=str(marks), output=str(output), pause=pause, noisy=noisy, frames=frames,
        chunk=chunk, largest=largest, workers=workers, ray=ray,
    )  # fmt: skip
    script = marks / "driver.py"
    script.write_text(text)
    return [sys.executable, str(script)]


def drive(output: Path, *, largest: int = 0, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs the job to its end; `largest` bounds the size of a file, as a full disk would."""
    return subprocess.run(
        command(output, largest=largest, **options), capture_output=True, text=True, timeout=100, env=one_thread()
    )


def besiege(output: Path, *, kills: int, seed: int, frames: int, chunk: int = 4, pause: float = 0.02) -> Report:
    """Kills one process of the job after another, workers and drivers; whenever the driver is dead it starts again."""
    random, done, runs, at_risk = np.random.RandomState(seed), 0, 0, 0
    began = time.monotonic()
    line = command(output, frames=frames, chunk=chunk, pause=pause)
    driver = start(line)
    runs += 1
    while True:
        time.sleep(random.uniform(0.0, 0.3) if done < kills else 0.05)
        if driver.poll() is not None:
            if driver.returncode == 0:
                break
            driver, runs = start(line), runs + 1
            continue
        workers = children(driver.pid)
        if done < kills and drawing(output, workers):
            everyone = [driver.pid, *workers, *workers]
            victim = everyone[random.randint(len(everyone))]
            at_risk += len(workers) if victim == driver.pid else 1
            os.kill(victim, signal.SIGKILL)
            done += 1
    return Report(done, runs, drawn_again(output), at_risk, chunk, time.monotonic() - began)


def drawn_again(output: Path) -> int:
    """Frames that were drawn more than once, each time counted."""
    drawn = Counter(int(p.name[6:].split(".")[0]) for p in (output / "marks").glob("frame-*"))
    return sum(count - 1 for count in drawn.values())


def at_work(output: Path) -> list[int]:
    """Processes of this machine that are at a chunk; those that were killed leave their part, and are not."""
    parts = [int(part.name.split(".")[-2]) for part in output.glob("*.job-*/*.part")]
    return [process for process in parts if Path(f"/proc/{process}").exists()]


def start(line: list[str]) -> subprocess.Popen[bytes]:
    """The driver in a process of its own."""
    return subprocess.Popen(line, env=one_thread(), stderr=subprocess.DEVNULL)


def one_thread() -> dict[str, str]:
    """The environment of a driver."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def drawing(output: Path, workers: list[int]) -> bool:
    """Whether one of these workers is at a chunk."""
    return any(list(output.glob(f"*.job-*/*.{worker}.part")) for worker in workers)


def children(process: int) -> list[int]:
    """Worker processes of a driver; multiprocessing's own helper process is none."""
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            for child in map(int, task.read_text().split()):
                if "resource_tracker" not in Path(f"/proc/{child}/cmdline").read_text():
                    found.append(child)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def chunks_run(output: Path) -> int:
    """Chunks that are whole."""
    return len(list(output.glob("*.job-*/film*.mkv")))
