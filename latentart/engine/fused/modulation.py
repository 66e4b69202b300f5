"""All styles and demodulation factors of a network in a few batched products (Karras et al. 2020, section 2.2).

Half precision ends at 65504, so neither kernels nor styles enter it as they are: each kernel of a layer is divided by
its norm, each sample's styles by their largest. Both factors come back with the demodulation, in float32, where they
cancel but for rounding. A convolution then cannot exceed the norm of what lies under its kernel.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.models import ops
from latentart.models.modulated import SharedConv
from latentart.models.stylegan2 import StyledConv, ToRGB

TINY = 1e-15
"""Stands for the norm of a kernel and the largest of styles that are all zero."""


class Modulation:
    """ws -> what every layer of a network multiplies with. Rows are padded with zeros to `width` channels.

    convs and torgbs: the layers. conv_rows and torgb_rows: which row of ws each of them reads.
    """

    def __init__(
        self, convs: Sequence[StyledConv], conv_rows: Sequence[int], torgbs: Sequence[ToRGB], torgb_rows: Sequence[int]
    ) -> None:
        layers: list[SharedConv] = [*convs, *torgbs]
        self.width = max(side for layer in layers for side in layer.weight.shape[:2])
        self.convs = len(convs)
        self.rows = torch.tensor([*conv_rows, *torgb_rows], device=layers[0].weight.device)
        gains = [1.0] * len(convs) + [torgb.gain for torgb in torgbs]
        self.weight = self._stack([(a.weight * a.weight_gain * g).t() for a, g in _affines(layers, gains)])
        self.bias = self._stack([(a.bias * a.bias_gain * g)[None] for a, g in _affines(layers, gains)])
        self.norms = self._stack([norms(layer.weight)[None] for layer in convs]).clamp_min(TINY)
        units = [layer.weight.double() / norms(layer.weight)[:, None, None, None] for layer in convs]
        self.squares = self._stack([unit.square().sum((2, 3)).t() for unit in units], self.width)
        self.colours = self._stack([torgb.weight.flatten(1) for torgb in torgbs])[:, None]

    def _stack(self, parts: Sequence[Tensor], height: int | None = None) -> Tensor:
        """[rows, channels] each -> [layers, height or rows, width] float32, filled up with zeros."""
        whole = [
            F.pad(part.float(), (0, self.width - part.shape[1], 0, (height or len(part)) - len(part))) for part in parts
        ]
        return torch.stack(whole).contiguous()

    def __call__(self, ws: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[N, num_ws, w_dim] -> for each convolution styles and scales, for each toRGB kernels, all float32.

        styles [convs, N, width] are at most 1 and go onto what a layer reads; scales [convs, N, width], which hold
        demodulation and the gain sqrt(2), onto what it gives; kernels [torgbs, N, img_channels, width] onto its end.
        """
        rows = ws.float().transpose(0, 1).index_select(0, self.rows)
        every = torch.baddbmm(self.bias, rows, self.weight)
        styles, colouring = every[: self.convs], every[self.convs :]
        largest = styles.abs().amax(dim=2, keepdim=True).clamp_min(TINY)
        styles = styles / largest
        sums = styles.square() @ self.squares
        # The paper's 1e-8 stands beside squares that are not divided by anything.
        scales = (sums + 1e-8 / (largest * self.norms).square()).rsqrt() * ops.SQRT2
        return styles, scales, colouring[:, :, None] * self.colours


def norms(weight: Tensor) -> Tensor:
    """[outputs, inputs, 3, 3] -> the norm of each output's kernel, [outputs] float64, never zero."""
    found: Tensor = weight.double().flatten(1).norm(dim=1).clamp_min(TINY)
    return found


def _affines(layers: Sequence[SharedConv], gains: Sequence[float]) -> list[tuple[ops.Dense, float]]:
    return [(layer.affine, gain) for layer, gain in zip(layers, gains, strict=True)]
