"""Pictures that the project draws itself, to take a style from: brush strokes, waves, a woodcut, a mosaic.

`python -m docs.style_art FOLDER` writes them as PNG.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

Array = NDArray[np.float64]
SIDE = 384
DUSK = ((18, 32, 84), (32, 62, 140), (58, 104, 178), (110, 160, 204), (236, 190, 70), (250, 226, 130), (214, 120, 40))
SEA = ((20, 40, 88), (36, 78, 128), (92, 140, 168), (176, 202, 204), (240, 232, 212))
EARTH = ((156, 42, 32), (204, 96, 44), (228, 170, 80), (62, 96, 88), (28, 52, 70), (234, 222, 194), (120, 60, 70))


def field(rng: np.random.RandomState, size: int, scale: float) -> Array:
    """Smooth noise [size, size], mean 0, deviation 1."""
    smooth = gaussian_filter(rng.standard_normal((size, size)), scale, mode="wrap")
    return (smooth - smooth.mean()) / smooth.std()


def strokes(seed: int = 1, size: int = SIDE) -> Image.Image:
    """Thick strokes that follow a swirling field, blue against yellow."""
    rng = np.random.RandomState(seed)
    potential, tone = field(rng, size, size / 9), field(rng, size, size / 14)
    gy, gx = np.gradient(potential)
    page = Image.new("RGB", (size, size), DUSK[1])
    pen = ImageDraw.Draw(page)
    for x, y in rng.uniform(0, size, (9000, 2)):
        lightness = np.clip((tone[int(y), int(x)] + 2.2) / 4.4, 0, 0.999)
        colour = np.array(DUSK[int(lightness * len(DUSK))]) + rng.normal(0, 16, 3)
        points = [(x, y)]
        for _ in range(7):
            i, j = int(points[-1][1]) % size, int(points[-1][0]) % size
            turn = np.array([-gy[i, j], gx[i, j]])
            points.append(tuple(np.array(points[-1]) + turn / (np.linalg.norm(turn) + 1e-9) * size / 110))
        fill = tuple(int(c) for c in np.clip(colour, 0, 255))
        pen.line(points, fill=fill, width=max(2, size // 85), joint="curve")
    return page.filter(ImageFilter.SMOOTH)


def waves(seed: int = 2, size: int = SIDE) -> Image.Image:
    """Swells in indigo with foam on their crests, on cream."""
    rng = np.random.RandomState(seed)
    page = Image.new("RGB", (size, size), SEA[4])
    pen = ImageDraw.Draw(page)
    x = np.linspace(0, 2 * np.pi, size)
    for row in range(26):
        base, reach = size * (row + 2) / 25, size * (0.015 + 0.035 * rng.rand())
        phase, count = rng.uniform(0, 7), rng.randint(2, 6)
        # Crests lean over: the sine of a sine.
        y = base + reach * np.sin(count * x + phase + 0.9 * np.sin(count * x + phase))
        body = SEA[rng.randint(0, 3)]
        pen.polygon([(0, size), *zip(np.arange(size), y, strict=True), (size, size)], fill=body)
        for depth in range(1, 5):
            shift = depth * size / 110
            tint = SEA[3] if depth % 2 else SEA[rng.randint(0, 3)]
            pen.line(list(zip(np.arange(size), y + shift, strict=True)), fill=tint, width=max(1, size // 190))
        pen.line(list(zip(np.arange(size), y, strict=True)), fill=SEA[4], width=size // 64)
        for at in rng.choice(size, 40):
            r = rng.uniform(0.3, 1.3) * size / 110
            top = y[at] + rng.normal(0, size / 130)
            pen.ellipse((at - r, top - r, at + r, top + r), fill=SEA[4])
    return page


def woodcut(seed: int = 3, size: int = SIDE) -> Image.Image:
    """Ink lines that swell and shrink along the slopes of a landscape of noise, and a little red."""
    rng = np.random.RandomState(seed)
    height, shade, red = field(rng, size, size / 8), field(rng, size, size / 12), field(rng, size, size / 10)
    y, x = np.mgrid[:size, :size] / size
    lines = np.sin(2 * np.pi * (34 * (y + 0.25 * x) + 2.2 * height))
    grain = gaussian_filter(rng.standard_normal((size, size)), (0.6, 3)) * 0.6
    ink = lines + grain > 0.9 * np.tanh(1.3 * shade)
    page = np.where(ink[..., None], np.array([26, 22, 24]), np.array([238, 226, 200]))
    page = np.where((~ink & (red > 1.0))[..., None], np.array([186, 48, 36]), page)
    return Image.fromarray(page.astype(np.uint8)).filter(ImageFilter.GaussianBlur(size / 700))


def mosaic(seed: int = 4, size: int = SIDE) -> Image.Image:
    """Small stones in rows that bend, with dark joints."""
    rng = np.random.RandomState(seed)
    bend, tone = field(rng, size, size / 5), field(rng, size, size / 11)
    count = 34
    at = (np.stack(np.meshgrid(np.arange(-2, count + 2), np.arange(-2, count + 2)), -1).reshape(-1, 2) + 0.5) / count
    at = at * size + rng.normal(0, size / count / 7, at.shape)
    inside = np.clip(at, 0, size - 1).astype(int)
    at[:, 1] += bend[inside[:, 1], inside[:, 0]] * size / 30
    y, x = np.mgrid[:size, :size]
    near, which = cKDTree(at).query(np.stack([x, y], -1).reshape(-1, 2), k=2)
    levels = np.clip((tone[inside[:, 1], inside[:, 0]] + 2) / 4 * len(EARTH), 0, len(EARTH) - 1).astype(int)
    stones = np.array(EARTH)[levels] + rng.normal(0, 13, (len(at), 3))
    page = stones[which[:, 0]].reshape(size, size, 3)
    joint = np.clip((near[:, 1] - near[:, 0]).reshape(size, size) / (size / 130), 0, 1)
    page = page * (0.25 + 0.75 * joint[..., None]) + 8
    return Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))


ALL = {"strokes": strokes, "waves": waves, "woodcut": woodcut, "mosaic": mosaic}

if __name__ == "__main__":
    for name, draw in ALL.items():
        draw().save(Path(sys.argv[1]) / f"{name}.png")
