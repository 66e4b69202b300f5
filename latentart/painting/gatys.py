"""The style of one picture, the content of another, no training (Gatys, Ecker and Bethge 2016, arXiv:1508.06576).

The picture itself is searched, by gradient descent through a frozen network, from coarse to fine. Where it differs
from the paper: Adam, whose moments are carried from one size to the next; each layer's distance is a part of what is
wanted there, so that weights mean the same for every picture; average pooling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from latentart import seeds
from latentart.errors import PictureError
from latentart.features.load import vgg16
from latentart.media.transparency import rgb
from latentart.painting import colours
from latentart.painting.goal import SMALLEST, Goal, PaintingSettings, Style, check, prepared, resized

COARSEST = 96
"""The longest side that a search begins at, about."""
RATE = 0.05
BETAS = (0.9, 0.99)

Step = Callable[[int, int, Callable[[], Tensor]], None]
"""on_step(done, total, draw): draw() gives the painting so far, [1, 3, H, W]."""


def nothing(done: int, total: int, draw: Callable[[], Tensor]) -> None:
    """The callback that reports no step."""


class StyleOptimizer:
    """One search. `picture` is the painting so far at any time, so that Ctrl-C need not lose it.

    content [1, 3 or 4, H, W] in [-1, 1]; styles: one or more. Raises SettingsError, PictureError.
    """

    def __init__(
        self, content: Tensor, styles: Sequence[Style], settings: PaintingSettings, device: torch.device | str = "cpu"
    ) -> None:
        self.settings = check(settings)
        self.trunk = vgg16(settings.features, device, average_pool=True)
        self.content = rgb(content).to(device)
        height, width = self.size = (content.shape[-2], content.shape[-1])
        if min(self.size) < SMALLEST:
            raise PictureError(f"a picture of {width}x{height} is too small to paint: give {SMALLEST} pixels or more")
        self.styles = prepared(styles, self.content, settings)
        self.total = settings.steps
        self.done = 0
        self.now = begin(self.content, settings)

    @property
    def picture(self) -> Tensor:
        """The painting so far, [1, 3, H, W] in [-1, 1]."""
        whole = resized(self.now.detach(), self.size).clamp(-1, 1)
        return colours.with_luma_of(self.content, whole) if self.settings.keep_colours == "luminance" else whole

    def run(self, on_step: Step = nothing) -> Tensor:
        """Paints, and returns `picture`. on_step is called after each step."""
        if self.settings.strength == 0:
            return self.content
        levels, optimiser = sizes(self.size), None
        for size, steps in zip(levels, shares(self.total, len(levels)), strict=True):
            optimiser = _carried(self.now, size, optimiser)
            self.descend(self.goal(size), optimiser, steps, on_step, rest=size == self.size)
        return self.picture

    def goal(self, size: tuple[int, int]) -> Goal:
        """What the picture is to become like at a size (height, width)."""
        with torch.no_grad():
            return Goal(self.trunk, resized(self.content, size), self.styles, self.settings)

    def descend(
        self, goal: Callable[[Tensor], Tensor], optimiser: torch.optim.Adam, steps: int, on_step: Step, *, rest: bool
    ) -> None:
        """Runs the given number of optimization steps on one picture; `rest`: the last ones are small."""
        img = self.now = optimiser.param_groups[0]["params"][0]
        rate = optimiser.param_groups[0]["lr"]
        for step in range(steps):
            if rest:
                optimiser.param_groups[0]["lr"] = rate * min(1.0, 3 * (1 - step / steps) + 0.1)
            with torch.enable_grad():
                optimiser.zero_grad()
                goal(img).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            with torch.no_grad():
                img.clamp_(-1, 1)
            self.done += 1
            on_step(self.done, self.total, lambda: self.picture)


def paint(
    content: Tensor,
    styles: Sequence[Style],
    settings: PaintingSettings | None = None,
    *,
    device: torch.device | str = "cpu",
    on_step: Step = nothing,
) -> Tensor:
    """content [1, 3 or 4, H, W] in [-1, 1], painted in these styles -> [1, 3, H, W]. Raises LatentartError."""
    return StyleOptimizer(content, styles, settings or PaintingSettings(), device).run(on_step)


def sizes(own: tuple[int, int]) -> list[tuple[int, int]]:
    """(height, width) from coarse to fine, each twice the one before, ending with the picture's own."""
    height, width = own
    count = max(0, round(math.log2(max(height, width) / COARSEST)))
    found = [(round(height * 2.0**-power), round(width * 2.0**-power)) for power in range(count, -1, -1)]
    return [size for size in found if min(size) >= SMALLEST]


def shares(steps: int, levels: int) -> list[int]:
    """Steps for each size: half of them for the last, the others alike."""
    before = [steps // (2 * (levels - 1))] * (levels - 1) if levels > 1 else []
    return [*before, steps - sum(before)]


def begin(content: Tensor, settings: PaintingSettings) -> Tensor:
    """Where the search begins: the content, or noise around its mean colour."""
    if settings.init == "content":
        return content
    noise = torch.from_numpy(seeds.stream(settings.seed).standard_normal(tuple(content.shape))).to(content)
    return (content.mean(dim=(2, 3), keepdim=True) + 0.3 * noise).clamp(-1, 1)


def fresh(img: Tensor, rate: float = RATE) -> torch.optim.Adam:
    """An optimiser for a copy of the picture."""
    return torch.optim.Adam([img.detach().clone().requires_grad_()], lr=rate, betas=BETAS)


def _carried(now: Tensor, size: tuple[int, int], before: torch.optim.Adam | None) -> torch.optim.Adam:
    """An optimiser for the picture in a new size, with the moments of the one before, resized."""
    optimiser = fresh(resized(now.detach(), size).clamp(-1, 1))
    # After no step at all there are no moments yet.
    for old in before.state.values() if before else ():
        optimiser.state[optimiser.param_groups[0]["params"][0]] = {
            "step": old["step"].clone(),
            "exp_avg": resized(old["exp_avg"], size),
            "exp_avg_sq": resized(old["exp_avg_sq"], size).clamp_min(0),
        }
    return optimiser
