"""The walk through a plan: cuDNN convolves (1x1 kernels: products of matrices), `kernels` or `plain` does the rest."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.engine.fused.alias_free.plan import Layer, Paint, Plan


class Passes(Protocol):
    """What the modules `plain` and `kernels` both offer; see `plain`."""

    __name__: str

    def filtered(self, z: Tensor, layer: Layer, scale: Tensor, style: Tensor) -> Tensor: ...

    def painted(self, x: Tensor, paint: Paint, kernel: Tensor, *, uint8: bool) -> tuple[Tensor, Tensor | None]: ...


class Network:
    """`network(ws)` draws what `G.synthesis` draws with the transform that `plan.start.transform`, [3, 3], holds.

    Returns (img [N, C, H, W] float32,), or with uint8 (frames [N, H, W, C], a number that is NaN when the picture is).
    """

    def __init__(self, plan: Plan, passes: Passes, *, uint8: bool) -> None:
        self.plan, self.passes, self.uint8 = plan, passes, uint8

    @torch.inference_mode()
    def __call__(self, ws: Tensor) -> tuple[Tensor, ...]:
        """ws [N, num_ws, w_dim] -> as above."""
        plan, layers = self.plan, self.plan.layers
        styles, scales, kernel = plan.modulation(ws)
        after = torch.cat([styles[1:], torch.ones_like(styles[:1])])
        waves: Tensor = plan.start(ws[:, 0].float(), None)
        x = self._start(waves.permute(0, 2, 3, 1), styles[0])
        for i, layer in enumerate(layers):
            x = self.passes.filtered(convolved(x, layer), layer, scales[i], after[i])
        picture, tell = self.passes.painted(x, plan.paint, kernel, uint8=self.uint8)
        return (picture.permute(0, 3, 1, 2),) if tell is None else (picture, tell.sum())

    def _start(self, waves: Tensor, style: Tensor) -> Tensor:
        channels = waves.shape[3]
        x = (waves * style[:, None, None, :channels]).to(self.plan.dtype)
        return F.pad(x, (0, self.plan.layers[0].weight.shape[1] - channels)).contiguous()


def convolved(x: Tensor, layer: Layer) -> Tensor:
    """The convolution alone with full padding, [N, h, w, in] -> [N, h + k - 1, w + k - 1, out]."""
    size = layer.weight.shape[2]
    if size == 1:
        return F.linear(x, layer.weight[:, :, 0, 0])
    made = F.conv2d(x.permute(0, 3, 1, 2), layer.weight, padding=size - 1)
    return made.permute(0, 2, 3, 1).contiguous()
