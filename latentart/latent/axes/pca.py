"""Principal axes of W and of activations, streamed (GANSpace, Harkonen et al. 2020, arXiv:2004.02546)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from latentart import seeds
from latentart.errors import SettingsError
from latentart.models.base import Generator

Array = NDArray[np.float64]
BATCH = 2000
POOLED = 4
"""Activations are looked at on a grid of this many cells a side: what is where, not every pixel of it."""


def ws_stream(G: Generator, samples: int, seed: int = 0, batch: int = BATCH) -> Iterator[Tensor]:
    """w of random z (and random classes), [batch, w_dim] at a time; a seed names the whole stream."""
    rng = seeds.stream(seed)
    for start in range(0, samples, batch):
        count = min(batch, samples - start)
        # Single precision: a million latents are drawn, and their bits name no picture.
        z = torch.from_numpy(rng.standard_normal((count, G.z_dim)).astype(np.float32)).to(G.device)
        c = torch.from_numpy(np.eye(G.c_dim, dtype=np.float32)[rng.randint(G.c_dim, size=count)]) if G.c_dim else None
        with torch.inference_mode():
            ws: Tensor = G.mapping(z, None if c is None else c.to(G.device))
        yield ws[:, 0]


def moments(G: Generator, samples: int, seed: int = 0) -> tuple[Array, Array]:
    """Mean [w_dim] and covariance [w_dim, w_dim] of w, float64; products are summed in float32 within a batch."""
    if samples < 2:
        raise SettingsError(f"{samples!r} samples are too few to analyse W: give at least 2")
    centre = G.w_avg
    total = np.zeros(G.w_dim)
    products = np.zeros((G.w_dim, G.w_dim))
    for w in ws_stream(G, samples, seed):
        # Around w_avg, which is near the mean: nothing cancels when the mean is taken out.
        near = w - centre
        total += near.sum(dim=0).double().cpu().numpy()
        products += (near.t() @ near).double().cpu().numpy()
    mean = total / samples
    covariance = (products - samples * np.outer(mean, mean)) / (samples - 1)
    return centre.double().cpu().numpy() + mean, covariance


def of_w(G: Generator, count: int, samples: int, seed: int) -> tuple[Array, Array]:
    """(axes [count, w_dim], unit length, widest first; standard deviations [count])."""
    _check(count, G.w_dim)
    _, covariance = moments(G, samples, seed)
    values, vectors = np.linalg.eigh(covariance)
    largest = np.argsort(values)[::-1][:count]
    return steady(vectors[:, largest].T), np.sqrt(np.maximum(values[largest], 0))


def spread_along(G: Generator, axes: Array, samples: int = 5_000) -> Array:
    """Standard deviation of w along each unit axis [n, w_dim], [n]."""
    _, covariance = moments(G, samples)
    return np.asarray(np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", axes, covariance, axes), 0)))


def steady(axes: Array) -> Array:
    """Axes with the sign that makes the largest entry positive: an eigenvector's own sign is an accident."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return np.asarray(axes * np.where(largest < 0, -1.0, 1.0))


def of_layer(G: Generator, layer: str, count: int, samples: int, seed: int) -> tuple[Array, Array]:
    """(unit axes in W [count, w_dim], their lengths per standard deviation) from one layer's activations.

    At most 4,000 pictures are looked at, their activations averaged onto a 4x4 grid.
    """
    _check(count, G.w_dim)
    seen = min(samples, 4000)
    acts, w = activations(G, layer, seen, seed)
    acts, w = acts - acts.mean(axis=0), w - w.mean(axis=0)
    # Randomised range finder with two power steps (Halko et al. 2011): a full decomposition is not needed.
    probe = seeds.stream(seed).standard_normal((acts.shape[1], min(count + 10, seen)))
    basis, _ = np.linalg.qr(acts @ probe)
    for _ in range(2):
        basis, _ = np.linalg.qr(acts @ (acts.T @ basis))
    left, size, _ = np.linalg.svd(basis.T @ acts, full_matrices=False)
    coordinates = (basis @ left)[:, :count] * size[:count]
    regression = coordinates.T @ w / np.square(coordinates).sum(axis=0)[:, None]
    steps = regression * coordinates.std(axis=0)[:, None]
    lengths = np.linalg.norm(steps, axis=1)
    return steady(steps / lengths[:, None]), lengths


def activations(G: Generator, layer: str, samples: int, seed: int) -> tuple[Array, Array]:
    """(activations [samples, channels * 16], w [samples, w_dim]) at a layer such as 'b8.conv1'."""
    module = _layer(G, layer)
    seen: list[Tensor] = []

    def keep(_: torch.nn.Module, inputs: object, x: Tensor) -> None:
        seen.append(F.adaptive_avg_pool2d(x, POOLED).flatten(1).float().cpu())

    handle = module.register_forward_hook(keep)
    try:
        ws = torch.cat(list(ws_stream(G, samples, seed)))
        with torch.inference_mode():
            for part in torch.split(ws, 16):
                G.synthesis(part.unsqueeze(1).repeat(1, G.num_ws, 1), noise_mode="none")
    finally:
        handle.remove()
    return torch.cat(seen).double().numpy(), ws.double().cpu().numpy()


def _layer(G: Generator, layer: str) -> torch.nn.Module:
    try:
        return G.synthesis.get_submodule(layer)
    except AttributeError:
        raise SettingsError(f"{G.name} has no layer {layer!r}: give one such as 'b8.conv1'") from None


def _check(count: int, w_dim: int) -> None:
    if not 1 <= count <= w_dim:
        raise SettingsError(f"{count!r} directions of a space of {w_dim} dimensions: give 1 to {w_dim}")
