"""Checks before a long training: does it learn a few pictures (`--overfit`), and at which rate (`--find-rate`)?"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentart import pixels
from latentart.features.load import lpips
from latentart.sinks.images import write_image
from latentart.training import plot, run
from latentart.training.data.pairs import check_folder
from latentart.training.gan import pictures
from latentart.training.gan.learn import Gan

LEARNED = 0.05
"""LPIPS of a sample to its nearest picture, at most, when a few pictures were learned."""
SAMPLES = 64
LOWEST, HIGHEST = 1e-5, 0.1
STEPS = 100


@dataclass(frozen=True)
class Overfit:
    """How near samples are to the pictures. distance: mean LPIPS to the nearest; near: pictures that samples reach."""

    distance: float
    near: int
    count: int

    def __str__(self) -> str:
        verdict = "learned" if self.distance <= LEARNED and self.near == self.count else "not learned yet"
        where = f"LPIPS to the nearest of {self.count} pictures {self.distance:.3f} (learned: {LEARNED} at most)"
        return f"{verdict}: {where}; samples reach {self.near} of {self.count}"


@torch.inference_mode()
def overfit(learning: Gan) -> Overfit:
    """Samples of the average beside the pictures that it was trained on."""
    network = lpips(device=learning.device)
    known = pictures.composited(pixels.to_float(learning.found.frames).to(learning.device))
    drawn = pictures.composited(learning.samples(range(SAMPLES)).clamp(-1, 1).to(learning.device))
    targets = network.embed(_opaque(known))
    each = []
    for sample in _opaque(drawn):
        own = network.embed(sample[None])
        each.append(network.distance(tuple(t.expand_as(k) for t, k in zip(own, targets, strict=True)), targets))
    nearest = torch.stack(each).min(dim=1)
    return Overfit(float(nearest.values.mean()), len(set(nearest.indices.tolist())), len(known))


def _opaque(img: Tensor) -> Tensor:
    """Composited RGBA is a picture over mid-grey."""
    return img[:, :3] if img.shape[1] == 4 else img


@dataclass(frozen=True)
class Trial:
    """One step of the range test."""

    rate: float
    losses: run.Losses


def find_rate(
    learning: Gan, folder: str | Path, *, seconds: float = 60.0, steps: int = STEPS,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[float, Path]:  # fmt: skip
    """Range test (Smith 2015, arXiv:1506.01186): rates rise from step to step -> (suggested rate, its chart).

    The networks of `learning` are spoilt by it. Ends after `seconds`, or when the losses run off.
    """
    place = check_folder(Path(folder))
    trials: list[Trial] = []
    began = time.monotonic()
    for number in range(steps):
        # On a slow machine the clock raises the rate, so that the whole range is seen in time.
        share = max(number / max(steps - 1, 1), (time.monotonic() - began) / seconds)
        rate = LOWEST * (HIGHEST / LOWEST) ** min(share, 1.0)
        for optimizer in learning.optimizers.values():
            optimizer.param_groups[0]["lr"] = rate
        with run.seeded(learning.chosen.seed, number):
            losses = learning.step(number, 0.0)
        if not all(math.isfinite(value) for value in losses.values()):
            break
        trials.append(Trial(rate, {name: losses[name] for name in ("D", "G") if name in losses}))
        report(number + 1, steps)
        if time.monotonic() - began > seconds:
            break
    chart = place / "rates.png"
    write_image(chart, plot.losses(_lines(trials)), overwrite=True)
    return suggested(trials), chart


def _lines(trials: Sequence[Trial]) -> list[dict[str, float]]:
    return [{"step": i + 1, "seconds": 0.0, **trial.losses, "log10 rate": math.log10(trial.rate)}
            for i, trial in enumerate(trials)]  # fmt: skip


def suggested(trials: Sequence[Trial]) -> float:
    """A third of the rate at which the discriminator's smoothed loss is lowest, before it rises; rounded to one digit.

    Smith's rule takes a tenth of where the loss begins to run off, which is about three times its lowest place.
    """
    values = np.array([trial.losses.get("D", math.inf) for trial in trials])
    width = max(3, len(values) // 10)
    smooth = np.convolve(np.pad(values, width // 2, mode="edge"), np.ones(width) / width, mode="valid")[: len(values)]
    rate = trials[int(np.argmin(smooth))].rate / 3
    power = 10.0 ** math.floor(math.log10(rate))
    return round(rate / power) * power
