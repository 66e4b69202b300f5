"""Grains of light that run along the slopes of the picture and take its colours: a drawing that never dries.

    latentart live
    python sketches/particles.py [http://localhost:8317]

The mouse stirs them; a click asks for another seed, space for any, up and down change how long traces last.
"""

import sys
from types import SimpleNamespace

import numpy as np
import py5
from PIL import Image

from latentart.sketch import Live

WIDTH, HEIGHT = 1120, 700
GRAINS = 26_000
FIELD = (160, 100)
"""The picture as the grains feel it."""
SPEED = 2.3
LIFE = (30, 140)
"""Frames that a grain lives, at least and at most."""
STIR, REACH = 5.0, 130.0

live = Live(*sys.argv[1:2])
random = np.random.default_rng(5)
where = random.random((GRAINS, 2), dtype=np.float32) * (WIDTH, HEIGHT)
left = random.integers(1, LIFE[1], GRAINS)
light = np.zeros((HEIGHT, WIDTH, 3), dtype=np.float32)
canvas = np.full((HEIGHT, WIDTH, 4), 255, dtype=np.uint8)
colours = np.zeros((FIELD[1], FIELD[0], 3), dtype=np.float32)
flow = np.zeros((FIELD[1], FIELD[0], 2), dtype=np.float32)
now = SimpleNamespace(fade=0.962, seen=0)


def settings() -> None:
    py5.size(WIDTH, HEIGHT)


def draw() -> None:
    if live.received != now.seen and (frame := live.frame()) is not None:
        now.seen = live.received
        feel(frame)
    np.multiply(light, now.fade, out=light)
    move()
    paint()
    np.minimum(light, 255, out=canvas[..., 1:], casting="unsafe")
    py5.set_np_pixels(canvas, bands="ARGB")


def feel(frame: np.ndarray) -> None:
    """Colours, and the direction along the slope at every place: level ground lets them drift sideways."""
    height = frame.shape[1] * HEIGHT // WIDTH
    top = (frame.shape[0] - height) // 2
    crop = Image.fromarray(frame[top : top + height])
    colours[:] = vivid(np.asarray(crop.resize(FIELD, Image.Resampling.BOX), dtype=np.float32))
    bright = np.asarray(crop.convert("L").resize(FIELD, Image.Resampling.BICUBIC), dtype=np.float32)
    down, across = np.gradient(bright)
    along = np.stack([-down, across], axis=-1)
    steep = np.linalg.norm(along, axis=-1, keepdims=True)
    drift = np.array([0.55, 0.06], dtype=np.float32)
    flow[:] = 0.75 * flow + 0.25 * (along / (steep + 4) + drift)


def vivid(colour: np.ndarray) -> np.ndarray:
    """Many grains add up to white: what is to stay a colour must begin as a strong one."""
    grey = colour.mean(axis=-1, keepdims=True)
    return np.clip(grey + 1.9 * (colour - grey), 0, 255)


def cells() -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the field under each grain."""
    column = np.clip((where[:, 0] * (FIELD[0] / WIDTH)).astype(np.intp), 0, FIELD[0] - 1)
    row = np.clip((where[:, 1] * (FIELD[1] / HEIGHT)).astype(np.intp), 0, FIELD[1] - 1)
    return row, column


def move() -> None:
    """One step along the slope; who is old or has left begins again somewhere else."""
    where[:] += SPEED * flow[cells()] + random.normal(0, 0.22, where.shape)
    if py5.mouse_x or py5.mouse_y:
        stir(np.array([py5.mouse_x, py5.mouse_y], dtype=np.float32))
    left[:] -= 1
    gone = (left <= 0) | (where < 0).any(axis=1) | (where >= (WIDTH - 1, HEIGHT - 1)).any(axis=1)
    count = int(gone.sum())
    where[gone] = random.random((count, 2), dtype=np.float32) * (WIDTH - 1, HEIGHT - 1)
    left[gone] = random.integers(*LIFE, count)


def stir(hand: np.ndarray) -> None:
    away = where - hand
    far = np.linalg.norm(away, axis=1, keepdims=True) + 1
    turn = np.stack([-away[:, 1], away[:, 0]], axis=1) / far
    where[:] += STIR * turn * np.exp(-((far / REACH) ** 2))


def paint() -> None:
    """Each grain leaves its colour where it is, on two pixels, as a pen does."""
    x, y = where[:, 0].astype(np.intp), where[:, 1].astype(np.intp)
    ink = colours[cells()] * 0.36
    light[y, x] += ink
    light[y, np.minimum(x + 1, WIDTH - 1)] += 0.45 * ink


def mouse_clicked() -> None:
    live.trigger("seed/next")


def key_pressed() -> None:
    if py5.key == " ":
        live.trigger("seed/random")
    longer = {py5.UP: 0.006, py5.DOWN: -0.006}.get(py5.key_code, 0.0)
    now.fade = min(max(now.fade + longer, 0.85), 0.992)


if __name__ == "__main__":
    try:
        py5.run_sketch()
    finally:
        live.close()
        py5.exit_sketch()
