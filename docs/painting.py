"""The painting that the style network `waves` learned from, drawn by numbers: python -m docs.painting [SEED [FILE]].

Waves as in a woodcut: paper, indigo, foam and gold leaf. It is drawn by this project, under its licence.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Plane = NDArray[np.float64]
SIDE, FINER = 640, 2
PAPER, DUSK, SUN = (243, 231, 205), (233, 178, 128), (222, 84, 52)
LIGHT, DEEP, INK, GOLD, FOAM = (132, 176, 188), (27, 62, 116), (16, 24, 52), (226, 170, 72), (250, 246, 232)
LAYERS = 8


def paint(seed: int = 7, side: int = SIDE) -> NDArray[np.uint8]:
    """uint8 [side, side, 3]."""
    rng = np.random.RandomState(seed)
    count = side * FINER
    y, x = np.mgrid[:count, :count] / count
    page = sky(rng, x, y)
    for layer in range(LAYERS):
        page = wave(rng, page, x, y, layer)
    grain = 1 + 0.02 * clouds(rng, count, 0.0012) + 0.015 * clouds(rng, count, 0.02)
    image = Image.fromarray(np.clip(page * grain[:, :, None], 0, 255).astype(np.uint8))
    return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS))


def clouds(rng: np.random.RandomState, count: int, size: float) -> Plane:
    """Smooth noise of deviation 1 whose forms are about `size` of the picture."""
    coarse = max(1, int(size * count / 4))
    small = rng.randn(count // coarse + 2, count // coarse + 2)
    soft = ndimage.gaussian_filter(small, size * count / coarse, mode="wrap")
    large = ndimage.zoom(soft, coarse, order=1)[:count, :count] if coarse > 1 else soft[:count, :count]
    return np.asarray((large - large.mean()) / large.std())


def mixed(page: NDArray[np.float64], colour: tuple[int, int, int], share: Plane) -> NDArray[np.float64]:
    """The page with `share` (0..1) of a colour over it."""
    return page + (np.array(colour) - page) * np.clip(share, 0, 1)[:, :, None]


def cut(phase: Plane, width: Plane | float) -> Plane:
    """Lines where the fraction of `phase` is within `width` of a whole number, soft by a hair."""
    away = np.abs(phase - np.round(phase))
    return np.clip((width - away) * 14 + 0.5, 0, 1)


def sky(rng: np.random.RandomState, x: Plane, y: Plane) -> NDArray[np.float64]:
    """Paper that turns to dusk, cut in wavering lines, and a sun with its rings."""
    page = mixed(np.ones((*x.shape, 3)) * PAPER, DUSK, (y - 0.02) * 1.7)
    waver = 0.008 * clouds(rng, len(x), 0.12) + 0.003 * clouds(rng, len(x), 0.03)
    page = mixed(page, GOLD, 0.75 * cut((y + waver) * 62, 0.09 + 0.22 * (1 - y * 2.4)))
    far = np.hypot(x - 0.67, y - 0.26) + 0.0015 * clouds(rng, len(x), 0.05)
    page = mixed(page, FOAM, (far < 0.2) * 0.55)
    page = mixed(page, SUN, (0.145 - far) * 400)
    return mixed(page, GOLD, cut(far * 58, 0.11) * (far < 0.2) * 0.9)


def wave(rng: np.random.RandomState, page: NDArray[np.float64], x: Plane, y: Plane, layer: int) -> NDArray[np.float64]:
    """One row of waves over what lies behind it: body, lines that follow it, foam, outline."""
    near = layer / (LAYERS - 1)
    count = len(x)
    reach = 0.03 + 0.09 * near
    wx = x + 0.5 * reach * clouds(rng, count, 0.10) + 0.14 * (y - 0.4 - 0.07 * layer)
    wy = y + 0.25 * reach * clouds(rng, count, 0.07)
    turn = 2 * np.pi * (wx * (5.2 - 3.2 * near) + rng.rand())
    crest = np.abs(np.sin(turn / 2)) ** 0.75  # peaks are sharp, troughs are wide
    depth = wy - (0.47 + 0.075 * layer) + reach * 1.25 * (1 - crest) - 0.02
    inside = np.clip(depth * count / 2, 0, 1)
    body = mixed(np.ones_like(page) * LIGHT, DEEP, depth / (0.035 + 0.07 * near) + 0.12 * clouds(rng, count, 0.04))
    lines = (depth + 0.0035 * clouds(rng, count, 0.05)) * (95 - 45 * near)
    body = mixed(body, INK, cut(lines, 0.30 * np.clip(depth / 0.06, 0.12, 0.8)))
    body = mixed(body, FOAM, 0.85 * cut(lines + 0.5, 0.10 + 0.05 * clouds(rng, count, 0.03)))
    body = mixed(body, GOLD, cut(lines / 4 + 0.5, 0.035) * (depth > 0.04))
    fingers = 0.010 + 0.012 * near + (0.006 + 0.012 * near) * clouds(rng, count, 0.010 + 0.008 * near)
    foam = (depth < fingers * (0.35 + crest)).astype(float)
    spray = (clouds(rng, count, 0.0045) > 2.1) & (depth > -0.05 * near) & (depth < 0.05)
    body = mixed(body, INK, ndimage.gaussian_filter(ndimage.binary_dilation(foam > 0, iterations=3) - foam, 0.7))
    body = mixed(body, FOAM, foam)
    page = page + (body - page) * inside[:, :, None]
    page = mixed(page, INK, np.clip(1.6 - np.abs(depth) * count / 2.2, 0, 1))
    return mixed(page, FOAM, ndimage.gaussian_filter(spray.astype(float), 0.8) * near)


if __name__ == "__main__":
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "images" / "training" / "waves.jpg"
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(paint(seed)).save(target, quality=90)
    print(target)
