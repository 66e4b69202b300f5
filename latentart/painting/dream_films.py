"""Dreams that move: an endless zoom in which each frame dreams on what the one before left, and dreams on films."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from latentart.errors import SettingsError
from latentart.media.transparency import rgb
from latentart.painting import colours, motion
from latentart.painting.dream import Dreamer, DreamSettings
from latentart.painting.gatys import Step, nothing

OCTAVES, STEPS = 2, 3
"""For each frame after the first: what was dreamt before is still there."""
RETURN = 0.35
"""The part of a loop in which it finds back to its beginning."""
COLOUR_HOLD = 0.08
"""How far each frame is drawn to the colours of the first, so that hundreds of frames do not drift into neon."""
CARRIED = 0.75
"""How much of the dream of the frame before goes on in a film."""


def zoom(
    img: Tensor,
    settings: DreamSettings | None = None,
    *,
    frames: int,
    rate: float = 1.01,
    turn: float = 0.0,
    loop: bool = False,
    guide: Tensor | None = None,
    device: torch.device | str = "cpu",
    on_step: Step = nothing,
) -> Iterator[Tensor]:
    """Yields the pictures [1, 3, H, W] of a flight into the dream of img [1, 3 or 4, H, W] in [-1, 1].

    rate: how much larger things are from frame to frame; turn: radians a frame. loop: the last frames find back to
    the first, which is dreamt over them on its way in, so that the motion goes through the seam. Raises SettingsError.
    """
    if frames < 1 or not 0.5 < rate < 2 or not math.isfinite(turn):
        raise SettingsError(f"{frames!r} frames, zoom {rate!r} a frame, turn {turn!r}: give 1 frame or more, 0.5 to 2")
    settings = settings or DreamSettings()
    first = now = Dreamer(settings, guide=guide, device=device)(img, on_step)
    further = Dreamer(_shallow(settings), guide=guide, device=device)
    for number in range(1, frames + 1):
        yield now
        if number == frames:
            return
        now = further(moved(now, rate, turn), number=number)
        now = torch.lerp(now, colours.matched(now, first), COLOUR_HOLD)
        back = _back(number, frames) if loop else 0.0
        if back:
            left = frames - number
            now = torch.lerp(now, moved(first, rate**-left, -turn * left), back)


def _shallow(settings: DreamSettings) -> DreamSettings:
    return replace(settings, octaves=min(OCTAVES, settings.octaves), steps=min(STEPS, settings.steps))


def _back(number: int, frames: int) -> float:
    """How far this frame goes back to the first. What was mixed into the frames before is still there, so that each
    adds only its own part: together they make a smooth step from 0 to 1 over the last part of the loop.
    """
    before, now = (_smooth((at / frames - 1 + RETURN) / RETURN) for at in (number - 1, number))
    return 1 - (1 - now) / (1 - before)


def _smooth(t: float) -> float:
    t = max(0.0, t)
    return t * t * (3 - 2 * t)


def moved(img: Tensor, rate: float, turn: float) -> Tensor:
    """img [1, 3, H, W] seen from nearer by `rate` and turned about its middle; mirrored where it ends."""
    height, width = img.shape[-2:]
    cos, sin, shape = math.cos(turn) / rate, math.sin(turn) / rate, height / width
    turned = torch.tensor([[[cos, -sin * shape, 0.0], [sin / shape, cos, 0.0]]], dtype=img.dtype, device=img.device)
    grid = F.affine_grid(turned, list(img.shape), align_corners=False)
    return F.grid_sample(img, grid, mode="bicubic", padding_mode="reflection", align_corners=False).clamp(-1, 1)


class FilmDreamer:
    """Dreams on the frames of a film in order; what was dreamt moves along with what it was dreamt on."""

    def __init__(
        self, settings: DreamSettings | None = None, *, guide: Tensor | None = None, device: torch.device | str = "cpu"
    ) -> None:
        settings = settings or DreamSettings()
        self.deep = Dreamer(settings, guide=guide, device=device)
        self.shallow = Dreamer(_shallow(settings), guide=guide, device=device)
        self._before: tuple[Tensor, Tensor] | None = None

    def __call__(self, img: Tensor, u: NDArray[np.float64]) -> Tensor:
        """A frame [1, 3, H, W] in [-1, 1] -> its dream; u is not looked at."""
        content = rgb(img).to(self.deep.device)
        if self._before is None:
            made = self.deep(content)
        else:
            before, dreamt = self._before
            field = motion.flow(content, before)
            sure = motion.confidence(content, motion.warp(before, field))
            made = self.shallow(torch.lerp(content, motion.warp(dreamt, field).clamp(-1, 1), CARRIED * sure))
        self._before = (content, made)
        return made
