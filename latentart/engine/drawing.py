"""The function that routes compile: ws and noise maps in, pictures out, as one graph without Python in it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels
from latentart.engine import planes
from latentart.engine.request import Request
from latentart.errors import PictureError
from latentart.models.base import Generator, check_noise_mode


class Drawing(torch.nn.Module):
    """`G.synthesis` with its settings fixed; conversion to frames, when asked for, is part of the graph."""

    def __init__(self, G: Generator, request: Request) -> None:
        super().__init__()
        self.synthesis = G.synthesis
        self.names = tuple(G.noise_shapes) if request.noise_inputs else ()
        # Inputs take the place of every stored map; "none" comes in as zeros.
        self.mode = "const" if request.noise_inputs else check_noise_mode(request.noise_mode)
        self.output = request.output

    def forward(self, ws: Tensor, maps: list[Tensor]) -> tuple[Tensor, ...]:
        """ws [N, num_ws, w_dim], maps [N, 1, H, W] each -> (img,), or (frames, a number that is NaN when img is)."""
        given = dict(zip(self.names, maps, strict=True))
        img = self.synthesis(ws, noise_mode=self.mode, noise=given or None)
        return (img,) if self.output == "float" else finished(img, self.output)


def finished(img: Tensor, output: str) -> tuple[Tensor, Tensor]:
    """img [N, C, H, W] -> (frames, "uint8" or "yuv420", where img is; a number that is NaN when img is)."""
    # uint8 has no NaN, so a flag is returned beside it.
    return (planes.to_yuv420(img) if output == "yuv420" else rounded(img)), img.sum()


def at_once(img: Tensor, output: str) -> NDArray[np.uint8]:
    """The same frames, brought over. Raises PictureError for NaN."""
    if output == "uint8":
        return pixels.to_uint8(img)
    frames, total = finished(img, output)
    check_number(float(total))
    return frames.cpu().numpy()


def rounded(img: Tensor) -> Tensor:
    """img [N, C, H, W] -> uint8 [N, H, W, C] as `pixels.to_uint8` makes it, left where it is."""
    return (img * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def rounded16(img: Tensor) -> Tensor:
    """img [N, C, H, W] -> uint16 [N, H, W, C] as `pixels.to_uint16` makes it, left where it is."""
    return (img.float() * 32767.5 + 32768).clamp(0, 65535).to(torch.uint16).permute(0, 2, 3, 1)


def example(G: Generator, request: Request) -> tuple[Tensor, list[Tensor]]:
    """Example tensors in the shapes that `Drawing.forward` takes, for tracing."""
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
    """Raises PictureError when the sum of a picture is NaN, so that it holds NaN."""
    if math.isnan(total):
        raise PictureError("the picture holds NaN: use fp32, or less extreme latents")
