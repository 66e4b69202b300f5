"""Every family of generators beside a direct transcription of its published mathematics, in one run.

    python -m benchmarks.families [--rounds 3] [--large]

Relative errors over random networks in each family's layout, and the speed of StyleGAN3, T and R, at 256 pixels with
the published widths (32768 / 512 and 65536 / 1024). --large adds one round at 1024 pixels: minutes on a small machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.reference.stylegan2_fused import Fused
from benchmarks.reference.stylegan3_plain import Plain
from latentart.engine import machine
from latentart.models import stylegan3
from latentart.models.base import Generator
from latentart.models.load import build
from latentart.weights.checkpoint import Checkpoint
from tests.layouts import progan, random_stylegan2, random_stylegan3
from tests.models.test_progan import zoo

WIDTHS = {"t": {"base": 32768, "largest": 512}, "r": {"base": 65536, "largest": 1024}}
NARROW = {"base": 4096, "largest": 16}
CLAIMED_ERROR, CLAIMED_SPEED = 1e-4, 1.5


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    print(machine.processor(), f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
    with torch.inference_mode():
        exactness()
        for variant in "tr":
            speed(variant, 256, options.rounds)
        for variant in "tr" if options.large else "":
            speed(variant, 1024, 1)


def exactness() -> None:
    """Relative error of each family's pictures against its transcription."""
    error_row("StyleGAN2, config F shape", *random_stylegan2.random_state(resolution=32), reference=Fused)
    for variant in "tr":
        for resolution in (256, 1024):
            made = random_stylegan3.random_state(resolution=resolution, variant=variant, **NARROW)
            error_row(f"StyleGAN3-{variant.upper()}, the plan of {resolution}", *made, reference=Plain)
    tensors, config = progan.random_state()
    G, z = build(Checkpoint(tensors, config, "", "benchmark"), "cpu"), latents(12)
    print_error("ProGAN, pytorch_GAN_zoo", G(z), zoo(progan.random_port("zoo"), z))
    print()


def error_row(name: str, tensors: dict[str, Tensor], config: dict[str, Any], *, reference: Callable[..., Any]) -> None:
    """One line of the table."""
    G, plain = build(Checkpoint(tensors, config, "", "benchmark"), "cpu"), reference(tensors, config)
    ws = plain.mapping(latents(G.z_dim), None, 0.7)
    print_error(name, G.synthesis(ws), plain.synthesis(ws))


def print_error(name: str, made: Tensor, wanted: Tensor) -> None:
    error = float((made - wanted).norm() / wanted.norm())
    print(f"relative error, {name:28} {error:.1e}   (claim <= {CLAIMED_ERROR:.0e})")


def latents(z_dim: int) -> Tensor:
    return torch.randn(2, z_dim, generator=torch.Generator().manual_seed(5))


def speed(variant: str, resolution: int, rounds: int) -> None:
    """Seconds a picture of the transcription and of ours, taking turns; medians of the rounds."""
    made = random_stylegan3.random_state(
        resolution=resolution, variant=variant, z_dim=512, w_dim=512, **WIDTHS[variant]
    )
    G, plain = build(Checkpoint(*made, "", "benchmark"), "cpu"), Plain(*made)
    assert isinstance(G, stylegan3.StyleGAN3)
    ws = plain.mapping(latents(512)[:1], None, 0.7)
    if rounds > 1:
        G.synthesis(ws)
    turns = [(seconds(plain, ws), seconds(G, ws)) for _ in range(rounds)]
    slow, fast = (statistics.median(turn[i] for turn in turns) for i in (0, 1))
    ratio = statistics.median(a / b for a, b in turns)
    name = f"StyleGAN3-{variant.upper()} {resolution}"
    print(f"{name:20} transcription {slow:7.2f} s   ours {fast:7.2f} s   {ratio:5.2f}x   (claim >= {CLAIMED_SPEED}x)")


def seconds(G: Generator | Plain, ws: Tensor) -> float:
    """Time of one picture."""
    began = time.perf_counter()
    G.synthesis(ws)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
