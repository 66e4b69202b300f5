"""How large and how clean a direction looks; amounts with which equal moves look equal; which side is plus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from latentart.features.lpips import Embedding, Lpips
from latentart.latent import space
from latentart.latent.directions import KNOTS, Direction, Directions
from latentart.models.base import Generator

Array = NDArray[np.float64]
NEAREST, FARTHEST = 0.1, 10.0
"""Standard deviations that one unit may have; a direction that needs more does next to nothing."""
LOOK = 128
"""Pictures are compared at this size at most."""


@dataclass(frozen=True)
class Ground:
    """The pictures that directions are tried on: ws [N, num_ws, w_dim] of a few seeds."""

    G: Generator
    ws: Tensor
    lpips: Lpips

    def draw(self, direction: Direction, amount: float) -> Tensor:
        """Pictures [N, C, h, w] with `amount` of the direction, at most LOOK pixels wide."""
        far = float(direction.far(np.asarray(amount, dtype=np.float64)))
        vector = torch.from_numpy(direction.rows(self.G.num_ws)).to(self.ws)
        with torch.inference_mode():
            # One at a time, which is fastest on a processor.
            made = [shrunk(self.G.synthesis(w[None], noise_mode="const")) for w in self.ws + far * vector]
        return torch.cat(made).clamp(-1, 1)

    def distances(self, direction: Direction, amounts: Sequence[float]) -> Array:
        """LPIPS from each amount to the next, mean over the pictures, [len(amounts) - 1]."""
        seen: list[Embedding] = []
        with torch.inference_mode():
            seen = [self.lpips.embed(self.draw(direction, amount)) for amount in amounts]
            return np.array([float(self.lpips.distance(a, b).mean()) for a, b in pairwise(seen)])


def ground(G: Generator, lpips: Lpips, count: int = 6, *, first: int = 1000, psi: float = 0.7) -> Ground:
    """Seeds first, first + 1 ... (and as many classes, spread over the model's) at truncation psi."""
    mixes: list[dict[int, float]] = [{i * G.c_dim // count: 1.0} for i in range(count)] if G.c_dim else []
    z = space.z_of(G, range(first, first + count))
    return Ground(G, space.to_ws(G, z, space.c_of(G, mixes), psi=psi), lpips)


def shrunk(img: Tensor) -> Tensor:
    """Averaged down to at most LOOK pixels a side."""
    factor = max(1, max(img.shape[2:]) // LOOK)
    return F.avg_pool2d(img, factor) if factor > 1 else img


def calibrated(
    place: Ground,
    book: Directions,
    *,
    step: float | None = None,
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> Directions:
    """The directions with curves after which every unit changes the picture equally, by LPIPS `step` on average.

    step: by default what one standard deviation of these directions does, at their upper quartile. Directions are
    turned so that plus brightens, and carry effect, cleanness and sign. One that would need more than FARTHEST
    standard deviations for a unit stays there, with the smaller effect it has.
    """
    speeds = np.array([_speed(place, direction) for direction in book])
    wanted = float(np.quantile(np.square(speeds), 0.75)) if step is None else step
    found = []
    for number, (direction, speed) in enumerate(zip(book, speeds, strict=True), start=1):
        found.append(judged(place, _evened(place, direction, float(speed), wanted)))
        on_done(number, len(book))
    return book.like(found, step=round(wanted, 5))


def _speed(place: Ground, direction: Direction) -> float:
    """Length per multiple of the vector near the middle. LPIPS is a squared distance: its root is a length."""
    around = place.distances(replace(direction, curve=()), (-0.5, 0.5))
    return float(np.sqrt(around[0]))


def _evened(place: Ground, direction: Direction, speed: float, step: float) -> Direction:
    """With the curve along which the picture covers equal lengths; measured at seven places, then read backwards."""
    unit = float(np.clip(np.sqrt(step) / max(speed, 1e-9), NEAREST, FARTHEST))
    tried = unit * np.asarray(KNOTS, dtype=np.float64)
    lengths = np.sqrt(place.distances(replace(direction, curve=()), tried.tolist()))
    along = np.concatenate([[0.0], np.cumsum(np.maximum(lengths, 1e-6))])
    along -= along[len(KNOTS) // 2]
    wanted = np.sqrt(step) * np.asarray(KNOTS)
    limit = FARTHEST * np.abs(KNOTS)
    places = np.clip(_straight_on(wanted, along, tried), -limit, limit)
    evened = replace(direction, curve=tuple(places))
    # Pictures do not change along a straight line, so that lengths do not quite add up: one correction.
    around = float(place.distances(evened, (-2, -1, 0, 1, 2)).mean())
    places = np.clip(places * np.clip(np.sqrt(step / max(around, 1e-9)), 0.5, 2), -limit, limit)
    return replace(direction, curve=tuple(round(float(p), 4) + 0.0 for p in places))


def _straight_on(x: Array, xs: Array, ys: Array) -> Array:
    """Linear interpolation that goes on beyond its ends as it arrived there."""
    first, last = (ys[1] - ys[0]) / (xs[1] - xs[0]), (ys[-1] - ys[-2]) / (xs[-1] - xs[-2])
    return np.asarray(np.interp(x, xs, ys) + np.minimum(x - xs[0], 0) * first + np.maximum(x - xs[-1], 0) * last)


def judged(place: Ground, direction: Direction) -> Direction:
    """With effect, cleanness and a sign: plus is the side where the picture gets brighter."""
    low, high = place.draw(direction, -1), place.draw(direction, 1)
    if float((high - low).mean()) < 0:
        direction, low, high = direction.turned(), high, low
    effect = float(place.distances(direction, (-1, 0, 1)).mean())
    return replace(direction, effect=round(effect, 4), clean=round(cleanness(low, high), 3), sign=words(low, high))


def cleanness(low: Tensor, high: Tensor) -> float:
    """How alike the changes low -> high of N pictures are, seen on a 16x16 grid: length of the mean change over the
    root mean square length; 1 for the same change everywhere, 1/sqrt(N) for unrelated ones."""
    change = F.adaptive_avg_pool2d(high - low, 16).flatten(1)
    return float(change.mean(dim=0).norm() / change.square().sum(dim=1).mean().sqrt().clamp_min(1e-9))


def _half(x: Tensor, which: int) -> Tensor:
    middle = x.shape[2] // 2
    part = x[:, :, :middle] if which == 0 else x[:, :, middle:]
    return part.mean(dim=(1, 2, 3))


Measure = tuple[Callable[[Tensor], Tensor], str, str]
MEASURES: dict[str, Measure] = {
    "light": (lambda x: x.mean(dim=(1, 2, 3)), "brighter", "darker"),
    "sky": (lambda x: _half(x, 0) - _half(x, 1), "lighter above", "lighter below"),
    "side": (lambda x: _half(x.transpose(2, 3), 0) - _half(x.transpose(2, 3), 1), "lighter left", "lighter right"),
    "contrast": (lambda x: x.std(dim=(1, 2, 3)), "more contrast", "flatter"),
    "detail": (lambda x: (x[..., 1:] - x[..., :-1]).abs().mean(dim=(1, 2, 3)), "rougher", "smoother"),
}
COLOURS: dict[str, Measure] = {
    "warmth": (lambda x: (x[:, 0] - x[:, 2]).mean(dim=(1, 2)), "warmer", "cooler"),
    "green": (lambda x: (x[:, 1] - (x[:, 0] + x[:, 2]) / 2).mean(dim=(1, 2)), "greener", "less green"),
    "colour": (lambda x: (x.amax(dim=1) - x.amin(dim=1)).mean(dim=(1, 2)), "more colourful", "greyer"),
}


def words(low: Tensor, high: Tensor, most: int = 3) -> str:
    """What plus does, by simple measures of light and colour, the largest first: 'brighter, cooler'.

    A measure is named when it moves the same way in nearly all pictures and by more than a little.
    """
    words: list[tuple[float, str]] = []
    for measure, more, less in (MEASURES | (COLOURS if low.shape[1] >= 3 else {})).values():
        change = measure(high) - measure(low)
        strength = float(change.mean().abs())
        if strength > 0.02 and strength > float(change.std(correction=0)):
            words.append((strength, more if float(change.mean()) > 0 else less))
    return ", ".join(word for _, word in sorted(words, reverse=True)[:most])


def ranked(book: Directions) -> Directions:
    """The largest and cleanest first: by the length one standard deviation makes, times cleanness."""
    return book.like(sorted(book, key=lambda d: -d.clean * d.effect**0.5 / d.unit))
