"""Pictures as the planes that 8-bit 4:2:0 encoders take, made where the picture is, in plain tensor arithmetic.

ITU-R BT.709-6: luma and colour differences (section 3.2 and 3.3), studio range (section 4.6: 16..235, 16..240). A
colour sample lies on an even column, halfway between two rows: "left", what H.264 means when a film states nothing
(ITU-T H.264, E.2.1, chroma_sample_loc_type 0), and what our films mean.
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentart.errors import SettingsError
from latentart.pixels import GREY_WEIGHTS

CHANNELS = 3


def check_planes(channels: int, size: tuple[int, int]) -> None:
    """Raises SettingsError for pictures that have no such planes; size: (height, width)."""
    if channels != CHANNELS:
        raise SettingsError(f"pictures of {channels} channels have no YUV planes: ask for output='uint8'")
    if size[0] % 2 or size[1] % 2:
        raise SettingsError(f"size {size[1]}x{size[0]} is odd, and 4:2:0 needs even sides: ask for output='uint8'")


def to_yuv420(img: Tensor) -> Tensor:
    """img [N, 3, H, W] float, about [-1, 1] -> uint8 [N, 3 H / 2, W]: rows of Y, then all of U, then all of V.

    The layout of FFmpeg's yuv420p. Rounded once, from the float picture. Raises SettingsError for odd sides.
    """
    check_planes(img.shape[1], (img.shape[2], img.shape[3]))
    red, green, blue = img.float().clamp(-1, 1).unbind(1)
    of_red, of_green, of_blue = GREY_WEIGHTS
    luma = red * of_red + green * of_green + blue * of_blue  # [N, H, W] in [-1, 1]
    # Differences are in -2 (1 - weight) .. 2 (1 - weight); 112 is half of 240 - 16.
    u = 128 + _quarter(blue - luma) * (112 / (2 * (1 - of_blue)))
    v = 128 + _quarter(red - luma) * (112 / (2 * (1 - of_red)))
    planes = torch.cat([plane.flatten(1) for plane in (125.5 + luma * 109.5, u, v)], dim=1)
    return planes.add_(0.5).to(torch.uint8).view(len(img), -1, img.shape[3])


def _quarter(x: Tensor) -> Tensor:
    """[N, H, W] -> [N, H / 2, W / 2]: the mean of two rows, then 1 2 1 about each even column."""
    rows = x[:, 0::2] + x[:, 1::2]
    on, after = rows[..., 0::2], rows[..., 1::2]
    before = torch.cat([on[..., :1], after[..., :-1]], dim=-1)
    return (before + 2 * on + after) / 8
