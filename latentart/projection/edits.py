"""Edits on projected codes (Abdal et al. 2019, arXiv:1904.03189, section 4; 2020, arXiv:1911.11544)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import SettingsError
from latentart.latent import space
from latentart.models.base import Generator


def morph(ws1: Tensor, ws2: Tensor, amount: float | Tensor) -> Tensor:
    """From ws1 (amount 0) to ws2 (amount 1), [N, num_ws, w_dim]; beyond 0..1 exaggerates."""
    return torch.lerp(ws1, ws2, amount)


def crossover(content: Tensor, style: Tensor, rows: int | None = None) -> Tensor:
    """The first `rows` rows of `content`, the rest of `style`: one's layout in the other's colours and textures.

    rows: half of num_ws if None, as published. Raises SettingsError when there are no such rows.
    """
    num_ws = content.shape[1]
    rows = num_ws // 2 if rows is None else rows
    if not 0 <= rows <= num_ws:
        raise SettingsError(f"{rows!r} rows of content: this model has {num_ws}, give 0 to {num_ws}")
    return space.mix_styles(content, style, range(rows, num_ws))


def transfer(ws: Tensor, before: Tensor, after: Tensor, strength: float = 1.0, threshold: float = 0.0) -> Tensor:
    """What changed between two projected pictures, added to a third: ws + strength * (after - before).

    Made for expressions of faces. Rows that changed by less than `threshold` (length of the difference) are left
    alone: they hold the pictures' differences in light and background.
    """
    change = after - before
    kept = change.square().sum(dim=2, keepdim=True).sqrt() >= threshold
    return ws + strength * change * kept


def paste(img: Tensor, background: Tensor, mask: Tensor, feather: float = 0.03) -> Tensor:
    """img where `mask` is 1, background where it is 0, with a soft seam: pictures [N, C, H, W], mask [1, 1, H, W].

    feather: width of the seam as a part of the longer side. The seam lies inside the masked region, so nothing of
    the background is covered.
    """
    radius = max(1, round(feather * max(img.shape[2:])))
    # Shrunk by as much as it is then blurred.
    shrunk = -F.max_pool2d(-mask, 2 * radius + 1, 1, radius)
    soft = _blur(shrunk, radius / 2)
    return background + (img - background) * (soft * mask)


def splice(G: Generator, ws: Tensor, other: Tensor, mask: Tensor, rows: slice = slice(None)) -> Tensor:
    """Two codes in one picture: `other`'s rows are used where mask is 1, rendered apart and blended, [N, C, H, W]."""
    mixed = ws.clone()
    mixed[:, rows] = other[:, rows]
    with torch.no_grad():
        inside, outside = G.synthesis(mixed), G.synthesis(ws)
    return paste(inside, outside, mask)


def _blur(mask: Tensor, sigma: float) -> Tensor:
    reach = max(1, math.ceil(3 * sigma))
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).to(mask) / sigma) ** 2)
    taps = taps / taps.sum()
    across = F.conv2d(F.pad(mask, (reach, reach, 0, 0), mode="replicate"), taps.view(1, 1, 1, -1))
    return F.conv2d(F.pad(across, (0, 0, reach, reach), mode="replicate"), taps.view(1, 1, -1, 1))
