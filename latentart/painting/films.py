"""Films painted frame by frame, each from the one before moved along with the picture (Ruder et al. 2016,
arXiv:1604.08610): strokes stay on what they were painted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.media.transparency import rgb
from latentart.painting import motion
from latentart.painting.gatys import Step, StyleOptimizer, fresh, nothing
from latentart.painting.goal import PaintingSettings, Style

STEPS = 12
"""For each frame after the first."""
RATE = 0.02
CONSISTENCY = 200.0
"""What it costs to differ from the frame before where that is believed, beside a content weight of 1."""


class FilmPainter:
    """Paints frames in order; calling it with the first of another film needs a new one.

    steps: for each frame after the first, which has those of `settings`. consistency: 0 lets each frame find its own
    strokes. on_step is called within each frame.
    """

    def __init__(
        self, styles: Sequence[Style], settings: PaintingSettings, *, device: torch.device | str = "cpu",
        steps: int = STEPS, consistency: float = CONSISTENCY, on_step: Step = nothing,
    ) -> None:  # fmt: skip
        self.styles, self.settings, self.device = list(styles), settings, device
        self.steps, self.consistency, self.on_step = steps, consistency, on_step
        self._before: tuple[Tensor, Tensor] | None = None

    def __call__(self, img: Tensor, u: NDArray[np.float64]) -> Tensor:
        """A frame [1, 3, H, W] in [-1, 1] -> its painting; u is not looked at."""
        content = rgb(img).to(self.device)
        first = self._before is None
        settings = self.settings if first else replace(self.settings, steps=self.steps)
        painter = StyleOptimizer(content, self.styles, settings, self.device)
        made = painter.run(self.on_step) if first else self._next(painter, content)
        self._before = (content, painter.now.detach() if settings.strength else content)
        return made

    def _next(self, painter: StyleOptimizer, content: Tensor) -> Tensor:
        if self.settings.strength == 0:
            return content
        assert self._before is not None
        before, painted = self._before
        with torch.no_grad():
            field = motion.flow(content, before)
            sure = motion.confidence(content, motion.warp(before, field))
            carried = motion.warp(painted, field).clamp(-1, 1)
        goal = painter.goal(painter.size)

        def held(now: Tensor) -> Tensor:
            return goal(now) + self.consistency * (sure * (now - carried).square()).mean()

        # What came into sight begins as it is.
        start = torch.lerp(content, carried, sure)
        painter.descend(held, fresh(start, RATE), self.steps, self.on_step, rest=True)
        return painter.picture
