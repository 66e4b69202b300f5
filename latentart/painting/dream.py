"""DeepDream: a picture is changed so that a network sees more of what it already sees in it (Mordvintsev et al. 2015).

Done octave by octave, small to large, where only what was dreamt is enlarged, so that the picture stays sharp. Where
it differs from the original: the gradient is evened out over its frequencies (a Laplacian pyramid, as in
TensorFlow's example of 2016), and follows the colours of the picture itself, which keeps neon away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import seeds
from latentart.errors import PictureError, SettingsError, check_limits
from latentart.features.load import SHIPPED, vgg16
from latentart.media.transparency import rgb
from latentart.painting.gatys import Step, nothing
from latentart.painting.goal import SMALLEST, resized

MOTIFS = {"scales": (81, 162, 228), "pearls": (26, 174, 195)}
"""Channels of relu3_3 that go well together."""

Wish = Callable[[Tensor], Tensor]
"""Activations [1, C, h, w] -> how much there is of what is wished for, a number."""


@dataclass(frozen=True, kw_only=True)
class DreamSettings:
    """What to dream of, and how deep.

    layer, channels: where the network looks; no channels are all of them. octaves: sizes, each `ratio` times the one
    before. steps: for each octave. rate: how far a step goes, in [-1, 1]. bands: of the gradient that are evened out, 0
    for none. colour: 0 any colours, 1 those of the picture. tile: the longest side that is looked at in one piece.
    """

    layer: str = "relu3_3"
    channels: tuple[int, ...] = ()
    octaves: int = 4
    ratio: float = 1.4
    steps: int = 10
    rate: float = 0.024
    bands: int = 3
    colour: float = 0.7
    tile: int = 512
    seed: int = 0
    features: str = SHIPPED


def check(settings: DreamSettings) -> DreamSettings:
    """Returns the settings, or raises SettingsError."""
    limits = {"octaves": (1, 12), "ratio": (1.05, 4), "steps": (1, 10_000), "rate": (0, 1), "bands": (0, 8),
              "colour": (0, 1), "tile": (64, 8192)}  # fmt: skip
    check_limits(settings, limits)
    seeds.check(settings.seed)
    return settings


class Dreamer:
    """A network with a wish. guide [1, 3, H, W] in [-1, 1]: a picture whose features are wished for.

    Raises SettingsError for an unknown layer or channel.
    """

    def __init__(
        self, settings: DreamSettings | None = None, *, guide: Tensor | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self.settings = check(settings or DreamSettings())
        self.device = torch.device(device)
        self.trunk = vgg16(self.settings.features, device)
        self.wish = _guided(self._look(rgb(guide).to(device))) if guide is not None else _more(self._channels())

    def _look(self, img: Tensor) -> Tensor:
        with torch.no_grad():
            (seen,) = self.trunk(img, [self.settings.layer])
        return cast(Tensor, seen)

    def _channels(self) -> Sequence[int]:
        count = self._look(torch.zeros(1, 3, SMALLEST, SMALLEST, device=self.device)).shape[1]
        for channel in self.settings.channels:
            if not 0 <= channel < count:
                what = f"{self.settings.layer} has no channel {channel!r}"
                raise SettingsError(f"{what}: give numbers from 0 to {count - 1}")
        return self.settings.channels

    def __call__(self, img: Tensor, on_step: Step = nothing, *, number: int = 0) -> Tensor:
        """img [1, 3 or 4, H, W] in [-1, 1] -> [1, 3, H, W]; `number` names the jitter of one of many pictures."""
        whole = rgb(img).to(self.device)
        height, width = whole.shape[-2:]
        if min(height, width) < SMALLEST:
            raise PictureError(f"a picture of {width}x{height} is too small to dream: give {SMALLEST} pixels or more")
        rng = seeds.stream(self.settings.seed, number)
        sizes = octaves((height, width), self.settings.octaves, self.settings.ratio)
        colours = _palette(whole, self.settings.colour)
        dreamt, done, total = torch.zeros_like(whole), 0, len(sizes) * self.settings.steps
        for size in sizes:
            base = resized(whole, size)
            now = base + resized(dreamt, size)
            for _ in range(self.settings.steps):
                shift = tuple(int(n) for n in rng.randint(0, 64, 2))
                now = (now + self.settings.rate * self._way(now, shift, colours)).clamp(-1, 1)
                done += 1
                on_step(done, total, lambda now=now: resized(now, (height, width)).clamp(-1, 1))  # type: ignore[misc]
            dreamt = now - base
        return (whole + dreamt).clamp(-1, 1)

    def _way(self, now: Tensor, shift: tuple[int, ...], colours: Tensor) -> Tensor:
        """Where to go from here, [1, 3, H, W], of mean size 1. Rolling the picture leaves no seams between tiles."""
        rolled = now.roll(shift, dims=(-2, -1))
        gradient = torch.zeros_like(rolled)
        for rows in _spans(rolled.shape[-2], self.settings.tile):
            for columns in _spans(rolled.shape[-1], self.settings.tile):
                piece = rolled[..., rows, columns].detach().requires_grad_()
                with torch.enable_grad():
                    wished = self.wish(self.trunk(piece, [self.settings.layer])[0])
                    gradient[..., rows, columns] = torch.autograd.grad(wished, piece)[0]
        gradient = equalize_bands(gradient.roll([-n for n in shift], dims=(-2, -1)), self.settings.bands)
        gradient = torch.einsum("dc,nchw->ndhw", colours, gradient)
        return gradient / gradient.abs().mean().clamp_min(1e-12)


def dream(
    img: Tensor,
    settings: DreamSettings | None = None,
    *,
    guide: Tensor | None = None,
    device: torch.device | str = "cpu",
    on_step: Step = nothing,
) -> Tensor:
    """img [1, 3 or 4, H, W] in [-1, 1] with what the network sees in it -> [1, 3, H, W]. Raises LatentartError."""
    return Dreamer(settings, guide=guide, device=device)(img, on_step)


def octaves(own: tuple[int, int], count: int, ratio: float) -> list[tuple[int, int]]:
    """(height, width) from small to large, ending with the picture's own; none below SMALLEST."""
    found = [(round(own[0] * ratio**-i), round(own[1] * ratio**-i)) for i in range(count - 1, -1, -1)]
    return [size for size in found if min(size) >= SMALLEST]


def equalize_bands(gradient: Tensor, bands: int) -> Tensor:
    """The gradient [1, 3, H, W] with the same deviation in each of `bands` octaves of its frequencies."""
    if not bands:
        return gradient
    made, rest = torch.zeros_like(gradient), gradient
    for band in range(bands):
        side = 2 ** (band + 1)
        last = band == bands - 1 or min(rest.shape[-2:]) < 2 * side
        low = torch.zeros_like(rest) if last else _blurred(rest, side)
        fine = rest - low
        made = made + fine / fine.std().clamp_min(1e-12)
        if last:
            break
        rest = low
    return made


def _blurred(x: Tensor, side: int) -> Tensor:
    small = F.avg_pool2d(x, side, ceil_mode=True, count_include_pad=False)
    return F.interpolate(small, size=x.shape[-2:], mode="bicubic", align_corners=False)


def _more(channels: Sequence[int]) -> Wish:
    """More of what is there: the gradient of half the square is the activation itself."""

    def wish(x: Tensor) -> Tensor:
        seen = x[:, list(channels)] if channels else x
        # Where a channel is silent it has no gradient; its mean brings it to life.
        return seen.square().mean() / 2 + (seen.mean() if channels else 0)

    return wish


def _guided(guide: Tensor) -> Wish:
    """Each place becomes more like that place of the guide which it goes with best."""
    there = guide[0].flatten(1)  # [C, places]

    def wish(x: Tensor) -> Tensor:
        here = x[0].flatten(1)
        with torch.no_grad():
            best = (here.T @ there).argmax(dim=1)
        return (here * there[:, best]).sum() / here.numel()

    return wish


def _palette(img: Tensor, amount: float) -> Tensor:
    """[3, 3]: how a change of one colour goes with the others in this picture, mixed with no relation at all."""
    flat = img[0].flatten(1)
    flat = flat - flat.mean(dim=1, keepdim=True)
    spread = flat @ flat.T / flat.shape[1]
    own = spread / spread.trace().clamp_min(1e-6) * 3
    return torch.lerp(torch.eye(3).to(img), own, amount)


def _spans(length: int, tile: int) -> list[slice]:
    """Equal pieces of at most `tile` pixels."""
    count = math.ceil(length / tile)
    edges = [round(i * length / count) for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]
