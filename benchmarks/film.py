"""A film, end to end: speed against generation alone, memory against length, the seam, the start of the command.

python -m benchmarks.film [--frames 300] [--long 10000]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does

SEEDS = (3, 11, 20)


def speed(frames: int, runs: int, only: str | None = None) -> None:
    """Generate, encode and write, against generate alone: pairs, one after the other."""
    import torch

    from latentart.models.load import load
    from latentart.render import film as films
    from latentart.render.frames import frames as make_frames

    G = load("landscapes-256", "cpu")
    film = films.Film(seeds=SEEDS, seconds=frames / 30)
    synthesis = films.engine_for(film, G, only)
    print(f"engine                  {synthesis.choice}")
    path = films.make_path(film, G)
    ratios, whole, alone = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for run in range(runs + 1):
            began = time.perf_counter()
            for _ in make_frames(G, path, synthesis=synthesis):
                pass
            middle = time.perf_counter()
            films.render(film, Path(folder) / f"{run}.mp4", G=G, synthesis=synthesis)
            end = time.perf_counter()
            if run:  # the first pair warms up
                alone.append(frames / (middle - began))
                whole.append(frames / (end - middle))
                ratios.append((middle - began) / (end - middle))
    print(f"generate alone          {statistics.median(alone):7.1f} fps  ({torch.get_num_threads()} threads)")
    print(f"generate, encode, write {statistics.median(whole):7.1f} fps")
    print(f"ratio                   {statistics.median(ratios):7.1%}  (median of {runs}; claim >= 80 %)")


MEMORY = """
import resource, sys, torch
from latentart import films
from latentart.models.load import build
from latentart.weights.checkpoint import Checkpoint
from tests.layouts.random_stylegan2 import random_state
torch.set_num_threads(2)
tensors, config = random_state(resolution=64, z_dim=16, w_dim=16)
G = build(Checkpoint(tensors, config, "0" * 64, "random"), "cpu")
films.render(films.Film(seeds=(1, 2, 3), seconds=int(sys.argv[1]) / 30, size=(256, 256)), sys.argv[2], G=G)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def memory(long: int) -> None:
    """Peak memory of a process that renders 100 frames, and of one that renders many, at 256x256."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for frames in (100, long):
            command = [sys.executable, "-c", MEMORY, str(frames), f"{folder}/{frames}.mp4"]
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
            peaks[frames] = int(done.stdout) / 1024
    print(f"peak memory             {peaks[100]:.0f} MB at 100 frames, {peaks[long]:.0f} MB at {long}")
    print(f"difference              {peaks[long] - peaks[100]:+7.1f} MB  (claim <= +50 MB)")


def seams() -> None:
    """Last-to-first step against the median step, in pictures, of every walk."""
    import numpy as np

    from latentart import walks
    from latentart.models.load import load
    from latentart.render.frames import frames as make_frames

    G = load("landscapes-256", "cpu")
    for name in walks.NAMES:
        path = getattr(walks, name)(G, seeds=SEEDS, seconds=3, fps=30, psi=0.8)
        shown = np.stack(list(make_frames(G, path))).astype(np.float32)
        steps = np.sqrt(np.square(shown - np.roll(shown, 1, axis=0)).mean(axis=(1, 2, 3)))
        ratio = steps[0] / np.median(steps)
        print(f"seam of {name:12s}    {ratio:7.2f} x the median step  (claim <= 1.5)")


def start() -> None:
    """`latentart --help`, as a whole process."""
    times = []
    for _ in range(7):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "latentart", "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - began)
    reference = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import click"], check=True)
    reference = time.perf_counter() - reference
    median = statistics.median(times)
    print(f"latentart --help        {median:7.2f} s  (importing click alone {reference:.2f} s; claim <= 0.5 s)")


def main() -> None:
    """Everything, with the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--engine", help="draw with this one, for example eager, instead of the fastest")
    parser.add_argument("--long", type=int, default=10_000)
    arguments = parser.parse_args()
    start()
    speed(arguments.frames, arguments.runs, arguments.engine)
    seams()
    memory(arguments.long)


if __name__ == "__main__":
    main()
