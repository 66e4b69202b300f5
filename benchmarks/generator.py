"""How fast a generator draws on this processor, and how exactly: every figure beside its reference, in one run.

    python -m benchmarks.generator [--network landscapes-256] [--rounds 5] [--sheet docs/images/engine-live.webp]

The reference is the papers' form, one fused kernel per sample (benchmarks/reference), in plain PyTorch.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.reference.stylegan2_fused import Fused
from latentart import engine, pixels, seeds
from latentart.engine import machine
from latentart.engine.fused import plain, plan
from latentart.engine.fused.network import Network
from latentart.models import stylegan2
from latentart.models.load import build
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.open import open_checkpoint

VARIANTS: dict[str, dict[str, object]] = {
    "skip": {},
    "resnet": {"architecture": "resnet"},
    "orig": {"architecture": "orig"},
    "classes, 8 mapping layers": {"c_dim": 5, "mapping_layers": 8},
    "grey": {"img_channels": 1},
    "RGBA, 3:5, clamped": {"img_channels": 4, "init_res": (3, 5), "conv_clamp": 0.5},
    "no noise inputs": {"use_noise": False},
    "uneven widths, 64 px": {"resolution": 64, "widths": {4: 24, 8: 17, 16: 40, 32: 9, 64: 5}},
}
CHOICES = {"eager": "master", "openvino f32": "master", "openvino bf16": "live"}


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="landscapes-256")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sheet", type=Path, help="also draw seeds by float32 and by the live choice, side by side")
    options = parser.parse_args()
    print(machine.processor(), "  ".join(f"{name} {v}" for name, v in machine.versions().items() if v), "\n")
    exactness()
    checkpoint = open_checkpoint(options.network)
    speed(checkpoint, 1, options.rounds)
    speed(checkpoint, 8, options.rounds)
    second_start(checkpoint)
    half(checkpoint)
    if options.sheet:
        sheet(checkpoint, options.sheet)


def exactness() -> None:
    """Largest relative error of `latentart.models.stylegan2` against the reference, over all variants."""
    from tests.layouts.random_stylegan2 import random_state

    worst = 0.0
    for name, shape in VARIANTS.items():
        tensors, config = random_state(seed=3, **shape)  # type: ignore[arg-type]
        G = build(Checkpoint(tensors, config, sha256="", source="benchmark"), "cpu")
        reference = Fused(tensors, config)
        z = torch.from_numpy(np.concatenate([seeds.z(i, G.z_dim) for i in range(4)])).float()
        c = torch.eye(5)[:4] if G.c_dim else None
        with torch.inference_mode():
            for noise in ("const", "none"):
                wanted = reference.synthesis(reference.mapping(z, c, 0.7), noise)
                made = G.synthesis(G.mapping(z, c, truncation_psi=0.7), noise_mode=noise)
                error = float((made - wanted).norm() / wanted.norm())
                worst = max(worst, error)
        print(f"relative error, {name:27} {error:.1e}")
    print(f"relative error, worst                       {worst:.1e}   (claim <= 1e-5)\n")


def speed(checkpoint: Checkpoint, batch: int, rounds: int) -> None:
    """Milliseconds per picture of the reference and of every choice, taking turns; medians of the rounds."""
    G = build(checkpoint, "cpu")
    assert isinstance(G, stylegan2.StyleGAN2)
    reference = Fused({name: t.float() for name, t in checkpoint.tensors.items()}, checkpoint.config)
    z = torch.from_numpy(np.concatenate([seeds.z(i, G.z_dim) for i in range(batch)])).float()
    ws = G.mapping(z, torch.eye(G.c_dim)[torch.arange(batch) % G.c_dim] if G.c_dim else None)
    runs: dict[str, Callable[[Tensor], object]] = {"per-sample fused": reference.synthesis}
    for name, precision in CHOICES.items():
        runs[name] = engine.compile(G, batch=batch, precision=precision, only=name, measure=0)
    calls = max(3, 24 // batch)
    with torch.inference_mode():
        taken = [{name: _milliseconds(run, ws, calls) for name, run in runs.items()} for _ in range(rounds)]
        wanted = reference.synthesis(ws)
        errors = {name: float((run(ws) - wanted).norm() / wanted.norm()) for name, run in runs.items()}  # type: ignore[operator]
    print(f"{G.name}, batch {batch}        ms a picture   x reference   relative error")
    for name in runs:
        times = [round_[name] / batch for round_ in taken]
        ratio = statistics.median(round_["per-sample fused"] / round_[name] for round_ in taken)
        claim = {"eager": 1.3, "openvino f32": 2.4 if batch == 1 else 3.5, "openvino bf16": 4.0}.get(name)
        note = f"   (claim >= {claim}x)" if claim else ""
        print(f"{name:24} {statistics.median(times):12.2f} {ratio:12.2f}x {errors[name]:14.1e}{note}")
    print()


def _milliseconds(run: Callable[[Tensor], object], ws: Tensor, calls: int) -> float:
    """Median of a few calls in a row, after one that fills the caches."""
    run(ws)
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        run(ws)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def second_start(checkpoint: Checkpoint) -> None:
    """What making an engine costs when its graph and its choice are in the cache folder."""
    for attempt in ("first or remembered", "remembered"):
        began = time.perf_counter()
        made = engine.compile(build(checkpoint, "cpu"), output="uint8", precision="live")
        print(f"engine ready, {attempt:20} {time.perf_counter() - began:6.2f} s   {made.choice}")


def half(checkpoint: Checkpoint) -> None:
    """The fused layers of a GPU's engine in half, by plain PyTorch, against float32; speed shows on a GPU only."""
    G = build(checkpoint, "cpu")
    z = torch.from_numpy(np.concatenate([seeds.z(i, G.z_dim) for i in (4, 7, 21, 30)])).float()
    ws = G.mapping(z, torch.eye(G.c_dim)[:4] if G.c_dim else None, truncation_psi=0.8)
    wanted, network = G.synthesis(ws), plan.make(G, torch.float16)
    img = Network(network, plain, uint8=False)(ws)[0]
    apart = pixels.to_uint8(img).astype(int) - pixels.to_uint8(wanted)
    error = float((img - wanted).norm() / wanted.norm())
    rounded = float(np.linalg.norm(apart) / np.linalg.norm(pixels.to_float(pixels.to_uint8(wanted)).numpy() * 127.5))
    share = 100 * (apart != 0).mean()
    print(f"fused layers in half: relative error {error:.1e}, in uint8 {rounded:.1e} ({share:.1f} % of values differ)")


def sheet(checkpoint: Checkpoint, target: Path) -> None:
    """Rows: float32, the live choice, eight times their difference."""
    G = build(checkpoint, "cpu")
    z = torch.from_numpy(np.concatenate([seeds.z(i, G.z_dim) for i in (4, 7, 21, 30)])).float()
    ws = G.mapping(z, torch.eye(G.c_dim)[:4] if G.c_dim else None, truncation_psi=0.8)
    plain = pixels.to_uint8(G.synthesis(ws))
    live = np.asarray(engine.compile(G, output="uint8", precision="live", only="openvino bf16", measure=0)(ws))
    apart = plain.astype(int) - live
    rows = [*plain, *live, *np.clip(128 + 8 * apart, 0, 255).astype(np.uint8)]
    target.parent.mkdir(parents=True, exist_ok=True)
    pixels.to_image(pixels.sheet(rows, columns=4, gap=4, background=255)).save(target, quality=95)
    print(f"{target}: levels: mean {np.abs(apart).mean():.2f}, 99.9 % within {np.quantile(np.abs(apart), 0.999):.0f}")


if __name__ == "__main__":
    main()
