"""Plain PyTorch: works for every model on every device, gives gradients, and is what the others are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.engine import precision, stream
from latentart.engine.drawing import at_once, finished
from latentart.engine.request import Request, Run
from latentart.models.base import Generator, check_noise_mode

NAME = "eager"


def choices(G: Generator, request: Request) -> dict[str, str]:
    """Offers eager PyTorch for every generator."""
    return {NAME: ""}


def prepare(G: Generator, request: Request, name: str, fingerprint: str) -> Run:
    """`G.synthesis` itself."""
    mode = check_noise_mode(request.noise_mode)
    exact = precision.exact if request.precision == "master" and G.device.type == "cuda" else nullcontext

    def drawn(ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor:
        with exact():
            img: Tensor = G.synthesis(ws.to(G.device), noise_mode="const" if noise else mode, noise=noise)
        return img

    def draw(ws: Tensor, noise: Mapping[str, Tensor] | None) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            return finished(drawn(ws, noise), request.output)

    def run(ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor | NDArray[Any]:
        with torch.inference_mode():
            img = drawn(ws, noise)
            return img if request.output == "float" else at_once(img, request.output)

    return stream.Delivered(draw, G.device) if request.output != "float" and stream.beside(G.device) else run
