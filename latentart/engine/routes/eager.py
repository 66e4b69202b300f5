"""Plain PyTorch: works for every model on every device, gives gradients, and is what the others are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels
from latentart.engine.request import Request, Run
from latentart.models.base import Generator, check_noise_mode

NAME = "eager"


def choices(G: Generator, request: Request) -> dict[str, str]:
    """Always there."""
    return {NAME: ""}


def prepare(G: Generator, request: Request, name: str, fingerprint: str) -> Run:
    """`G.synthesis` itself."""
    mode = check_noise_mode(request.noise_mode)

    def run(ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor | NDArray[Any]:
        with torch.inference_mode():
            img: Tensor = G.synthesis(ws.to(G.device), noise_mode="const" if noise else mode, noise=noise)
            return img if request.output == "float" else pixels.to_uint8(img)

    return run
