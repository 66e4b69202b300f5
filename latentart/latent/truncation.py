"""Truncation beyond one psi: towards modes, a picture or a given point, by layer, over time.

    path = path.map(truncation.Truncation(G, ["modes:16=0.5..0.9@coarse", "mean=0.8@8-13"]))

A line is CENTRE=PSI[@LAYERS]. Centres: 'mean' (w_avg), 'modes:16' (the nearest of 16 k-means centres of W; Mokady et
al. 2022, arXiv:2202.12211), 'seed:44', 'class:A', or a file of latents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from torch import Tensor

from latentart.errors import SettingsError
from latentart.latent import automation, saved, space
from latentart.latent.axes import pca
from latentart.models.base import Generator

Array = NDArray[np.float64]
SAMPLES = 20_000
MOST_MODES = 256
EXAMPLE = "modes:16=0.6..0.9@coarse"


def modes(G: Generator, count: int, *, samples: int = SAMPLES, seed: int = 0) -> Tensor:
    """Centres of `count` clusters of W, [count, w_dim], by k-means over random latents."""
    if not 2 <= count <= MOST_MODES:
        raise SettingsError(f"{count!r} modes: give 2 to {MOST_MODES}")
    w = torch.cat(list(pca.ws_stream(G, samples, seed))).double().cpu().numpy()
    centres, _ = kmeans2(w, count, iter=20, minit="++", rng=np.random.default_rng(seed))
    return torch.from_numpy(centres).float().to(G.device)


class Truncation:
    """A change for `Path.map`, for a walk that was made with psi 1."""

    def __init__(self, G: Generator, texts: Sequence[str]) -> None:
        """Raises SettingsError for a line that cannot be read or a centre that is not there."""
        self.notes = [automation.parse(text, EXAMPLE) for text in texts]
        self.rows = [space.rows(G.num_ws, note.where or "all") for note in self.notes]
        self.centres = [centre(G, note.name) for note in self.notes]

    def __call__(self, ws: Tensor, u: Array) -> Tensor:
        """ws [N, num_ws, w_dim] pulled towards the centres by each line's psi at u [N], in its rows."""
        pulled = ws.clone()
        for note, rows, centres in zip(self.notes, self.rows, self.centres, strict=True):
            psi = torch.from_numpy(note.amount(u)).to(ws)[:, None, None]
            towards = nearest(ws, centres)[:, rows]
            pulled[:, rows] = towards + psi * (ws[:, rows] - towards)
        return pulled


def centre(G: Generator, name: str) -> Tensor:
    """The centres that a name means, [K, num_ws, w_dim]. Raises SettingsError, WeightsError."""
    if name == "mean":
        return G.w_avg.expand(1, G.num_ws, -1)
    if match := re.fullmatch(r"modes:(\d{1,6})", name):
        return modes(G, int(match[1]))[:, None].expand(-1, G.num_ws, -1)
    if match := re.fullmatch(r"seed:(\d{1,10})", name):
        mixes = [{0: 1.0}] if G.c_dim else []
        return space.to_ws(G, space.z_of(G, [int(match[1])]), space.c_of(G, mixes))
    if name.startswith("class:"):
        return class_mean(G, space.class_index(G, name.removeprefix("class:")))
    if "." in name:
        found = saved.read(name, G.num_ws, G.w_dim)
        return torch.from_numpy(found).float().to(G.device)
    raise SettingsError(f"unknown centre {name!r}: mean, modes:16, seed:44, class:A, or a file of latents")


def class_mean(G: Generator, index: int, samples: int = 1000) -> Tensor:
    """Mean w of one class, [1, num_ws, w_dim]: its average picture."""
    return class_means(G, [index], samples).expand(1, G.num_ws, -1)


def class_means(G: Generator, indices: Sequence[int], samples: int = 1000) -> Tensor:
    """Mean w of each class, [len(indices), 1, w_dim]; all from the same z, so that only the class differs."""
    z = space.z_of(G, range(min(samples, 1000)))
    rows = [space.c_of(G, [{index: 1.0}]) for index in indices]
    means = [space.to_ws(G, z, np.repeat(c, len(z), axis=0))[:, 0].mean(dim=0) for c in rows if c is not None]
    return torch.stack(means)[:, None]


def nearest(ws: Tensor, centres: Tensor) -> Tensor:
    """The centre to pull each ws towards, [N, num_ws, w_dim].

    Softly the nearest: where two are about as near the pull goes between them, so that a walk that passes from one to
    the other does not jump.
    """
    if len(centres) == 1:
        return centres.to(ws).expand_as(ws)
    w, c = ws.mean(dim=1), centres.mean(dim=1).to(ws)
    distances = torch.cdist(w, c).square()
    # As wide as a tenth of the way between centres: nearly always one of them.
    width = 0.1 * torch.cdist(c, c).square().mean()
    return torch.einsum("nk,krd->nrd", torch.softmax(-distances / width, dim=1), centres.to(ws))
