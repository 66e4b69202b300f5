"""The function that routes compile: ws and noise maps in, pictures out, as one graph without Python in it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from latentart.engine.request import Request
from latentart.errors import PictureError
from latentart.models.base import Generator


class Drawing(torch.nn.Module):
    """`G.synthesis` with its settings fixed; uint8 conversion, when asked for, is part of the graph."""

    def __init__(self, G: Generator, request: Request) -> None:
        super().__init__()
        self.synthesis = G.synthesis
        self.names = tuple(G.noise_shapes) if request.noise_inputs else ()
        self.mode = request.noise_mode
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


def example(G: Generator, request: Request, batch: int) -> tuple[Tensor, list[Tensor]]:
    """Arguments of `Drawing.forward` in the right shapes."""
    ws = torch.zeros(batch, G.num_ws, G.w_dim, device=G.device)
    return ws, noise_maps(G, request, batch, None)


def noise_maps(G: Generator, request: Request, batch: int, given: Mapping[str, Tensor] | None) -> list[Tensor]:
    """One map per layer, [batch, 1, H, W] float32: the one given, else the checkpoint's own, or zeros for "none"."""
    if not request.noise_inputs:
        return []
    own = {} if request.noise_mode == "none" else dict(G.synthesis.named_buffers())
    found = []
    for name, shape in G.noise_shapes.items():
        values = (given or {}).get(name, own.get(f"{name}.noise_const"))
        values = torch.zeros(shape) if values is None else values.to(G.device, torch.float32)
        found.append(values.reshape(-1, 1, *shape).expand(batch, 1, *shape).contiguous())
    return found


def check_number(total: float) -> None:
    """Raises PictureError when the sum of a picture says that it holds NaN."""
    if total != total:
        raise PictureError("the picture holds NaN: use fp32, or less extreme latents")
