"""All styles and demodulation factors of a StyleGAN3 in a few batched products (Karras et al. 2021, appendix D).

As for StyleGAN2 (`fused.modulation`): kernels of norm 1 and styles of at most 1 enter half precision, what both were
divided by comes back with the demodulation in float32. Scaling styles to unit size, as the paper does, cancels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.engine.fused.modulation import TINY, norms
from latentart.models.stylegan3.network import FilteredLayer


class Modulation:
    """ws -> what every layer multiplies with. Rows are padded with zeros to `width` channels."""

    def __init__(self, layers: Sequence[FilteredLayer]) -> None:
        *filtered, torgb = layers
        self.width = round_up(max(side for layer in layers for side in layer.weight.shape[:2]))
        self.weight = self._stack([(a.weight * a.weight_gain).t() for a in (layer.affine for layer in layers)])
        self.bias = self._stack([(a.bias * a.bias_gain)[None] for a in (layer.affine for layer in layers)])
        units = [layer.weight.double() / norms(layer.weight)[:, None, None, None] for layer in filtered]
        self.squares = self._stack([unit.square().sum((2, 3)).t() for unit in units], self.width)
        counts = [layer.weight[0].numel() for layer in filtered]
        self.counts = torch.tensor(counts, dtype=torch.float32, device=self.weight.device)[:, None, None]
        inputs = [layer.weight.shape[1] for layer in filtered]
        self.inputs = torch.tensor(inputs, dtype=torch.float32, device=self.weight.device)[:, None, None]
        self.gains = torch.stack([layer.magnitude_ema.float().rsqrt() for layer in filtered])[:, None, None]
        self.colours = F.pad(torgb.weight.flatten(1).float(), (0, self.width - torgb.weight.shape[1]))
        self.colours = self.colours * torgb.magnitude_ema.float().rsqrt() / math.sqrt(torgb.weight.shape[1])

    def _stack(self, parts: Sequence[Tensor], height: int | None = None) -> Tensor:
        """[rows, channels] each -> [layers, height or rows, width] float32, filled up with zeros."""
        whole = [
            F.pad(part.float(), (0, self.width - part.shape[1], 0, (height or len(part)) - len(part))) for part in parts
        ]
        return torch.stack(whole).contiguous()

    def __call__(self, ws: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[N, num_ws, w_dim] -> styles and scales [layers, N, width], the kernel of toRGB [N, img_channels, width].

        styles are at most 1 and go onto what a layer reads, scales onto what its convolution gives. float32.
        """
        every = torch.baddbmm(self.bias, ws[:, 1:].float().transpose(0, 1), self.weight)
        styles, colouring = every[:-1], every[-1]
        largest = styles.abs().amax(dim=2, keepdim=True).clamp_min(TINY)
        # The model divides styles by their root mean square before it demodulates.
        size = (styles.square().sum(dim=2, keepdim=True) / self.inputs + 1e-8).sqrt() / largest
        styles = styles / largest
        sums = styles.square() @ self.squares
        scales = (sums + 1e-8 * size.square() / self.counts).rsqrt() * self.gains
        return styles, scales, colouring[:, None] * self.colours


def round_up(channels: int) -> int:
    """The next multiple of 8: sixteen bytes in half, which cuDNN's and our own reads need."""
    return -(-channels // 8) * 8
