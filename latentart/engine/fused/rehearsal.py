"""The kernels' first draw on a device, in a process of its own.

A kernel that reads where it must not stops the GPU for the whole process that started it, plain PyTorch included, and
nothing can be caught before. So the first time on a machine another process draws, with layers of the same shapes and
weights that do not matter; only how it ends counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from latentart.engine.fused import forms, plan
from latentart.engine.fused.network import Network, Passes
from latentart.models.stylegan2 import Config, StyleGAN2

KERNELS = "latentart.engine.fused.kernels"
PATIENCE = 300.0
"""Seconds that Triton may take to compile every kernel."""


def fault(G: StyleGAN2, dtype: torch.dtype, batch: int, command: Sequence[str] = ()) -> str:
    """The reason why kernels cannot draw `batch` pictures on G's device; '' when they can.

    command: the process that rehearses, instead of this module.
    """
    wanted = {"config": asdict(G.config), "dtype": str(dtype), "batch": batch, "device": str(G.device)}
    line = [*(command or (sys.executable, "-m", __name__)), json.dumps(wanted)]
    try:
        done = subprocess.run(line, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"a first draw in a process of its own took more than {PATIENCE:.0f} s"
    last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
    return "" if done.returncode == 0 else f"a first draw in a process of its own failed: {last[0]}"


def rehearse(request: str) -> None:
    """Draws as `fault` describes: each form of each layer, then a whole picture of bytes. Raises what goes wrong."""
    wanted = json.loads(request)
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in wanted["config"].items()}
    dtype: torch.dtype = getattr(torch, wanted["dtype"].removeprefix("torch."))
    passes: Passes = import_module(KERNELS)
    with torch.no_grad():
        G = StyleGAN2(Config(**values)).requires_grad_(False).to(wanted["device"])
        chosen = forms.choose(G, dtype, wanted["batch"], passes, _once)
        ws = torch.zeros(wanted["batch"], G.num_ws, G.w_dim, device=G.device)
        for uint8 in (True, False):
            Network(plan.make(G, dtype, chosen=chosen), passes, uint8=uint8)(ws)
    _wait(ws)


def _once(function: forms.Draw, x: Tensor) -> float:
    function(x)
    _wait(x)
    return 0.0


def _wait(x: Tensor) -> None:
    """Faults of a kernel show when the device is waited for."""
    if x.is_cuda:
        torch.cuda.synchronize(x.device)


if __name__ == "__main__":
    rehearse(sys.argv[1])
