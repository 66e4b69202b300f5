"""A wall of pictures, hung close. The walk enters in one of them and travels over the wall, as news does.

    latentart live
    python sketches/wall.py [http://localhost:8317]

The mouse says where it enters; a click asks for another seed, space for any.
"""

import sys
from collections import deque
from types import SimpleNamespace

import numpy as np
import py5
from PIL import Image

from latentart.sketch import Live

CELL, GAP, MARGIN = 104, 8, 40
COLUMNS, ROWS = 11, 6
SIDES = (3, 2, 2, 2, 2, 1)
"""Cells of a picture's side, in the order they are hung; single ones fill what is left."""
DELAY = 14.0
"""Pictures that the walk needs for one cell of the way."""
SEED = 11

live = Live(*sys.argv[1:2])
past: deque[dict[int, np.ndarray]] = deque(maxlen=int(DELAY * (COLUMNS + ROWS)))
source = np.array([COLUMNS / 2, ROWS / 2])
now = SimpleNamespace(seen=0, canvas=np.zeros((0, 0, 4), dtype=np.uint8))


def hang(seed: int) -> list[tuple[int, int, int]]:
    """(column, row, side) of every picture, without holes: large ones first, where there is room."""
    random = np.random.default_rng(seed)
    free = np.ones((ROWS, COLUMNS), dtype=bool)
    hung = []
    for side in [*SIDES, *[1] * (ROWS * COLUMNS)]:
        places = [
            (x, y)
            for y in range(ROWS - side + 1)
            for x in range(COLUMNS - side + 1)
            if free[y : y + side, x : x + side].all()
        ]
        if places:
            x, y = places[random.integers(len(places))]
            free[y : y + side, x : x + side] = False
            hung.append((x, y, side))
    return hung


WALL = hang(SEED)


def size_of(side: int) -> int:
    """Pixels of a picture that takes `side` cells."""
    return side * CELL + (side - 1) * GAP


def settings() -> None:
    py5.size(2 * MARGIN + size_of(COLUMNS), 2 * MARGIN + size_of(ROWS))


def setup() -> None:
    now.canvas = np.full((py5.height, py5.width, 4), (255, 10, 9, 9), dtype=np.uint8)


def draw() -> None:
    if live.received != now.seen and (frame := live.frame()) is not None:
        now.seen = live.received
        past.appendleft({n: scaled(frame, size_of(n)) for n in set(SIDES)})
    follow()
    for x, y, side in WALL:
        show(x, y, side)
    py5.set_np_pixels(now.canvas, bands="ARGB")


def scaled(frame: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).resize((side, side), Image.Resampling.BILINEAR))


def follow() -> None:
    """The place where the walk enters drifts to the mouse, or around the wall by itself."""
    if py5.mouse_x or py5.mouse_y:
        goal = (py5.mouse_x / (CELL + GAP), py5.mouse_y / (CELL + GAP))
    else:
        t = py5.frame_count / 60
        goal = (COLUMNS * (0.5 + 0.4 * np.sin(0.21 * t)), ROWS * (0.5 + 0.35 * np.sin(0.33 * t)))
    source[:] += (np.array(goal) - source) * 0.02


def show(x: int, y: int, side: int) -> None:
    """One picture: as old as it is far from the source, and a little darker."""
    if not past:
        return
    away = float(np.hypot(x + side / 2 - source[0], y + side / 2 - source[1]))
    picture = past[min(int(away * DELAY), len(past) - 1)][side]
    left, top = MARGIN + x * (CELL + GAP), MARGIN + y * (CELL + GAP)
    place = now.canvas[top : top + picture.shape[0], left : left + picture.shape[1], 1:]
    light = round(256 * max(0.35, 1 - 0.075 * away))
    np.right_shift(picture * np.uint16(light), 8, out=place, casting="unsafe")


def mouse_clicked() -> None:
    live.trigger("seed/next")


def key_pressed() -> None:
    if py5.key == " ":
        live.trigger("seed/random")


if __name__ == "__main__":
    try:
        py5.run_sketch()
    finally:
        live.close()
        py5.exit_sketch()
