"""What a step of GAN training costs, beside a plain transcription of the papers in the same run.

    python benchmarks/train_gan.py                     64 px, batch 16, two threads: the claim of the docs
    python benchmarks/train_gan.py --size 256 --batch 16 --device cuda --bf16

The transcription (`reference/stylegan2_training.py`) gives every sample its own kernel by a grouped convolution. Both
start from the same weights and take 16 steps, one whole round of the lazy regularisations; the first round warms up.
Wall time is printed, and processor time beside it, which other work on the machine does not change.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.reference import stylegan2_training
from latentart.training import run
from latentart.training.gan import Gan, Settings
from latentart.training.gan.pictures import Pictures


def trainee(options: argparse.Namespace) -> Gan:
    """A training on noise: pictures do not change what a step costs."""
    frames = np.random.RandomState(0).randint(0, 255, (64, options.size, options.size, 3), np.uint8)
    found = Pictures(frames, [str(i) for i in range(64)], np.zeros(0, np.int64))
    settings = Settings(size=options.size, batch=options.batch, augment=0.0, bf16=options.bf16)
    return Gan(settings, found, options.device)


def transcription(gan: Gan) -> stylegan2_training.Training:
    """The papers' step from the same weights and random numbers."""

    def draw(number: int, phase: str) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
        gan.name(number, phase, 0)
        piece = gan.piece(number, 0)
        return piece.z, piece.c, piece.real, piece.real_c

    return stylegan2_training.Training(gan.G.state_dict(), gan.D.state_dict(), gamma=gan.chosen.r1, draw=draw)


def timed(step: Callable[[int], object], steps: int, device: torch.device) -> tuple[float, float]:
    """Seconds of wall and of processor time of a step, over `steps` after as many."""
    for number in range(2 * steps):
        if number == steps:
            _wait(device)
            began, spent = time.monotonic(), time.process_time()
        with run.seeded(0, number):
            step(number)
    _wait(device)
    return (time.monotonic() - began) / steps, (time.process_time() - spent) / steps


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    gan = trainee(options)
    rows = {}
    for name, step in (("plain transcription", transcription(gan).step), ("latentart", lambda n: gan.step(n, 0.0))):
        if name == "plain transcription" and options.device != "cpu":
            continue  # its constants live on the processor
        rows[name] = timed(step, options.steps, gan.device)
        wall, cpu = rows[name]
        rate = f"{options.batch / wall:.1f} pictures a second, {1000 * wall / options.batch:.1f} s a kimg"
        print(f"{name}: {1000 * wall:.0f} ms a step, {1000 * cpu:.0f} ms of processor time; {rate}")
    if len(rows) == 2:
        plain, ours = rows.values()
        print(f"ratio: {plain[0] / ours[0]:.2f} in wall time, {plain[1] / ours[1]:.2f} in processor time")
