"""Losses as a picture: one panel for each, its course as a bright line over a faint band of single steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from latentart.pixels import Frame

Curve = NDArray[np.float64]
Colour = tuple[int, int, int]
GROUND, PLATE, LINE, INK, SOFT = (8, 8, 10), (17, 17, 20), (42, 42, 49), (244, 241, 236), (165, 162, 160)
HUES = ((255, 184, 107), (143, 211, 255), (127, 224, 160), (255, 138, 160), (196, 170, 255), (240, 220, 130))
PANEL = (440, 236)
UNPLOTTED = ("step", "seconds", "kimg")
GAP, SCALE = 14, 2
LEFT, RIGHT, TOP, BOTTOM = 58, 18, 52, 34
"""Of a panel, around the curves; in pixels before SCALE, which makes the lines smooth."""


def losses(metrics: Sequence[dict[str, float]]) -> Frame:
    """Lines of metrics.jsonl -> uint8 [H, W, 3]: a panel for each loss over the steps."""
    # Some losses are measured in some steps only.
    names = [name for name in dict.fromkeys(name for line in metrics for name in line) if name not in UNPLOTTED]
    columns = min(len(names), 2)
    rows = math.ceil(len(names) / columns)
    width, height = (GAP + (side + GAP) * count for side, count in zip(PANEL, (columns, rows), strict=True))
    page = Image.new("RGB", (width * SCALE, height * SCALE), GROUND)
    for i, name in enumerate(names):
        known = [(line["step"], line[name]) for line in metrics if math.isfinite(line.get(name, math.nan))]
        panel = _panel(name, np.array(known or [(0, 0)], float), HUES[i % len(HUES)], metrics[-1]["step"])
        x, y = GAP + i % columns * (PANEL[0] + GAP), GAP + i // columns * (PANEL[1] + GAP)
        page.paste(panel, (x * SCALE, y * SCALE))
    return np.asarray(page.resize((width, height), Image.Resampling.LANCZOS))


def _panel(name: str, points: Curve, hue: Colour, last: float) -> Image.Image:
    """One loss: points [N, 2] of step and value, over steps 0 .. last."""
    size = (PANEL[0] * SCALE, PANEL[1] * SCALE)
    panel = Image.new("RGB", size, GROUND)
    draw = ImageDraw.Draw(panel)
    draw.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), 12 * SCALE, PLATE)
    steps, low, mean, high = _reduced(points)
    bottom, top, ticks = _scale(float(low.min()), float(np.quantile(high, 0.98)))
    axes = _Axes(last, bottom, top)
    _grid(draw, axes, ticks)
    band = [axes.at(*p) for p in [*zip(steps, high, strict=True), *zip(steps[::-1], low[::-1], strict=True)]]
    line = [axes.at(*p) for p in zip(steps, mean, strict=True)]
    if len(line) > 1:
        draw.polygon(band, tuple(int(0.82 * p + 0.18 * h) for p, h in zip(PLATE, hue, strict=True)))
        draw.line(line, hue, 2 * SCALE, "curve")
    x, y = line[-1]
    draw.circle((x, y), 3.5 * SCALE, hue)
    draw.text((16 * SCALE, 26 * SCALE), name, INK, _font(16), "lm")
    draw.text((size[0] - RIGHT * SCALE, 26 * SCALE), f"{mean[-1]:.3g}", hue, _font(18), "rm")
    return panel


def _grid(draw: ImageDraw.ImageDraw, axes: _Axes, ticks: Sequence[float]) -> None:
    """Lines and numbers of the values, and the first and last step."""
    for tick in ticks:
        draw.line([axes.at(0, tick), axes.at(axes.last, tick)], LINE, SCALE)
        draw.text((LEFT * SCALE - 8 * SCALE, axes.at(0, tick)[1]), f"{tick:g}", SOFT, _font(12), "rm")
    for step, anchor, label in ((0.0, "lm", "0"), (axes.last, "rm", f"step {axes.last:,.0f}")):
        draw.text((axes.at(step, 0)[0], (PANEL[1] - 16) * SCALE), label, SOFT, _font(12), anchor)


class _Axes:
    """Step and value -> pixel of a panel."""

    def __init__(self, last: float, bottom: float, top: float) -> None:
        self.last, self.bottom, self.top = last, bottom, top

    def at(self, step: float, value: float) -> tuple[float, float]:
        across = step / self.last
        up = (min(max(value, self.bottom), self.top) - self.bottom) / (self.top - self.bottom)
        width, height = PANEL[0] - LEFT - RIGHT, PANEL[1] - TOP - BOTTOM
        return (LEFT + across * width) * SCALE, (PANEL[1] - BOTTOM - up * height) * SCALE


def _reduced(points: Curve, most: int = 160) -> tuple[Curve, Curve, Curve, Curve]:
    """Steps, and the lowest, mean and highest value around each: at most `most` groups of neighbouring steps."""
    groups = np.array_split(points, min(most, len(points)))
    steps = np.array([group[-1, 0] for group in groups])
    values = [group[:, 1] for group in groups]
    mean = _smoothed(np.array([v.mean() for v in values]))
    return steps, np.array([v.min() for v in values]), mean, np.array([v.max() for v in values])


def _smoothed(values: Curve) -> Curve:
    """The mean of what lies around each place, further where there is much."""
    reach = len(values) // 24
    return np.array([values[max(0, i - reach) : i + reach + 1].mean() for i in range(len(values))])


def _scale(low: float, high: float) -> tuple[float, float, list[float]]:
    """Round limits around values and the ticks between them; from 0 unless the values are far from it."""
    low = 0.0 if 0 <= low < 0.6 * high else low
    span = max(high - low, abs(high) * 1e-3, 1e-9)
    rough = span / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= rough)
    first, last = math.floor(low / step), math.ceil((low + span) / step)
    return first * step, last * step, [round(k * step, 12) for k in range(first, last + 1)]


@cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size * SCALE)
