"""Closed-form factorisation of a generator's style layers (SeFa, Shen & Zhou 2021, arXiv:2007.06600)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from latentart.errors import SettingsError
from latentart.latent import space
from latentart.latent.axes import pca
from latentart.models.base import Generator

Array = NDArray[np.float64]


def affines(G: Generator, layers: str = "all") -> Array:
    """The matrices that turn w into styles in the given layers, one below the other, [styles, w_dim].

    Row r of ws feeds convolution r; layers that only paint (toRGB) are left out, as published.
    Raises SettingsError for a family without such layers.
    """
    found = [affine.double().cpu().numpy() for row, affine in _by_row(G).items() if row in space.rows(G.num_ws, layers)]
    if not found:
        raise SettingsError(f"{G.name} has no style layers in {layers!r}: SeFa needs a StyleGAN, and --layers it has")
    return np.concatenate(found)


def groups(G: Generator) -> list[str]:
    """'coarse', 'middle', 'fine' as far as the model has style layers there; none for one without styles."""
    rows = _by_row(G).keys()
    return [group for group in space.LAYERS if rows & set(space.rows(G.num_ws, group))]


def _by_row(G: Generator) -> dict[int, torch.Tensor]:
    """Row of ws -> weight [styles, w_dim] of the layer that reads it, as it is applied."""
    styled = [
        module
        for name, module in G.synthesis.named_modules()
        if hasattr(module, "affine") and not name.endswith("torgb")
    ]
    return {row: m.affine.weight.detach() * m.affine.weight_gain for row, m in enumerate(styled)}


def axes(matrix: Array, count: int) -> Array:
    """Unit eigenvectors of matrix^T matrix with the largest eigenvalues, [count, w_dim] (the paper's eq. 6)."""
    if not 1 <= count <= matrix.shape[1]:
        raise SettingsError(f"{count!r} directions of a space of {matrix.shape[1]} dimensions: give fewer")
    _, vectors = np.linalg.eigh(matrix.T @ matrix)
    return pca.steady(vectors[:, ::-1][:, :count].T)
