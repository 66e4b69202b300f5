"""The critic of Projected GANs (Sauer et al. 2021, arXiv:2111.01007): small discriminators on a frozen network.

Features of EfficientNet-Lite0 at four scales are mixed by random projections that are never trained: 1x1 convolutions
across channels, then 3x3 convolutions and upsampling across scales. A discriminator with spectral normalisation judges
each. Normalisation within them is over groups of 8 pictures (as later work of the authors has it) instead of whole
batches, so that a batch may be cut into parts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.parametrizations import spectral_norm

from latentart.errors import SettingsError
from latentart.features.efficientnet import TAPS, EfficientNetLite0, efficientnet
from latentart.training.gan.critics import diff_augment

SEEN_SMALL, SEEN = 128, 256
"""Longer side at which the backbone sees pictures: up to 64 pixels, and up to 256. Larger ones stay as they are."""
WIDTHS = (32, 64, 128, 256)
"""Channels of the projected features, from the finest scale."""
GROUP = 8
"""Pictures whose activations are normalised together."""


class ProjectedCritic(torch.nn.Module):
    """Pictures -> logits of four discriminators.

    size: side of the pictures in pixels, or (height, width). channels: 1, 3 or 4. c_dim: classes, 0 for none.
    Its state holds the discriminators and the random projections; the backbone comes from the cache, where `latentart
    weights pull efficientnet-lite0` puts it. Raises SettingsError when it is not there.
    """

    def __init__(
        self, size: int | tuple[int, int], channels: int, c_dim: int = 0, *, backbone: EfficientNetLite0 | None = None
    ) -> None:
        super().__init__()
        if channels not in (1, 3, 4):
            raise SettingsError(f"a critic for {channels!r} channels: give 1 (grey), 3 (RGB) or 4 (RGBA)")
        self.size = (size, size) if isinstance(size, int) else size
        self.channels, self.c_dim = channels, c_dim
        self.seen = seen(self.size)
        self.backbone = efficientnet() if backbone is None else backbone
        self.projection = Projection(tuple(TAPS.values()), WIDTHS)
        sides = [math.ceil(min(self.seen) / (4 << i)) for i in range(len(WIDTHS))]
        self.heads = torch.nn.ModuleList(Head(w, s, c_dim) for w, s in zip(WIDTHS, sides, strict=True))

    def forward(self, images: Tensor, c: Tensor | None = None) -> list[Tensor]:
        """images [N, C, H, W] in [-1, 1], c [N, c_dim] -> logits [N, places] of each head, above 0 where real.

        RGBA is expected as `pictures.composited` gives it, colour multiplied by alpha: each picture is laid over a
        random plain colour, since the backbone knows no transparency. Differentiable augmentation is applied here.
        """
        if tuple(images.shape[1:]) != (self.channels, *self.size):
            wanted = (self.channels, *self.size)
            raise SettingsError(f"pictures of shape {tuple(images.shape[1:])} for a critic of {wanted}: fit them first")
        x = diff_augment.augmented(over_random_ground(images) if self.channels == 4 else images)
        if self.seen != self.size:
            x = F.interpolate(x, self.seen, mode="bilinear", align_corners=False)
        features = self.projection(self.backbone(x))
        return [head(feature, c) for head, feature in zip(self.heads, features, strict=True)]


def seen(size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) to which pictures are enlarged for the backbone."""
    longer = max(size)
    wanted = max(longer, SEEN_SMALL if longer <= SEEN_SMALL // 2 else SEEN)
    height, width = (round(side * wanted / longer) for side in size)
    if min(height, width) < 48:
        raise SettingsError(
            f"pictures of {size[1]}x{size[0]} are too narrow for the projected critic: use --critic ada"
        )
    return height, width


def over_random_ground(images: Tensor) -> Tensor:
    """RGBA [N, 4, H, W], colour multiplied by alpha -> RGB over a colour drawn for each picture."""
    ground = (torch.rand(len(images), 3, 1, 1) * 2 - 1).to(images)
    return images[:, :3] + ground * ((1 - images[:, 3:]) / 2)


class Projection(torch.nn.Module):
    """Random mixing of features across channels and scales, drawn once (Kaiming He's deviation) and kept."""

    def __init__(self, inputs: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.count = len(widths)
        for i, (before, width) in enumerate(zip(inputs, widths, strict=True)):
            self.register_buffer(f"channels{i}", _kaiming(width, before, 1))
            if i + 1 < self.count:
                self.register_buffer(f"scales{i}", _kaiming(width, widths[i + 1], 3))

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Features from the finest to the coarsest scale -> as many, each with what is below it mixed in."""
        made: list[Tensor] = []
        for i in reversed(range(self.count)):
            x = F.conv2d(features[i], self.get_buffer(f"channels{i}"))
            if made:
                below = F.interpolate(made[0], x.shape[2:], mode="bilinear", align_corners=False)
                x = x + F.conv2d(below, self.get_buffer(f"scales{i}"), padding=1)
            made.insert(0, x)
        return made


def _kaiming(outputs: int, inputs: int, size: int) -> Tensor:
    return torch.randn(outputs, inputs, size, size) * math.sqrt(2 / (inputs * size * size))


class Head(torch.nn.Module):
    """One discriminator: halves its features down to about 4x4 and judges each place there."""

    def __init__(self, width: int, side: int, c_dim: int) -> None:
        super().__init__()
        count = max(int(math.log2(side)) - 2, 1)
        widths = [min(width << i, WIDTHS[-1]) for i in range(count + 1)]
        pairs = itertools.pairwise(widths)
        self.downs = torch.nn.ModuleList(spectral_norm(torch.nn.Conv2d(a, b, 4, 2, 1)) for a, b in pairs)
        self.out = spectral_norm(torch.nn.Conv2d(widths[-1], 1, 3, padding=1))
        self.label = spectral_norm(torch.nn.Linear(c_dim, widths[-1], bias=False)) if c_dim else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """[N, width, h, w] -> [N, places]. Labels are judged by projection (Miyato and Koyama 2018)."""
        for down in self.downs:
            x = F.leaky_relu(normalised(down(x)), 0.2)
        logits: Tensor = self.out(x)
        if self.label is not None and c is not None:
            logits = logits + (x * self.label(c)[:, :, None, None]).sum(dim=1, keepdim=True) / math.sqrt(x.shape[1])
        return logits.flatten(1)


def normalised(x: Tensor) -> Tensor:
    """Mean 0 and deviation 1 of each channel over groups of at most GROUP pictures that follow each other."""
    group = next(g for g in range(min(GROUP, len(x)), 0, -1) if len(x) % g == 0)
    y = x.float().reshape(-1, group, *x.shape[1:])
    variance, mean = torch.var_mean(y, dim=(1, 3, 4), correction=0, keepdim=True)
    return ((y - mean) * (variance + 1e-5).rsqrt()).reshape(x.shape).to(x.dtype)


def critic_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the critic, summed over its heads (Lim and Ye 2017, arXiv:1705.02894)."""
    pairs = zip(real, fake, strict=True)
    return torch.stack([F.relu(1 - r.float()).mean() + F.relu(1 + f.float()).mean() for r, f in pairs]).sum()


def generator_loss(fake: Sequence[Tensor]) -> Tensor:
    """Loss of the generator, summed over the heads."""
    return -torch.stack([logits.float().mean() for logits in fake]).sum()
