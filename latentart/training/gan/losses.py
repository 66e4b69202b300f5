"""Losses of a GAN: non-saturating and relativistic pairing, R1 and R2 penalties, path length regularisation."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

PATH_DECAY = 0.01
"""How fast the running mean of path lengths follows (Karras et al. 2020, section 3.2)."""


def generator(fake: Tensor, real: Tensor | None, kind: str) -> Tensor:
    """Loss of the generator from logits [N]: 'ns' (Goodfellow et al. 2014), or 'rp', which needs those of `real` too
    (Jolicoeur-Martineau 2018; Huang et al. 2025, arXiv:2501.05441)."""
    if kind == "rp":
        assert real is not None
        return F.softplus(real - fake).mean()
    return F.softplus(-fake).mean()


def discriminator(fake: Tensor, real: Tensor, kind: str) -> Tensor:
    """Loss of the discriminator from logits [N]."""
    if kind == "rp":
        return F.softplus(fake - real).mean()
    return (F.softplus(fake) + F.softplus(-real)).mean()


def penalty(logits: Tensor, images: Tensor) -> Tensor:
    """R1 or R2 (Mescheder et al. 2018): squared gradient norm of the logits by the pictures, [N]."""
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3))


def path_lengths(images: Tensor, ws: Tensor, noise: Tensor) -> Tensor:
    """|J^T y| by ws [N, num_ws, w_dim] for a random picture y, [N] (Karras et al. 2020, section 3.2)."""
    pixels = images.shape[2] * images.shape[3]
    (gradient,) = torch.autograd.grad((images * (noise / math.sqrt(pixels))).sum(), ws, create_graph=True)
    return gradient.float().square().sum(dim=2).mean(dim=1).sqrt()
