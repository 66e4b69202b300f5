"""Keeping the colours of a picture whose style changes (Gatys et al. 2017, arXiv:1611.07865, section 5)."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.2126, 0.7152, 0.0722)
"""Rec. 709."""
KEPT = ("no", "luminance", "match")


def luma(img: Tensor) -> Tensor:
    """img [N, 3, H, W] -> [N, 1, H, W]."""
    return torch.einsum("nchw,c->nhw", img, img.new_tensor(LUMA))[:, None]


def with_luma_of(content: Tensor, painted: Tensor) -> Tensor:
    """The colours of `content` and the light of `painted`, [N, 3, H, W] in [-1, 1].

    Adding the same to red, green and blue changes luma and leaves both colour differences. What goes over the edge
    of the colours there are loses saturation rather than its light.
    """
    light = luma(painted).clamp(-1, 1)
    colour = content - luma(content)
    room = torch.where(colour > 0, 1 - light, 1 + light)
    most = (room / colour.abs().clamp_min(1e-6)).amin(dim=1, keepdim=True)
    return light + colour * most.clamp(0, 1)


def matched(style: Tensor, content: Tensor) -> Tensor:
    """`style` [1, 3, h, w] with the mean and covariance of the colours of `content` [1, 3, H, W].

    The linear map is the one that moves colours least (Monge and Kantorovich; Pitie and Kokaram 2007).
    """
    (mean, spread), (wanted, wanted_spread) = _colours(style), _colours(content)
    root = _root(spread)
    back = torch.linalg.inv(root)
    linear = back @ _root(root @ wanted_spread @ root) @ back
    flat: Tensor = linear @ (style.double()[0].flatten(1) - mean) + wanted
    return flat.reshape(style.shape).to(style).clamp(-1, 1)


def _colours(img: Tensor) -> tuple[Tensor, Tensor]:
    flat = img.double()[0].flatten(1)
    mean = flat.mean(dim=1, keepdim=True)
    floor = 1e-5 * torch.eye(3, dtype=flat.dtype, device=flat.device)
    return mean, (flat - mean) @ (flat - mean).T / flat.shape[1] + floor


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors * values.clamp_min(0).sqrt() @ vectors.T
    return root
