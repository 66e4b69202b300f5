"""Colours of one picture for another: the mean and the covariance of its three channels."""

from __future__ import annotations

import torch
from torch import Tensor


def matched(img: Tensor, like: Tensor) -> Tensor:
    """img [N, 3, H, W] with the colours of `like` [N or 1, 3, h, w], both in [-1, 1] -> the same, not clamped.

    Correlation alignment of colours scaled to deviation 1 (Sun, Feng and Saenko 2016), as AdaIN's "preserve colour":
    the scatter matrices are sums over all pixels, with 1 added on the diagonal.
    """
    flat, scatter = _normal(img)[:2]
    _, wanted, mean, deviation = _normal(like)
    made = power(wanted, 0.5) @ power(scatter, -0.5) @ flat * deviation + mean
    return (made * 2 - 1).view(img.shape).to(img.dtype)


def power(matrix: Tensor, exponent: float, least: float = 0.0) -> Tensor:
    """Symmetric matrices [..., C, C] to a power; directions with eigenvalues not above `least` are left out."""
    values, vectors = torch.linalg.eigh(matrix)
    kept = values > least
    raised = torch.where(kept, torch.where(kept, values, 1.0) ** exponent, 0.0)
    made: Tensor = (vectors * raised[..., None, :]) @ vectors.mT
    return made


def _normal(img: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(pixels of mean 0 and deviation 1 [N, 3, H W], scatter + 1 [N, 3, 3], mean, deviation [N, 3, 1]), float64."""
    flat = ((img.double() + 1) / 2).flatten(2)
    var, mean = torch.var_mean(flat, dim=2, keepdim=True)
    # A picture of one colour has no deviation to divide by.
    deviation = var.sqrt().clamp_min(1e-8)
    flat = (flat - mean) / deviation
    return flat, flat @ flat.mT + torch.eye(3, dtype=flat.dtype, device=flat.device), mean, deviation
