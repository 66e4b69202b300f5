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

from latentart.engine.fused import forms, kind
from latentart.engine.fused.alias_free import kind as alias_free
from latentart.engine.fused.kind import Kind
from latentart.engine.request import Request
from latentart.models.base import Generator
from latentart.models.stylegan3 import StyleGAN3

PATIENCE = 300.0
"""Seconds that Triton may take to compile every kernel."""


def kind_of(G: Generator) -> Kind:
    """How G would be laid out; whether it can be, its `refusal` says."""
    return alias_free if isinstance(G, StyleGAN3) else kind


def fault(G: Generator, dtype: torch.dtype, batch: int, command: Sequence[str] = ()) -> str:
    """The reason why kernels cannot draw `batch` pictures on G's device; '' when they can.

    command: the process that rehearses, instead of this module.
    """
    wanted = {"family": G.family, "config": asdict(G.config), "shape": kind_of(G).shape(G)}  # type: ignore[call-overload]
    wanted |= {"dtype": str(dtype), "batch": batch, "device": str(G.device)}
    line = [*(command or (sys.executable, "-m", __name__))]
    try:
        done = subprocess.run(
            line, input=json.dumps(wanted), capture_output=True, text=True, errors="replace", timeout=PATIENCE,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"a first draw in a process of its own took more than {PATIENCE:.0f} s"
    last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
    return "" if done.returncode == 0 else f"a first draw in a process of its own failed: {last[0]}"


def rehearse(request: str) -> None:
    """Draws as `fault` describes: each form of each layer, then a whole picture of bytes. Raises what goes wrong."""
    wanted = json.loads(request)
    own: Kind = alias_free if wanted["family"] == "stylegan3" else kind
    dtype: torch.dtype = getattr(torch, wanted["dtype"].removeprefix("torch."))
    passes = import_module(own.KERNELS)
    with torch.no_grad():
        G = own.like(_tuples(wanted["config"]), wanted["shape"]).requires_grad_(False).to(wanted["device"])
        chosen = own.choose(G, dtype, wanted["batch"], passes, _once)
        ws = torch.ones(wanted["batch"], G.num_ws, G.w_dim, device=G.device)
        for output in ("uint8", "float"):
            own.network(G, Request(output=output), dtype, chosen, passes)[0](ws)
    _wait(ws)


def _tuples(values: Any) -> Any:
    """JSON's lists as the tuples that configs hold."""
    if isinstance(values, dict):
        return {name: _tuples(each) for name, each in values.items()}
    return tuple(map(_tuples, values)) if isinstance(values, list) else values


def _once(function: forms.Draw, x: Tensor) -> float:
    function(x)
    _wait(x)
    return 0.0


def _wait(x: Tensor) -> None:
    """Faults of a kernel show when the device is waited for."""
    if x.is_cuda:
        torch.cuda.synchronize(x.device)


if __name__ == "__main__":
    rehearse(sys.stdin.read())
