"""What follows a convolution, in plain PyTorch. `kernels` does the same in one pass each; maps are [N, H, W, C]."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.engine.fused.alias_free.plan import Layer, Paint
from latentart.models import ops
from latentart.models.stylegan3 import downsample, upsample


def filtered(z: Tensor, layer: Layer, scale: Tensor, style: Tensor) -> Tensor:
    """Demodulation, bias, upsampling, leaky ReLU, limit, downsampling, the next layer's styles.

    z [N, h, w, C], scale and style [N, width] float32 -> [N, H, W, C]. Filters convolve in the dtype of z.
    """
    x = (z.float() * scale[:, None, None, : layer.channels] + layer.bias).to(z.dtype).permute(0, 3, 1, 2)
    x = upsample(x, layer.up_taps, layer.up, layer.padding, gain=layer.up**2 * ops.SQRT2)
    x = F.leaky_relu_(x, 0.2).clamp_(-layer.limit, layer.limit)
    y = downsample(x, layer.down_taps, 2)[:, :, : layer.size[0], : layer.size[1]].permute(0, 2, 3, 1)
    return (y * style[:, None, None, : layer.channels]).to(z.dtype).contiguous()


def painted(x: Tensor, paint: Paint, kernel: Tensor, *, uint8: bool) -> tuple[Tensor, Tensor | None]:
    """toRGB: x [N, H, W, C], kernel [N, img_channels, width] float32 -> (picture [N, H, W, img_channels], tell).

    The picture is float32, or with uint8 rounded as `pixels.to_uint8` does; tell holds numbers of which one is NaN when
    the picture is, None for float32.
    """
    kernel = kernel[:, :, : x.shape[3]]
    colours = torch.einsum("nhwc,nic->nhwi", x.float(), kernel) + paint.bias
    picture = colours.clamp(-paint.limit, paint.limit) * paint.gain
    if not uint8:
        return picture, None
    return (picture * 127.5 + 128).clamp(0, 255).to(torch.uint8), picture
