"""How far pictures are from their targets: perceptually and in pixels, for each picture of a batch by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor

from latentart.features.lpips import Embedding, Lpips, spatial_mean

LARGEST = 256
"""Perceptual distances are taken at this size at most, as NVIDIA's projector does."""


@dataclass(frozen=True)
class Likeness:
    """Distances of pictures [N, C, h, w] to N targets, whose features are computed once; see `likeness`.

    closer: the same in a larger look, added to this one.
    """

    features: Lpips
    target: Tensor
    embedding: Embedding
    mask: Tensor | None
    pixel_weight: float
    cut: bool = False
    closer: Likeness | None = None

    def __call__(self, img: Tensor) -> Tensor:
        """LPIPS + pixel_weight * mean squared error of each picture, [N]; larger pictures are reduced first."""
        small = at_most(visible(img) if self.cut else img, max(self.target.shape[2:]))
        total = self.perceptual(small)
        if self.pixel_weight:
            total = total + self.pixel_weight * self.squares(small)
        return total if self.closer is None else total + self.closer(img)

    def perceptual(self, img: Tensor) -> Tensor:
        """LPIPS at 256 pixels or less, [N]."""
        return self.features.distance(self.features.embed(at_most(img, LARGEST)), self.embedding, self.mask)

    def squares(self, img: Tensor) -> Tensor:
        """Mean squared error for pictures in [-1, 1], [N]."""
        return spatial_mean((img - self.target).square().mean(dim=1, keepdim=True), self.mask)

    def select(self, keep: Tensor) -> Likeness:
        """The same for some of the targets; keep: their indices."""
        mask = self.mask if self.mask is None or len(self.mask) == 1 else self.mask[keep]
        embedding = tuple(layer[keep] for layer in self.embedding)
        closer = None if self.closer is None else self.closer.select(keep)
        return replace(self, target=self.target[keep], embedding=embedding, mask=mask, closer=closer)


def likeness(
    features: Lpips, target: Tensor, size: int, *, mask: Tensor | None = None, pixel_weight: float = 0.0,
    cut: bool = False,
) -> Likeness:  # fmt: skip
    """Compares with `target` [N, C, H, W] reduced to the longer side `size`; mask [N or 1, 1, H, W] in 0..1.

    cut: values beyond -1..1 count as what a file keeps of them: black that is blacker than black is no fault.
    """
    small = at_most(target, size)
    small_mask = None if mask is None else at_most(mask, size)
    return Likeness(features, small, features.embed(at_most(small, LARGEST)), small_mask, pixel_weight, cut)


def visible(img: Tensor) -> Tensor:
    """Pictures cut to -1..1, with gradients as if they were not: what is beyond can still come back."""
    return img + (img.clamp(-1, 1) - img).detach()


def at_most(img: Tensor, size: int) -> Tensor:
    """[N, C, H, W] averaged down to a longer side of `size`; smaller pictures stay as they are."""
    longer = max(img.shape[2:])
    if longer <= size:
        return img
    height, width = (max(1, round(side * size / longer)) for side in img.shape[2:])
    return F.interpolate(img, size=(height, width), mode="area")
