"""What follows a convolution, in plain PyTorch. `kernels` does the same in one pass each; maps are [N, H, W, C]."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.engine.fused.plan import DIRECT, Layer
from latentart.models import ops

Finished = tuple[Tensor | None, Tensor, Tensor | None]
"""Features for the next layer, the picture so far, and numbers of which one is NaN when the picture is."""


def finish(
    z: Tensor,
    layer: Layer,
    scale: Tensor,
    noise: Tensor | None,
    style: Tensor | None,
    *,
    kernel: Tensor,
    below: Tensor | None,
    uint8: bool,
) -> Finished:
    """After the last convolution of a block: z [N, H, W, C] -> features [N, H, W, C], picture [N, H, W, img_channels].

    A layer of the form "direct" takes its input [N, H, W, in] and convolves first.

    scale [N, width], noise [1 or N, H, W], style [N, width] of the next layer (None after the last, and no features
    either), kernel [N, img_channels, width] of toRGB, below [N, H/2, W/2, img_channels] float32, the picture so far.
    uint8: the picture is finished and converted as `pixels.to_uint8` does; float32 otherwise.
    """
    assert layer.colours is not None
    dtype, z = z.dtype, _directly(z, layer)
    y = _activated(z, layer, scale, noise)
    rgb = torch.einsum("nhwc,nic->nhwi", y, kernel[..., : layer.channels]) + layer.colours.bias
    picture = rgb.clamp(-layer.colours.limit, layer.colours.limit)
    if below is not None:
        picture = picture + ops.upsample2(below.permute(0, 3, 1, 2), layer.colours.taps).permute(0, 2, 3, 1)
    features = None if style is None else _modulated(y, style, dtype)
    if not uint8:
        return features, picture, None
    return features, (picture * 127.5 + 128).clamp(0, 255).to(torch.uint8), picture


def finish_transposed(z: Tensor, layer: Layer, scale: Tensor, noise: Tensor | None, style: Tensor) -> Tensor:
    """After a transposed convolution: FIR filter and the rest, z [N, H+1, W+1, C] -> features [N, H, W, C]."""
    filtered = ops.filter2d(z.permute(0, 3, 1, 2).float(), layer.taps, gain=4.0).permute(0, 2, 3, 1)
    return _modulated(_activated(filtered, layer, scale, noise), style, z.dtype)


def finish_phases(z: Tensor, layer: Layer, scale: Tensor, noise: Tensor | None, style: Tensor) -> Tensor:
    """After the convolution of `plan.phases`: z [N, H/2, W/2, 4 * C], "direct" [..., in] -> features [N, H, W, C]."""
    dtype, z = z.dtype, _directly(z, layer)
    n, height, width, _ = z.shape
    doubled = z.reshape(n, height, width, 2, 2, layer.channels).permute(0, 1, 3, 2, 4, 5)
    doubled = doubled.reshape(n, 2 * height, 2 * width, layer.channels)
    return _modulated(_activated(doubled, layer, scale, noise), style, dtype)


def _directly(x: Tensor, layer: Layer) -> Tensor:
    """The convolution of the form "direct", float32 like all that follows; anything else has been convolved."""
    if layer.form != DIRECT:
        return x
    weight = layer.weight.float().permute(0, 3, 2, 1).flatten(0, 1).reshape(-1, x.shape[3], 3, 3)
    return F.conv2d(x.permute(0, 3, 1, 2).float(), weight, padding=1).permute(0, 2, 3, 1)


def _activated(z: Tensor, layer: Layer, scale: Tensor, noise: Tensor | None) -> Tensor:
    """Demodulation, bias, noise, leaky ReLU, limit; float32."""
    y = z.float() * scale[:, None, None, : layer.channels] + layer.bias
    if noise is not None:
        y = y + noise[..., None] * layer.strength
    return F.leaky_relu(y, 0.2).clamp(-layer.limit, layer.limit)


def _modulated(y: Tensor, style: Tensor, dtype: torch.dtype) -> Tensor:
    """Times the styles of the layer that reads it."""
    return (y * style[:, None, None, : y.shape[3]]).to(dtype).contiguous()
