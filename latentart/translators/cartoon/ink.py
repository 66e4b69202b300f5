"""A cartoon without a network: flat colours and ink lines, the same for the same picture, nothing to fetch.

Surfaces are smoothed within their edges (iterated guided filters), lightness is drawn into a few soft levels
(Winnemoeller, Olsen and Gooch 2006), and lines are differences of Gaussians across the flow of the picture's edges
(Kang, Lee and Chui 2007; Winnemoeller 2011). Every step is smooth in its input, so that films do not flicker.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.translators.base import Translator
from latentart.translators.cartoon.guided_filter import guided_filter
from latentart.translators.cartoon.oklab import from_oklab, to_oklab
from latentart.weights.checkpoint import Checkpoint, Origin, Parts

FAMILY = "ink"
KIND = "cartoon"
BUILTIN = ("ink", "cartoon")
LOOKS_FOR = "no file: load it by its name"
LICENCE = "MIT, part of latentart"

REFERENCE = 512
"""The shorter side, in pixels, for which widths below are given; they grow with the picture."""
SURFACES = ((2, 0.004), (4, 0.002), (6, 0.001), (4, 0.001))
"""Radius and edge variance of each pass over the surfaces."""
COLOUR_EDGES = 4.0
"""How much steeper edges of colour count than those of lightness: colours span a smaller range."""
FINE, WIDE, THINNEST = 1.0, 1.6, 0.75
"""Width of a line's narrow Gaussian in pixels, how many times wider the other one is, and the least it can be."""
FLOW, STEPS = 3.5, 8
"""Width in pixels over which the direction of edges is gathered; steps along it, each way."""
FAINTEST, CONTRAST = 0.005, 95.0
"""The difference of Gaussians at which a line begins, and how soon it is full."""
SOFTEST, CRISPEST, STEEP = 5.0, 10.0, 0.03
"""Sharpness of steps where a surface is even and where it has edges; the gradient, per pixel, that counts as one."""
VIVID, PALE = 0.45, 0.08
"""How much more colour the pale ones get, and how much colour is no longer pale."""
INK_LIGHTNESS, INK_COLOUR = 0.16, 0.6
"""Lightness of ink, and how much of the colour below it keeps."""


class Ink(Translator):
    """The cartoon. lines: how dark ink is, 0 .. 2. levels: steps of lightness, 0 for none. smoothness: 0 .. 3."""

    licence = LICENCE
    smallest = 8

    def __init__(self, lines: float = 1.0, levels: int = 7, smoothness: float = 1.0) -> None:
        super().__init__()
        self.lines, self.levels, self.smoothness = _checked(lines, levels, smoothness)
        self.inferred = (f"lines {self.lines:g}", f"levels {self.levels}", f"smoothness {self.smoothness:g}")

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1] -> its cartoon."""
        scale = min(img.shape[-2:]) / REFERENCE
        lab = to_oklab(img)
        flat = surfaces(lab, self.smoothness, scale)
        ink = drawn((lab[:, :1] + flat[:, :1]) / 2, scale) if self.lines else torch.zeros_like(lab[:, :1])
        lightness = stepped(flat[:, :1], self.levels) if self.levels else flat[:, :1]
        return from_oklab(inked(torch.cat([lightness, vivid(flat[:, 1:])], dim=1), ink, self.lines))


def surfaces(lab: Tensor, smoothness: float, scale: float) -> Tensor:
    """lab [N, 3, H, W] smoothed within its edges. smoothness: 0 leaves it, 1 is flat, more is flatter."""
    weights = lab.new_tensor([1, COLOUR_EDGES, COLOUR_EDGES])[:, None, None]
    flat = lab * weights
    for radius, edge in SURFACES if smoothness else ():
        flat = guided_filter(flat, flat, max(1, round(radius * scale)), edge * smoothness**2)
    return flat / weights


def stepped(lightness: Tensor, levels: int) -> Tensor:
    """lightness [N, 1, H, W] drawn towards the middles of `levels` equal steps, softly where it hardly changes."""
    border = (lightness * levels).round() / levels
    down, across = gradient(lightness)
    steepness = ((down.square() + across.square()).sqrt() / STEEP).clamp(0, 1)
    sharpness = torch.lerp(torch.full_like(steepness, SOFTEST), torch.full_like(steepness, CRISPEST), steepness)
    # Half a step away from the border the value is the middle of its step, from either side.
    part = torch.tanh(sharpness * (lightness - border) * levels) / torch.tanh(sharpness / 2)
    return border + part / (2 * levels)


def vivid(colours: Tensor) -> Tensor:
    """colours [N, 2, H, W], the pale ones stronger, the strong ones as they are."""
    strength = colours.square().sum(1, keepdim=True).add(1e-12).sqrt()
    return colours * (1 + VIVID * torch.exp(-strength / PALE))


def drawn(lightness: Tensor, scale: float) -> Tensor:
    """Ink on lightness [N, 1, H, W]: 1 in the middle of a line, 0 away from lines."""
    width = max(THINNEST, FINE * scale)
    difference = blurred(lightness, WIDE * width) - blurred(lightness, width)
    steady = along(difference, tangents(lightness, max(THINNEST, FLOW * scale)), max(1.0, scale))
    return torch.tanh(CONTRAST * (steady - FAINTEST).clamp_min(0))


def tangents(lightness: Tensor, width: float) -> Tensor:
    """The direction in which lightness changes least, as (x, y) of length 1, [N, 2, H, W], gathered over `width`."""
    down, across = gradient(blurred(lightness, max(THINNEST, width / 2)))
    tensor = blurred(torch.cat([across * across, across * down, down * down], dim=1), width)
    steepest = torch.atan2(2 * tensor[:, 1:2], tensor[:, :1] - tensor[:, 2:]) / 2
    return torch.cat([-torch.sin(steepest), torch.cos(steepest)], dim=1)


def along(x: Tensor, flow: Tensor, step: float) -> Tensor:
    """x [N, 1, H, W] averaged along the flow [N, 2, H, W], `STEPS` steps of `step` pixels each way."""
    total, weights = x.clone(), 1.0
    both = torch.cat([flow, x], dim=1)
    for way in (1.0, -1.0):
        place, direction = _places(x), flow * way
        for number in range(1, STEPS + 1):
            place = place + direction * step
            ahead, found = _sampled(both, place).split_with_sizes([2, 1], dim=1)
            # A direction has no sign: it goes on the way it came.
            direction = ahead * torch.where((ahead * direction).sum(1, keepdim=True) < 0, -1.0, 1.0)
            weight = math.exp(-((number / STEPS) ** 2) * 2)
            total, weights = total + weight * found, weights + weight
    return total / weights


def inked(lab: Tensor, ink: Tensor, lines: float) -> Tensor:
    """lab [N, 3, H, W] with ink [N, 1, H, W] over it: dark, with some of the colour below."""
    black = torch.cat([lab[:, :1] * 0 + INK_LIGHTNESS, lab[:, 1:] * INK_COLOUR], dim=1)
    return torch.lerp(lab, black, (ink * lines).clamp(0, 1))


def blurred(x: Tensor, width: float) -> Tensor:
    """x [N, C, H, W] after a Gaussian of standard deviation `width` pixels."""
    radius = min(math.ceil(3 * width), min(x.shape[-2:]) - 1)
    at = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-((at / width) ** 2) / 2)
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    rows = F.conv2d(F.pad(x, (radius, radius, 0, 0), mode="reflect"), kernel[:, :, None], groups=x.shape[1])
    return F.conv2d(F.pad(rows, (0, 0, radius, radius), mode="reflect"), kernel[..., None], groups=x.shape[1])


def gradient(x: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences of x [N, C, H, W] downwards and to the right, per pixel."""
    wide = F.pad(x, (1, 1, 1, 1), mode="replicate")
    down = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2
    return down, (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2


def _places(x: Tensor) -> Tensor:
    """Where each pixel is, (x, y) in pixels, [N, 2, H, W]."""
    height, width = x.shape[-2:]
    down, across = torch.meshgrid(
        torch.arange(height, device=x.device, dtype=x.dtype),
        torch.arange(width, device=x.device, dtype=x.dtype),
        indexing="ij",
    )
    return torch.stack([across, down]).expand(len(x), -1, -1, -1)


def _sampled(x: Tensor, places: Tensor) -> Tensor:
    """x at these places, bilinear, the border going on."""
    size = x.new_tensor([x.shape[-1] - 1, x.shape[-2] - 1])[:, None, None]
    grid = (places / size * 2 - 1).permute(0, 2, 3, 1)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=True)


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """No file is an ink: it has no weights."""
    return False


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Never asked, since no file matches."""
    raise WeightsError(f"{str(origin.path)!r} is no file of {FAMILY}, which has none: load it as {FAMILY!r}")


def build(checkpoint: Checkpoint, lines: float = 1.0, levels: int = 7, smoothness: float = 1.0) -> Translator:
    """The cartoon with these switches: see `Ink`. Raises SettingsError for a value out of range."""
    return Ink(lines, levels, smoothness)


def _checked(lines: float, levels: int, smoothness: float) -> tuple[float, int, float]:
    for name, value, most in (("lines", lines, 2), ("levels", levels, 32), ("smoothness", smoothness, 3)):
        if not isinstance(value, (int, float)) or not math.isfinite(value) or not 0 <= value <= most:
            raise SettingsError(f"{name} {value!r} is out of range: give a number from 0 to {most}")
    return lines, int(levels), smoothness
