"""The function that routes compile: ws and noise maps in, pictures out, as one graph without Python in it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from latentart.engine.request import Request
from latentart.errors import PictureError
from latentart.models.base import Generator, check_noise_mode


class Drawing(torch.nn.Module):
    """`G.synthesis` with its settings fixed; uint8 conversion, when asked for, is part of the graph."""

    def __init__(self, G: Generator, request: Request) -> None:
        super().__init__()
        self.synthesis = G.synthesis
        self.names = tuple(G.noise_shapes) if request.noise_inputs else ()
        # Inputs take the place of every stored map; "none" comes in as zeros.
        self.mode = "const" if request.noise_inputs else check_noise_mode(request.noise_mode)
        self.uint8 = request.output == "uint8"

    def forward(self, ws: Tensor, maps: list[Tensor]) -> tuple[Tensor, ...]:
        """ws [N, num_ws, w_dim], maps [N, 1, H, W] each -> (img,), or (frames, a number that is NaN when img is)."""
        given = dict(zip(self.names, maps, strict=True))
        img = self.synthesis(ws, noise_mode=self.mode, noise=given or None)
        if not self.uint8:
            return (img,)
        # As pixels.to_uint8; a uint8 cannot say that it was NaN, so that is told beside it.
        frames = (img * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        return frames, img.sum()


def example(G: Generator, request: Request) -> tuple[Tensor, list[Tensor]]:
    """Arguments of `Drawing.forward` in the right shapes."""
    ws = torch.zeros(request.batch, G.num_ws, G.w_dim, device=G.device)
    return ws, noise_inputs(G, request, request.batch, None)


def own_noise(G: Generator, mode: str) -> dict[str, Tensor]:
    """The map of each layer, [H, W]: the checkpoint's, or zeros for "none"."""
    if mode == "none":
        return {name: torch.zeros(shape, device=G.device) for name, shape in G.noise_shapes.items()}
    stored = dict(G.synthesis.named_buffers())
    # A family with one map for all layers keeps it at the top.
    top = "noise_const"
    return {name: stored[key if (key := f"{name}.{top}") in stored else top] for name in G.noise_shapes}


def noise_inputs(G: Generator, request: Request, batch: int, given: Mapping[str, Tensor] | None) -> list[Tensor]:
    """One map per layer, [batch, 1, H, W] float32, those given before the generator's own; [] without noise inputs."""
    if not request.noise_inputs:
        return []
    maps = {**own_noise(G, request.noise_mode), **(given or {})}
    found = []
    for name, shape in G.noise_shapes.items():
        values = maps[name].to(G.device, torch.float32).reshape(-1, 1, *shape)
        found.append(values.expand(batch, 1, *shape).contiguous())
    return found


def check_number(total: float) -> None:
    """Raises PictureError when the sum of a picture says that it holds NaN."""
    if math.isnan(total):
        raise PictureError("the picture holds NaN: use fp32, or less extreme latents")
