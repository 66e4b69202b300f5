"""Trying a choice: is it right, and how long does it take?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart import seeds
from latentart.engine import precision
from latentart.engine.drawing import finished
from latentart.engine.request import Request, Run
from latentart.models.base import Generator, check_noise_mode

TOLERANCE = {
    ("master", "float"): 1e-4,
    ("master", "uint8"): 2e-3,
    ("master", "yuv420"): 2e-3,
    ("live", "float"): 3e-2,
    ("live", "uint8"): 3e-2,
    ("live", "yuv420"): 3e-2,
}
"""Largest relative error against float32. In uint8 a single level of 255 more or less counts, hence more."""
PROBES = 2
"""Latents that every start compares."""
SHORT = 50
"""Milliseconds of a call that other weights in the cache would make noticeably longer."""


@dataclass(frozen=True)
class Trial:
    """What came out: milliseconds per picture, relative error against float32, seconds to make ready, or why not."""

    name: str
    milliseconds: float = 0.0
    error: float = 0.0
    startup: float = 0.0
    refused: str = ""

    def record(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        if self.refused:
            return f"{self.name}: {self.refused}"
        return (
            f"{self.name}: {self.milliseconds:.1f} ms a picture, error {self.error:.0e}, ready in {self.startup:.1f} s"
        )


@dataclass(frozen=True)
class Probe:
    """Latents, noise and the float32 pictures they should give."""

    ws: Tensor
    noise: dict[str, Tensor] | None
    wanted: Tensor


def probe(G: Generator, request: Request) -> Probe:
    """Seeds 0, 1... in one batch; the pictures of the first few by plain float32."""
    mode = check_noise_mode("const" if request.noise_inputs else request.noise_mode)
    z = torch.from_numpy(np.concatenate([seeds.z(i, G.z_dim) for i in range(request.batch)])).float()
    c = torch.eye(G.c_dim)[torch.arange(request.batch) % G.c_dim].to(G.device) if G.c_dim else None
    with precision.exact(), torch.inference_mode():
        ws = G.mapping(z.to(G.device), c)
        noise = _noise(G, request)
        few = {name: maps[:PROBES] for name, maps in noise.items()} if noise else None
        wanted: Tensor = G.synthesis(ws[:PROBES], noise_mode=mode, noise=few)
    return Probe(ws, noise, wanted)


def _noise(G: Generator, request: Request) -> dict[str, Tensor] | None:
    if not request.noise_inputs:
        return None
    each = [seeds.noise(G.noise_shapes, i) for i in range(request.batch)]
    return {n: torch.from_numpy(np.stack([m[n] for m in each])[:, None]).to(G.device) for n in G.noise_shapes}


def error(run: Run, probe: Probe, request: Request) -> float:
    """Relative error of the probe's pictures, drawn a second time; NaN when there is a NaN in them."""
    # A runtime that overwrites its own constants is right only once.
    run(probe.ws, probe.noise)
    made, wanted = run(probe.ws, probe.noise), probe.wanted.float().cpu()
    if isinstance(made, np.ndarray):
        wanted, made = finished(wanted, request.output)[0], torch.from_numpy(made)
        made, wanted = made.float() / 127.5 - 1, wanted.float() / 127.5 - 1
    made = made[: len(wanted)].float().cpu()
    return float((made - wanted).norm() / wanted.norm())


def race(runs: Mapping[str, Run], probe: Probe, seconds: float) -> dict[str, list[float]]:
    """Milliseconds per picture of the calls of each run, over about `seconds` for each of them, at least three calls.

    They take turns, so that whatever else the machine does slows all of them alike.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        _whole(run, probe)
    while any(len(t) < 3 for t in times.values()) or sum(map(sum, times.values())) < 1000 * seconds * len(runs):
        for name, run in runs.items():
            if not times[name] or times[name][-1] < SHORT:
                # The second of two calls finds its weights in the cache, as in a film.
                _whole(run, probe)
            began = time.perf_counter()
            _whole(run, probe)
            times[name].append(1000 * (time.perf_counter() - began))
    return {name: [t / len(probe.ws) for t in found] for name, found in times.items()}


def _whole(run: Run, probe: Probe) -> None:
    """A call and all that it set going: a GPU goes on drawing when a float picture has come back."""
    made = run(probe.ws, probe.noise)
    if isinstance(made, Tensor) and made.is_cuda:
        torch.cuda.synchronize(made.device)


def steady(times: Mapping[str, list[float]]) -> bool:
    """Whether the machine was left alone: usual times are near the shortest."""
    return all(statistics.median(found) < 1.5 * min(found) for found in times.values())
