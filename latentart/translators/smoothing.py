"""Calm films from translators that know nothing of time: what did not change in the input stays as it was.

A network drawn frame by frame turns the noise of a camera into flicker. Here the input is averaged over time where
its changes are no larger than its noise, and the output is held there too; where something moves, both are taken
as they come, so that nothing smears. No motion is estimated: the cost is a few operations on pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from latentart.errors import SettingsError
from latentart.media.transparency import rgb
from latentart.translators.base import Translator

Change = Callable[[Tensor, NDArray[np.float64]], Tensor]
"""Pictures [N, C, H, W] in [-1, 1] and when they are shown, u [N] in 0..1 -> pictures."""

CELL = 4
"""Pixels a side over which changes are measured: 48 values tell a faint motion from noise."""
LEAST_NOISE = 0.012
"""1.5 of 255, in [-1, 1]: what compression alone changes."""
MOST_NOISE = 0.12
STILL, MOVING = 1.35, 2.2
"""Change as multiples of the noise: below the first nothing has moved, above the second something has."""
REACH = 4
"""Cells by which motion spreads: a network sees it from there."""
MEMORY = 0.92
"""Of the noise estimate, per frame."""


def check_smoothing(amount: float) -> float:
    """Returns the amount, or raises SettingsError when it is no number from 0 to below 1."""
    if not 0 <= amount < 1:
        raise SettingsError(f"smoothing {amount!r} is out of range: give a number from 0 to below 1")
    return amount


class Smoothing:
    """The memory of one stream of pictures: `steady` the input, draw, `blend` the output.

    amount: 0..1; 0 changes nothing, 0.8 keeps four fifths of the picture before where nothing moves. A picture of
    another size, or `reset`, begins a new stream. Raises SettingsError.
    """

    def __init__(self, amount: float = 0.8) -> None:
        self.amount = check_smoothing(amount)
        self.reset()

    def reset(self) -> None:
        """Forgets the previous frames, as at a cut."""
        self._seen: Tensor | None = None
        self._made: Tensor | None = None
        self._noise: Tensor | None = None
        self._fresh: Tensor | None = None

    def steady(self, img: Tensor) -> Tensor:
        """img [N, C, H, W] in [-1, 1] -> the same without noise where it stands still."""
        if self._seen is None or self._seen.shape != img.shape:
            self.reset()
            self._seen = img
            return img
        change = img - self._seen
        self._noise = _noise(change, self._noise)
        self._fresh = 1 - self.amount * _stillness(change, self._noise)
        self._seen = torch.addcmul(self._seen, change, self._fresh)
        return self._seen

    def blend(self, made: Tensor) -> Tensor:
        """made [N, C, H, W], drawn from what `steady` gave -> the same, held where nothing moved."""
        if self._made is not None and self._fresh is not None and self._made.shape == made.shape:
            made = torch.lerp(self._made, made, self._fresh)
        self._made = made
        return made

    def renew(self) -> None:
        """The next picture is not held: what it is drawn with has changed."""
        self._made = None


def _noise(change: Tensor, before: Tensor | None) -> Tensor:
    """The deviation of the noise in a change [N, C, H, W] -> [N, 1, 1, 1].

    Pixels' differences across both directions see noise, and hardly see what moves; the median leaves edges out
    (Donoho and Johnstone 1994).
    """
    height, width = (side - side % 2 for side in change.shape[-2:])
    pairs = change[..., :height, :width].reshape(*change.shape[:2], height // 2, 2, width // 2, 2)
    fine = (pairs[..., 0, :, 0] - pairs[..., 0, :, 1] - pairs[..., 1, :, 0] + pairs[..., 1, :, 1]) / 2
    if not fine.numel():
        return change.new_full((len(change), 1, 1, 1), LEAST_NOISE)
    found = fine.abs().flatten(1).median(dim=1).values.view(-1, 1, 1, 1) / 0.6745
    found = found if before is None else torch.lerp(found, before, MEMORY)
    return found.clamp(LEAST_NOISE, MOST_NOISE)


def _stillness(change: Tensor, noise: Tensor) -> Tensor:
    """1 where a change [N, C, H, W] is noise only, 0 where something moves, soft between, [N, 1, H, W]."""
    energy = F.avg_pool2d(change.square().mean(dim=1, keepdim=True), CELL, ceil_mode=True)
    ratio = F.max_pool2d(energy.sqrt() / noise, 2 * REACH + 1, 1, REACH)
    still = ((MOVING - ratio) / (MOVING - STILL)).clamp(0, 1)
    return F.interpolate(still, size=change.shape[-2:], mode="bilinear", align_corners=False)


class Smoothed:
    """A translator that is calm in films: `translate` as the translator's own, on one stream of frames in order."""

    def __init__(self, T: Translator, amount: float = 0.8) -> None:
        self.T = T
        self.smoothing = Smoothing(amount)
        self._drawn_with: tuple[float, Tensor | None] | None = None

    def reset(self) -> None:
        """Forgets the previous frames and begins a new film."""
        self.smoothing.reset()

    def translate(self, img: Tensor, strength: float = 1.0, *, style: Tensor | None = None) -> Tensor:
        """See `Translator.translate`; a change of strength or style is seen at once."""
        if not self._same(strength, style):
            self.smoothing.renew()
        seen = self.smoothing.steady(rgb(img) if self.T.in_channels == 3 else img)
        return self.smoothing.blend(self.T.translate(seen, strength, style=style))

    def _same(self, strength: float, style: Tensor | None) -> bool:
        before, self._drawn_with = self._drawn_with, (strength, style)
        if before is None or before[0] != strength or (before[1] is None) != (style is None):
            return False
        return style is None or before[1] is style or bool(torch.equal(style, before[1]))  # type: ignore[arg-type]


def calmed(change: Change, amount: float, *, held: bool = True) -> Change:
    """A change of pictures over time, made calm; `held` False leaves its output alone, for one that moves by itself."""
    smoothing = Smoothing(amount)

    def calm(img: Tensor, u: NDArray[np.float64]) -> Tensor:
        made = change(smoothing.steady(rgb(img)), u)
        return smoothing.blend(made) if held else made

    return calm
