"""The walk through a plan: cuDNN convolves, `kernels` or `plain` does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.engine import precision
from latentart.engine.fused import plan
from latentart.engine.fused.plain import Finished
from latentart.engine.fused.plan import DIRECT, TRANSPOSED, Layer, Plan


class Passes(Protocol):
    """What the modules `plain` and `kernels` both offer; see `plain`."""

    __name__: str

    def finish(
        self,
        z: Tensor,
        layer: Layer,
        scale: Tensor,
        noise: Tensor | None,
        style: Tensor | None,
        *,
        kernel: Tensor,
        below: Tensor | None,
        uint8: bool,
    ) -> Finished: ...

    def finish_transposed(
        self, z: Tensor, layer: Layer, scale: Tensor, noise: Tensor | None, style: Tensor
    ) -> Tensor: ...

    def finish_phases(self, z: Tensor, layer: Layer, scale: Tensor, noise: Tensor | None, style: Tensor) -> Tensor: ...


class Network:
    """`network(ws, *maps)` draws what `G.synthesis` draws; maps [N, 1, H, W] are the noise of the layers in `names`.

    Returns (img [N, C, H, W] float32,), or with uint8 (frames [N, H, W, C], a number that is NaN when the picture is).
    """

    def __init__(self, laid_out: Plan, passes: Passes, *, uint8: bool, names: Sequence[str] = ()) -> None:
        self.plan, self.passes, self.uint8, self.names = laid_out, passes, uint8, tuple(names)

    @torch.inference_mode()
    def __call__(self, ws: Tensor, *maps: Tensor) -> tuple[Tensor, ...]:
        """ws [N, num_ws, w_dim], maps [N, 1, H, W] each -> as above."""
        given = {name: values[:, 0] for name, values in zip(self.names, maps, strict=True)}
        layers, (styles, scales, kernels) = self.plan.layers, self.plan.modulation(ws)
        features: Tensor | None = self._start(styles[0])
        picture: Tensor | None = None
        tell: Tensor | None = None
        for i, layer in enumerate(layers):
            assert features is not None
            z, noise = convolved(features, layer), given.get(layer.name, layer.noise)
            last = i + 1 == len(layers)
            if layer.colours is None:
                features = doubled(self.passes, z, layer, scales[i], noise, style=styles[i + 1])
                continue
            # Layers with toRGB are every second one, from the first.
            features, picture, tell = self.passes.finish(
                z,
                layer,
                scales[i],
                noise,
                None if last else styles[i + 1],
                kernel=kernels[i // 2],
                below=picture,
                uint8=self.uint8 and last,
            )
        assert picture is not None
        return (picture.permute(0, 3, 1, 2),) if tell is None else (picture, tell.sum())

    def _start(self, style: Tensor) -> Tensor:
        start = self.plan.start
        return (start * style[:, None, None, : start.shape[3]]).to(self.plan.dtype)


def convolved(x: Tensor, layer: Layer) -> Tensor:
    """The layer's convolution alone, [N, h, w, in] -> [N, h', w', out], as its form has it; none for "direct"."""
    if layer.form == DIRECT:
        return x
    with precision.rounded() if layer.split else nullcontext():
        z = _convolved((split(x) if layer.split else x).permute(0, 3, 1, 2), layer)
    return z.permute(0, 2, 3, 1).contiguous()


def _convolved(x: Tensor, layer: Layer) -> Tensor:
    if layer.form == TRANSPOSED:
        return F.conv_transpose2d(x, layer.weight, stride=2)
    return F.conv2d(x, layer.weight, padding=1)


def split(x: Tensor) -> Tensor:
    """x [..., C] -> [..., 3 C]: rounded to TF32, what that left out, rounded again.

    With the kernels of `plan` a convolution of TF32 then sums three products: all but what is 2^-22 of the whole.
    """
    made = x.new_empty((*x.shape[:-1], 3, x.shape[-1]))
    high = plan.tf32(x)
    made[..., 0, :], made[..., 2, :] = high, high
    torch.sub(x, high, out=made[..., 1, :])
    return made.flatten(-2)


def doubled(passes: Passes, z: Tensor, layer: Layer, scale: Tensor, noise: Tensor | None, *, style: Tensor) -> Tensor:
    """What follows the convolution of a layer that doubles."""
    finish = passes.finish_transposed if layer.form == TRANSPOSED else passes.finish_phases
    return finish(z, layer, scale, noise, style)
