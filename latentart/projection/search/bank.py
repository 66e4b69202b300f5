"""A cached bank of a generator's own samples: a search begins at those that look most like the target."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from latentart import cache, files
from latentart.features.lpips import Lpips
from latentart.models.base import Generator
from latentart.projection.search import pyramid
from latentart.projection.search.loss import at_most
from latentart.projection.search.prior import sample_w

log = logging.getLogger(__name__)

COUNT = 2048
SIZE = 64
GRID = 4
"""Looks are compared on a grid of 4x4 places."""
COLOUR_WEIGHT = 0.3


@dataclass(frozen=True)
class Bank:
    """w [K, w_dim] of K samples, and how they look: [K, D, 4, 4]."""

    w: Tensor
    looks: Tensor

    def nearest(self, looks: Tensor, count: int, mask: Tensor | None = None) -> Tensor:
        """Indices [N, count] of the samples whose look is nearest to `looks` [N, D, 4, 4], best first."""
        weight = torch.ones(1, 1, GRID, GRID) if mask is None else F.adaptive_avg_pool2d(mask, GRID)
        root = weight.to(looks).clamp_min(1e-4).sqrt()
        a = (looks * root).flatten(1)
        # Without a mask, or with one for all, the samples are weighed once for every target.
        if len(root) == 1:
            return torch.cdist(a, (self.looks * root).flatten(1)).topk(count, largest=False).indices
        rows = [torch.cdist(a[[i]], (self.looks * root[[i]]).flatten(1)) for i in range(len(a))]
        return torch.cat(rows).topk(count, largest=False).indices

    def distance(self, looks: Tensor) -> list[float]:
        """How far `looks` [N, D, 4, 4] are from the nearest sample each."""
        return torch.cdist(looks.flatten(1), self.looks.flatten(1)).amin(dim=1).tolist()

    @cached_property
    def usual(self) -> float:
        """How far a target may be from the nearest sample before it counts as a stranger: as far as 95 % of samples
        are from each other, and half as far again."""
        some = self.looks[:: max(1, len(self.looks) // 256)].flatten(1)
        near = torch.cdist(some, self.looks.flatten(1)).topk(2, largest=False).values[:, 1]
        return 1.5 * float(near.quantile(0.95))


def look(features: Lpips, img: Tensor) -> Tensor:
    """img [N, C, H, W] -> [N, D, 4, 4]: the deepest features, averaged, and colours, weighted to matter alike."""
    small = at_most(img, SIZE)
    deep = F.adaptive_avg_pool2d(features.embed(small)[-1], GRID)
    colours = F.pixel_unshuffle(F.adaptive_avg_pool2d(small, 2 * GRID), 2)
    return torch.cat([deep, colours * (COLOUR_WEIGHT / colours.shape[1] ** 0.5)], dim=1)


def bank(G: Generator, features: Lpips, count: int = COUNT) -> Bank:
    """The bank of this generator as seen through `features`: read from the cache, or made and kept there."""
    path = cache.place("banks", f"{fingerprint(G)[:24]}-{features.name}-{count}.safetensors")
    if path.exists():
        try:
            kept = load_file(path, device=str(G.device))
            return Bank(kept["w"], kept["looks"].float())
        except (OSError, SafetensorError, KeyError) as error:
            log.warning("the sample bank %s cannot be read (%s): making it again", path.name, error)
    return make(G, features, count, path)


def make(G: Generator, features: Lpips, count: int, path: Path | None = None, batch: int = 32) -> Bank:
    """Draws `count` samples at low resolution, keeps them at `path` if one is given."""
    w = sample_w(G, count, 71)
    size = pyramid.nearest(G, SIZE)
    looks = []
    with torch.no_grad():
        for rows in torch.split(w, batch):
            looks.append(look(features, pyramid.render(G, rows[:, None].expand(-1, G.num_ws, -1), size)).half())
    made = Bank(w, torch.cat(looks).float().contiguous())
    if path:
        with files.part_file(path, overwrite=True) as part:
            save_file({"w": made.w.cpu(), "looks": made.looks.half().contiguous().cpu()}, part)
    return made


def fingerprint(G: Generator) -> str:
    """The checkpoint's sha256; for a generator that came from no file, one of its weights."""
    if G.sha256:
        return G.sha256
    digest = hashlib.sha256()
    for name, tensor in sorted(G.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
