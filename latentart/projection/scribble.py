"""Colour strokes on a projected picture (Image2StyleGAN++, Abdal et al. 2020, arXiv:1911.11544).

A stroke says which colour should be where, and nothing more: what has that colour there is the model's invention.
So strokes are compared by their mean colours on a coarse grid, and codes are held near the model's own; beside the
strokes the picture is held as it was.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.projection.prepared import Prepared
from latentart.projection.search import objectives, pyramid
from latentart.projection.search.loss import LARGEST, at_most, likeness
from latentart.projection.search.optimize import Schedule, Watcher, descend

GRID = 32
"""Colours of strokes are compared at this size."""
LOOK = 64
RATE = 0.1
STEPS = 60
WEIGHT = 2.0
NEAR_OWN = 0.01
"""Weight of the P-norm: ten times that of a search, since most of the picture is free to change."""
HALO = 1 / 16
"""Around a stroke this part of the picture's side is free to go along with it."""


def scribble(
    p: Prepared, ws: Tensor, strokes: Tensor, opacity: Tensor, *, weight: float = WEIGHT, steps: int = STEPS,
    watch: Watcher | None = None,
) -> Tensor:  # fmt: skip
    """Codes like ws [N, num_ws, w_dim] whose pictures follow colour strokes; codes of W stay in W.

    strokes [N, C, H, W] in [-1, 1], opacity [N, 1, H, W] in 0..1, 0 where nothing was drawn. weight: 0 changes
    nothing, more follows the strokes and forgets the rest.
    """
    with torch.no_grad():
        before: Tensor = p.G.synthesis(ws)
    opacity = opacity.to(before)
    held = likeness(p.features, before, LOOK, mask=1 - halo(opacity), pixel_weight=1.0)
    codes = objectives.Codes(p.G, held, p.prior, pyramid.nearest(p.G, LARGEST), NEAR_OWN)
    amount, wanted = colours(strokes.to(before), opacity)

    def apart(img: Tensor, rows: Tensor | None) -> Tensor:
        chosen = slice(None) if rows is None else rows
        _, found = colours(img, opacity[chosen])
        squares = (found - wanted[chosen]).square().mean(dim=1, keepdim=True) * amount[chosen]
        return weight * squares.sum(dim=(1, 2, 3)) / amount[chosen].sum(dim=(1, 2, 3)).clamp_min(1e-6)

    with torch.enable_grad():
        rows = ws[:, :1] if bool((ws == ws[:, :1]).all()) else ws
        schedule = Schedule(steps, {"v": RATE}, warm_up=0, cool_down=0.5, at_once=p.at_once)
        best, _ = descend(objectives.Guided(codes, apart), {"v": p.prior.whiten(rows)}, schedule, watch)
    return objectives.to_ws(p.G, p.prior.colour(best["v"])).detach()


def colours(img: Tensor, opacity: Tensor) -> tuple[Tensor, Tensor]:
    """(how much is covered [N, 1, h, w], mean colour of what is covered [N, C, h, w]) on a grid of 32 at most.

    img [N, C, H, W], opacity [N, 1, H', W'] of the picture's full size.
    """
    mask = F.interpolate(opacity, size=img.shape[2:], mode="area")
    amount = at_most(mask, GRID)
    return amount, at_most(img * mask, GRID) / amount.clamp_min(1e-4)


def halo(opacity: Tensor) -> Tensor:
    """Strokes [N, 1, H, W], opaque and wider by HALO of the longer side."""
    radius = max(1, round(HALO * max(opacity.shape[2:])))
    return F.max_pool2d((opacity > 0).to(opacity), 2 * radius + 1, 1, radius)
