"""Translators: the shipped network alone and in a film, by engine; tiles against the whole picture.

    python -m benchmarks.translators [--style 19] [--size 256] [--frames 150] [--runs 5] [--picture 2048x1536]

1. mosaic26 alone: plain PyTorch, and the graph that films draw with (OpenVINO where it is installed).
2. A film of landscapes-256 with mosaic26 behind it, rendered to a file; beside it the same film without.
3. Tiles: peak memory of a process that draws a picture whole, in exact tiles and in tiles after a sample, time, and
   the largest and mean difference from the whole picture in levels of 255.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does

SEEDS = (46, 44, 11)


def rate(draw: Callable[[], object], frames: int, runs: int) -> tuple[float, float]:
    """Frames a second: median and best of the runs, after one that warms up."""
    found = []
    for run in range(runs + 1):
        began = time.perf_counter()
        for _ in range(frames):
            draw()
        if run:
            found.append(frames / (time.perf_counter() - began))
    return statistics.median(found), max(found)


def alone(size: int, style: int, frames: int, runs: int) -> None:
    """The network by itself, one picture at a time."""
    import torch

    from latentart.engine.translators import compile_translator
    from latentart.translators.load import load_translator

    T = load_translator("mosaic26", "cpu")
    img = torch.rand(1, 3, size, size) * 2 - 1
    row = torch.eye(T.style_dim)[style]
    print(f"mosaic26 at {size}x{size}, {torch.get_num_threads()} threads")
    plain = 0.0
    for name, played in (("PyTorch", T), ("graph", compile_translator(T))):
        with torch.inference_mode():
            median, best = rate(lambda p=played: p.translate(img, style=row), frames, runs)
        plain = plain or median
        print(f"  {name:10s} {median:7.1f} fps (best {best:.1f}), {median / plain:.2f} x PyTorch")


def film(size: int, style: int, frames: int, runs: int) -> None:
    """From latent to file, with and without the network behind the generator."""
    from latentart.models.load import load
    from latentart.render import film as films

    G = load("landscapes-256", "cpu")
    chains = {"without": (), "style": (f"style:mosaic26:{style}",)}
    found: dict[str, list[float]] = {name: [] for name in chains}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(runs + 1):
            for name, lines in chains.items():  # in turn, so that both meet the same machine
                asked = films.Film(seeds=SEEDS, seconds=frames / 30, fps="30", size=(size, size), then=lines)
                synthesis, then = films.engine_for(asked, G), films.make_then(asked, G)
                if run == 0 and then:
                    films.render(asked, Path(folder) / "warm.mp4", G=G, synthesis=synthesis, then=then)
                began = time.perf_counter()
                films.render(asked, Path(folder) / f"{name}{run}.mp4", G=G, synthesis=synthesis, then=then)
                if run:
                    found[name].append(frames / (time.perf_counter() - began))
    plain, styled = (statistics.median(found[name]) for name in chains)
    print(f"film of landscapes-256 at {size}x{size}, written as H.264")
    print(f"  without    {plain:7.1f} fps")
    print(f"  style      {styled:7.1f} fps  (claim >= 30 on 2 cores)")


TILES = """
import sys, time
import numpy as np, torch
from latentart import pixels
from latentart.translators.load import load_translator
from latentart.translators.tiles import translate_tiled
from skimage import data
how, width, height, tile, target = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
T = load_translator("mosaic26", "cpu")
img = pixels.resize(pixels.to_float(data.astronaut()), (width, height))
began = time.perf_counter()
with torch.inference_mode():
    if how == "whole":
        made = T.translate(img)
    elif how != "nothing":
        made = translate_tiled(T, img, tile, statistics=how)
    else:
        made = img
np.save(target, made.numpy())
seconds = time.perf_counter() - began
# Not getrusage: its peak is inherited from the process that started this one.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 1024, seconds)
"""


def tiles(width: int, height: int, tile: int) -> None:
    """Each way in a process of its own, so that its memory is its own."""
    import numpy as np

    print(f"mosaic26 on {width}x{height}, tiles of {tile}")
    with tempfile.TemporaryDirectory() as folder:
        made = {}
        for how in ("nothing", "whole", "exact", "sample"):
            target = f"{folder}/{how}.npy"
            command = [sys.executable, "-c", TILES, how, str(width), str(height), str(tile), target]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            memory, seconds = map(float, done.stdout.split())
            made[how] = np.load(target).clip(-1, 1)
            apart = np.abs(made[how] - made.get("whole", made[how])) * 127.5
            said = f"largest {apart.max():7.3f}, mean {apart.mean():.4f} of 255" if how in ("exact", "sample") else ""
            print(f"  {how:8s} {memory:7.0f} MB  {seconds:6.1f} s  {said}")
    print("  ('nothing' is the process with the picture in it; claim: exact <= 1 level of 255)")


def main() -> None:
    """Everything, or the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("alone", "film", "tiles"))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--style", type=int, default=19)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--picture", default="2048x1536")
    parser.add_argument("--tile", type=int, default=512)
    asked = parser.parse_args()
    if asked.only in (None, "alone"):
        alone(asked.size, asked.style, asked.frames, asked.runs)
    if asked.only in (None, "film"):
        film(asked.size, asked.style, asked.frames, asked.runs)
    if asked.only in (None, "tiles"):
        tiles(*map(int, asked.picture.split("x")), asked.tile)


if __name__ == "__main__":
    main()
