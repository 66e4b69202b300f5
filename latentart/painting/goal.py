"""What a painting is to become like: content in its place, styles anywhere in their regions, little noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import seeds
from latentart.errors import PictureError, SettingsError, check_limits, unknown
from latentart.features.load import SHIPPED
from latentart.features.trunk import Trunk, rgb
from latentart.painting import colours
from latentart.painting.moments import DISTANCES, Moments, mix, moments

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu3_3")
DEEP_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""With the whole network, which sees larger strokes."""
CONTENT_LAYER = "relu3_2"
INITS = ("content", "noise")
SMALLEST = 32
MARGIN = 8
"""Pixels around the picture that are mirrored; a multiple of what the network halves."""


@dataclass(frozen=True)
class Style:
    """A picture [1, 3, H, W] in [-1, 1] whose style is wanted, its share beside others, and where.

    mask [1, 1, h, w] in 0..1, in the proportions of the content: 1 where this style goes. None: wherever no other
    style's mask is.
    """

    picture: Tensor
    share: float = 1.0
    mask: Tensor | None = None
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class PaintingSettings:
    """How to paint.

    steps: of all sizes together. style, content, tv: weights of style, content and smoothness. strength: 0..1, how
    far from the content's own statistics to the style's. scale: size of the style picture against the content's, and
    so of its strokes. loss: gram or wasserstein. keep_colours: no, luminance (the content's colours, the painting's
    light) or match (the style takes on the content's colours first). init: content or noise. features: which network
    looks.
    """

    steps: int = 200
    style: float = 25.0
    content: float = 1.0
    tv: float = 0.3
    strength: float = 1.0
    scale: float = 1.25
    loss: str = "gram"
    keep_colours: str = "no"
    init: str = "content"
    seed: int = 0
    features: str = SHIPPED


def check(settings: PaintingSettings) -> PaintingSettings:
    """Returns the settings, or raises SettingsError."""
    for what, value, choices in (
        ("loss", settings.loss, DISTANCES), ("way to keep colours", settings.keep_colours, colours.KEPT),
        ("init", settings.init, INITS),
    ):  # fmt: skip
        if value not in choices:
            raise SettingsError(unknown(what, value, choices))
    limits = {"steps": (1, 100_000), "style": (0, 1e6), "content": (0, 1e6), "tv": (0, 1e6), "strength": (0, 1),
              "scale": (0.1, 10)}  # fmt: skip
    check_limits(settings, limits)
    seeds.check(settings.seed)
    return settings


def prepared(styles: Sequence[Style], content: Tensor, settings: PaintingSettings) -> list[Style]:
    """The styles on the content's device, in its colours where that is asked. Raises SettingsError, PictureError."""
    for style in styles:
        if not math.isfinite(style.share) or style.share < 0:
            raise SettingsError(f"the share {style.share!r} of {style.name!r} is out of range: give a number above 0")
    if not sum(style.share for style in styles) > 0:
        raise SettingsError("there is no style with a share above 0: name a picture")
    return [_ready(style, content, settings) for style in styles if style.share > 0]


def _ready(style: Style, content: Tensor, settings: PaintingSettings) -> Style:
    picture = rgb(style.picture).to(content)
    height, width = picture.shape[-2:]
    if min(height, width) < SMALLEST:
        raise PictureError(f"style {style.name!r} is {width}x{height}, too small: give {SMALLEST} pixels or more")
    if settings.keep_colours == "match":
        picture = colours.matched(picture, content)
    return replace(style, picture=picture, mask=None if style.mask is None else style.mask.to(content))


@dataclass(frozen=True)
class Region:
    """A part of the picture and the statistics wanted there; mask None: everywhere."""

    wanted: Sequence[Moments]
    mask: Tensor | None
    share: float


class Goal:
    """The loss of a picture of the size of `content` [1, 3, H, W]; styles as `prepared` gives them."""

    def __init__(self, trunk: Trunk, content: Tensor, styles: Sequence[Style], settings: PaintingSettings) -> None:
        self.trunk, self.settings = trunk, settings
        self.layers = DEEP_LAYERS if "relu4_1" in trunk.names else STYLE_LAYERS
        *own, self.content = self._look(content)
        self.energy = self.content.square().sum().clamp_min(1e-6)
        size = (content.shape[-2], content.shape[-1])
        groups = _groups([_sized(style, size, settings.scale) for style in styles])
        self.regions = [self._region(_margin(mask), group, own) for mask, group in groups]
        distance = DISTANCES[settings.loss]
        self.distances = [[distance(wanted) for wanted in region.wanted] for region in self.regions]

    def _region(self, mask: Tensor | None, group: Sequence[Style], own: Sequence[Tensor]) -> Region:
        found = [[moments(x) for x in self._look(style.picture)[:-1]] for style in group]
        there = [mix(parts, [style.share for style in group]) for parts in zip(*found, strict=True)]
        strength = self.settings.strength
        here = [moments(x, mask) for x in own]
        wanted = [mix(pair, [strength, 1 - strength]) for pair in zip(there, here, strict=True)]
        return Region(wanted, mask, 1.0 if mask is None else float(mask.mean()))

    def _look(self, img: Tensor) -> list[Tensor]:
        # The network fills up with zeros at its border, which the painting would answer with a frame.
        seen: list[Tensor] = self.trunk(F.pad(img, (MARGIN,) * 4, mode="reflect"), [*self.layers, CONTENT_LAYER])
        return seen

    def __call__(self, img: Tensor) -> Tensor:
        """How far img [1, 3, H, W] is from it, a number."""
        *seen, content = self._look(img)
        loss: Tensor = self.settings.content * (content - self.content).square().sum() / self.energy
        for region, distances in zip(self.regions, self.distances, strict=True):
            each = [d(moments(x, region.mask)) for d, x in zip(distances, seen, strict=True)]
            loss = loss + self.settings.style * region.share * torch.stack(each).mean()
        return loss + self.settings.tv * roughness(img)


def roughness(img: Tensor) -> Tensor:
    """Mean squared difference of neighbours, [N, 3, H, W] -> a number."""
    across, down = img.diff(dim=-1), img.diff(dim=-2)
    return across.square().mean() + down.square().mean()


def _sized(style: Style, size: tuple[int, int], scale: float) -> Style:
    """The style in the size that goes with a content of `size` (height, width), its mask in that size."""
    height, width = style.picture.shape[-2:]
    factor = max(max(size) * scale / max(height, width), SMALLEST / min(height, width))
    picture = resized(style.picture, (max(SMALLEST, round(height * factor)), max(SMALLEST, round(width * factor))))
    mask = None if style.mask is None else F.interpolate(style.mask, size=size, mode="area")
    return replace(style, picture=picture, mask=mask)


def _groups(styles: Sequence[Style]) -> list[tuple[Tensor | None, list[Style]]]:
    """Styles by region: each mask is one, and what no mask covers is shared by the styles without."""
    masked = [style for style in styles if style.mask is not None]
    free = [style for style in styles if style.mask is None]
    groups: list[tuple[Tensor | None, list[Style]]] = [(style.mask, [style]) for style in masked]
    if free:
        masks = [style.mask for style in masked if style.mask is not None]
        groups.append((1 - torch.stack(masks).amax(dim=0) if masks else None, free))
    return groups


def _margin(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else F.pad(mask, (MARGIN,) * 4, mode="reflect")


def resized(img: Tensor, size: tuple[int, int]) -> Tensor:
    """img [N, C, H, W] in the size (height, width)."""
    if (img.shape[-2], img.shape[-1]) == size:
        return img
    return F.interpolate(img, size=size, mode="bicubic", antialias=True)
