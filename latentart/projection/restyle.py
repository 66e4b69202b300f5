"""Another picture's texture in a part of a projected one (Image2StyleGAN++, Abdal et al. 2020, arXiv:1911.11544).

Style is what remains of features when place is forgotten: their Gram matrix (Gatys et al. 2016, arXiv:1508.06576),
taken inside the mask. Outside of it the picture is held as it was.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.features.lpips import Lpips
from latentart.projection.prepared import Prepared
from latentart.projection.search import objectives, pyramid
from latentart.projection.search.loss import LARGEST, Likeness, at_most, likeness
from latentart.projection.search.optimize import Schedule, descend

LAYER = "relu3_3"
LOOK = 128
RATE = 0.1


def gram(features: Lpips, img: Tensor, mask: Tensor) -> Tensor:
    """How channels of relu3_3 go together inside `mask` [1, 1, H, W]: img [N, C, H, W] -> [N, 256, 256]."""
    (x,) = features.trunk(at_most(img, LOOK), [LAYER])
    weight = F.interpolate(mask, size=x.shape[2:], mode="area")
    flat = (x * weight.sqrt()).flatten(2)
    found: Tensor = flat @ flat.transpose(1, 2) / weight.sum().clamp_min(1e-6)
    return found


def restyle(p: Prepared, ws: Tensor, style: Tensor, mask: Tensor, *, weight: float = 0.1, steps: int = 80) -> Tensor:
    """Codes like ws [1, num_ws, w_dim] whose picture has the texture of `style` [1, C, H, W] where mask is 1.

    mask [1, 1, H, W]. weight: 0 changes nothing, more forgets more of what was there. The feature network must have
    the layer relu3_3 (raises SettingsError).
    """
    with torch.no_grad():
        before: Tensor = p.G.synthesis(ws)
        wanted = gram(p.features, style.to(before), torch.ones_like(mask))
    held: Likeness = likeness(p.features, before, LOOK, mask=1 - mask, pixel_weight=1.0)
    codes = objectives.Codes(p.G, held, p.prior, pyramid.nearest(p.G, LARGEST))

    def apart(img: Tensor, rows: Tensor | None) -> Tensor:
        squares = (gram(p.features, img, mask) - wanted).square().sum(dim=(1, 2))
        return weight * squares / wanted.square().sum(dim=(1, 2))

    with torch.enable_grad():
        start, schedule = {"v": p.prior.whiten(ws)}, Schedule(steps, {"v": RATE}, warm_up=0)
        best, _ = descend(objectives.Guided(codes, apart), start, schedule)
    return p.prior.colour(best["v"]).detach()
