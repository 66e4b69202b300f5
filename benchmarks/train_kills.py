"""A GAN training that is killed again and again ends as one that never was.

    python benchmarks/train_kills.py                   100 kills with SIGKILL at seeded random times
    python benchmarks/train_kills.py --kills 5

The same small training (16 px, adaptive augmentation on few pictures) runs twice on the processor: undisturbed, and in
processes that are killed at random times, each of which goes on where the last one stopped. Compared by hash: weights,
average, augmentation strength, optimisers, and the files that others open.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
TRAIN = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
import torch
torch.set_num_threads(1)
from layouts.small_gan import a_gan
from latentart.training import run
run.train(a_gan(ada_kimg=0.2), {folder!r}, run.Schedule({steps}, first=0.05, most=0.2))
"""


def process(folder: Path, steps: int) -> subprocess.Popen[bytes]:
    """A training in a process of its own."""
    code = TRAIN.format(root=str(ROOT), tests=str(ROOT / "tests"), folder=str(folder), steps=steps)
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "OMP_NUM_THREADS": "1"})


def killed(folder: Path, steps: int, kills: int, longest: float) -> int:
    """Trains and kills -> how many kills there were while it ran or started."""
    rng = np.random.RandomState(0)
    done = 0
    while done < kills:
        training = process(folder, steps)
        try:
            training.wait(rng.uniform(0.2, longest))
            break  # it has finished
        except subprocess.TimeoutExpired:
            training.send_signal(signal.SIGKILL)
            training.wait()
            done += 1
    assert process(folder, steps).wait() == 0
    return done


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of what a run keeps."""
    names = ("state.safetensors", "network.safetensors", "critic.safetensors")
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        whole, cut = Path(place) / "whole", Path(place) / "cut"
        began = time.monotonic()
        assert process(whole, options.steps).wait() == 0
        # Long enough to import torch and to take some steps.
        longest = 2.0 * (time.monotonic() - began) / max(options.steps / 40, 1) + 4.0
        count = killed(cut, options.steps, options.kills, longest)
        a, b = hashes(whole), hashes(cut)
        same = [name for name in a if a[name] == b[name]]
        print(
            f"{count} kills in {options.steps} steps: {len(same)} of {len(a)} files equal by hash ({', '.join(same)})"
        )
        sys.exit(a != b)
