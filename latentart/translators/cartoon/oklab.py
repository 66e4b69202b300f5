"""sRGB to Oklab and back: lightness and two opponent colours, in which equal steps look alike (Ottosson 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

_LMS = ((0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005))  # fmt: skip
_LAB = ((0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660))  # fmt: skip

_CONES = ((1.0, 0.3963377774, 0.2158037573),
          (1.0, -0.1055613458, -0.0638541728),
          (1.0, -0.0894841775, -1.2914855480))  # fmt: skip
_RGB = ((4.0767416621, -3.3077115913, 0.2309699292),
        (-1.2684380046, 2.6097574011, -0.3413193965),
        (-0.0041960863, -0.7034186147, 1.7076147010))  # fmt: skip


def to_oklab(img: Tensor) -> Tensor:
    """img [N, 3, H, W], sRGB in [-1, 1] -> lightness in 0 .. 1 and two colours, about -0.4 .. 0.4, [N, 3, H, W]."""
    value = ((img + 1) / 2).clamp(0, 1)
    linear = torch.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    cones = _mixed(linear, img.new_tensor(_LMS))
    return _mixed(cones.clamp_min(0) ** (1 / 3), img.new_tensor(_LAB))


def from_oklab(lab: Tensor) -> Tensor:
    """The way back; colours that sRGB lacks are cut at its border."""
    cones = _mixed(lab, lab.new_tensor(_CONES)) ** 3
    linear = _mixed(cones, lab.new_tensor(_RGB)).clamp(0, 1)
    value = torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(1e-9) ** (1 / 2.4) - 0.055)
    return value.clamp(0, 1) * 2 - 1


def _mixed(x: Tensor, matrix: Tensor) -> Tensor:
    """Each pixel's three values times a matrix [3, 3]."""
    return torch.nn.functional.conv2d(x, matrix[:, :, None, None])
