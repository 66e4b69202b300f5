"""What a piece of 24 hours in 4K at 60 frames per second costs on 1, 8 and 64 GPUs, and where the design bends first.

    python -m benchmarks.cost                       # measures encoding and joining here, takes the GPU as given
    python -m benchmarks.cost --bench bench.json    # the generator's rate from `latentart bench --json`
    python -m benchmarks.cost --encode 9 --bytes 900000 --join 2000   # nothing is measured

Rates that were measured here say so; all others are given, and printed as such.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch

from latentart import load, pixels
from latentart.jobs import plan as jobs
from latentart.jobs.join import join
from latentart.jobs.manifest import Manifest
from latentart.jobs.run import prepare
from latentart.jobs.work import render_chunk
from latentart.render.film import Film, make_path
from latentart.render.frames import frames

H200 = 1000 / 2.1
"""Pictures a second: StyleGAN2 config-f at 1024 pixels, batch 1, on one H200, as given in the engine's table."""
UHD = (3840, 2160)
REPEAT = 100
"""Times the few frames are joined: opening files must not count."""


@dataclass(frozen=True)
class Rates:
    """What one part of the machine does; a worker draws, finishes and encodes one frame after the other."""

    generate: float
    """Pictures a second and GPU."""
    finish: float
    """Seconds a frame: larger, to 8 bits, off the GPU."""
    encode: float
    """Frames a second and core."""
    bytes: float
    """Of an encoded frame."""
    join: float
    """Frames a second that one machine joins, checks and hashes."""
    disk: float
    """Bytes a second that the shared folder takes."""

    def fps(self, workers: int) -> float:
        """Frames a second of one GPU that so many workers share."""
        alone = 1 / (1 / self.generate + self.finish + 1 / self.encode)
        return min(workers * alone, 1 / (1 / self.generate + self.finish))


@dataclass(frozen=True)
class Walk:
    """A few frames of a real model at 4K, as a job draws them."""

    count: int

    def frames(self, start: int, stop: int):
        """See `jobs.plan.Source`."""
        G = load("landscapes-256", "cpu")
        path = make_path(Film(seeds=(3, 11, 20), seconds=self.count / 60 * 8, fps="60"), G)
        for frame in frames(G, path, size=UHD, start=start, stop=stop):
            yield (frame,)


def measured(count: int = 24) -> tuple[float, float, float]:
    """Frames a second that one thread encodes at 4K, bytes of a frame, frames a second joined."""
    with tempfile.TemporaryDirectory() as folder:
        pictures = [pictures for pictures in Walk(count).frames(0, count)]
        plan = jobs.Plan(count, Fraction(60), (jobs.Track(0, "film.mp4", ".mp4", repeat=REPEAT),), {}, count // 2)
        job = jobs.Job(plan, Kept(pictures), Path(folder), "cost")
        prepare(job)
        manifest = Manifest(job)
        began = time.process_time()
        for number in plan.chunks:
            manifest.add(render_chunk(job, number))
        encode = count / (time.process_time() - began)
        began = time.monotonic()
        size = join(job, 0, manifest).stat().st_size
        return encode, size / count / REPEAT, count * REPEAT / (time.monotonic() - began)


@dataclass(frozen=True)
class Kept:
    """Pictures that were drawn before."""

    pictures: list[tuple[pixels.Frame, ...]]

    def frames(self, start: int, stop: int):
        """See `jobs.plan.Source`."""
        yield from self.pictures[start:stop]


def hours(seconds: float) -> str:
    """For people."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def table(rates: Rates, total: int, cores: int, per_host: int) -> None:
    """One row for each number of GPUs, with one worker on each and with one on each core."""
    film = total * rates.bytes
    # A film is read and written when it is joined, again when its index goes to the front, and read for its hash.
    joined = max(total / rates.join, 6 * film / rates.disk)
    print(f"{total} frames, {film / 1e12:.2f} TB of film, {2 * film / 1e12:.2f} TB while it is made")
    print(f"{'GPUs':>5} {'hosts':>5} {'workers':>8} {'frames/s':>9} {'drawing':>9} {'GPU hours':>9} "
          f"{'to disk':>10} {'joining':>9}  bends at")  # fmt: skip
    for gpus in (1, 8, 64):
        for each in (1, cores):
            fps = gpus * rates.fps(each)
            written = min(fps * rates.bytes, rates.disk)
            drawing = film / written
            print(f"{gpus:5} {-(-gpus // per_host):5} {gpus * each:8} {fps:9.0f} {hours(drawing):>9} "
                  f"{gpus * drawing / 3600:9.0f} {written / 1e9:7.2f} GB/s {hours(joined):>9}  "
                  f"{bends(rates, each, fps, drawing, joined)}")  # fmt: skip


def bends(rates: Rates, each: int, fps: float, drawing: float, joined: float) -> str:
    """The part that everything else waits for."""
    if joined > drawing:
        return "join"
    if fps * rates.bytes > rates.disk:
        return "disk"
    return "encoder" if each * rates.encode < rates.generate else "GPU"


def main() -> None:
    """Measures what is not given, and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=Path, help="JSON of latentart bench: its master rate at batch 1")
    parser.add_argument("--generate", type=float, help="pictures a second and GPU")
    parser.add_argument("--finish", type=float, default=0.003, help="seconds a frame: larger, 8 bits, off the GPU")
    parser.add_argument("--encode", type=float, help="4K frames a second and core")
    parser.add_argument("--bytes", type=float, help="of an encoded frame")
    parser.add_argument("--join", type=float, help="frames a second")
    parser.add_argument("--disk", type=float, default=2e9, help="bytes a second that the shared folder takes")
    parser.add_argument("--cores", type=int, default=16, help="for each GPU")
    parser.add_argument("--gpus-per-host", type=int, default=8)
    parser.add_argument("--hours", type=float, default=24)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = (None, None, None) if given.encode and given.bytes and given.join else measured()
    generate, how = given.generate or H200, "given" if given.generate else "given: one H200, 1024 pixels, batch 1"
    if given.bench:
        figures = {figure["what"]: figure for figure in json.loads(given.bench.read_text())["figures"]}
        generate, how = figures["master, batch 1"]["value"], f"measured: {given.bench.name}"
    encode, size, joins = (a or b for a, b in zip((given.encode, given.bytes, given.join), found, strict=True))
    rates = Rates(generate, given.finish, encode, size, joins, given.disk)
    here = {True: "measured here", False: "given"}
    print(f"generating {generate:.0f} pictures/s a GPU ({how}); {given.finish * 1e3:.0f} ms to finish one (given)")
    print(f"encoding 3840x2160 with x264 {encode:.1f} frames/s a core ({here[not given.encode]}), "
          f"{size / 1e3:.0f} KB a frame ({here[not given.bytes]})")  # fmt: skip
    print(
        f"joining {joins:.0f} frames/s ({here[not given.join]}); the folder takes {given.disk / 1e9:.1f} GB/s (given)"
    )
    print(f"{given.cores} cores a GPU, {given.gpus_per_host} GPUs a host (given)")
    table(rates, round(given.hours * 3600 * 60), given.cores, given.gpus_per_host)


if __name__ == "__main__":
    main()
