"""torch.compile: generates C++ (or Triton) for the model. Needs a compiler and a slow first start, so it is opt-in."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.engine.drawing import Drawing, check_number, example, noise_inputs
from latentart.engine.request import Request, RouteError, Run
from latentart.models.base import Generator

NAME = "torch.compile"
BACKEND = "inductor"
COMPILERS = ("c++", "g++", "clang++", "cl")


def choices(G: Generator, request: Request) -> dict[str, str]:
    """One choice, when it was allowed and there is something to compile with."""
    if not request.compiler:
        return {NAME: "not asked for (compiler=True)"}
    if G.device.type == "cpu" and not any(map(shutil.which, COMPILERS)):
        return {NAME: f"no C++ compiler found ({', '.join(COMPILERS)})"}
    return {NAME: ""}


def prepare(G: Generator, request: Request, name: str, fingerprint: str) -> Run:
    """Compiles for the request's batch. Raises RouteError."""
    drawing = torch.compile(Drawing(G, request).eval(), backend=BACKEND, dynamic=False)
    try:
        with torch.inference_mode():
            drawing(*example(G, request))
    except (RuntimeError, OSError) as error:
        raise RouteError(f"torch.compile cannot run {G.name!r}: {str(error).splitlines()[0]}") from error

    def run(ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor | NDArray[Any]:
        with torch.inference_mode():
            outputs = drawing(ws.to(G.device), noise_inputs(G, request, len(ws), noise))
        if request.output == "float":
            img: Tensor = outputs[0]
            return img
        check_number(float(outputs[1]))
        frames: NDArray[Any] = outputs[0].contiguous().cpu().numpy()
        return frames

    return run
