"""The contact sheet of a model's directions: one row each, from -3 to +3."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from latentart import pixels
from latentart.latent import space
from latentart.latent.directions import KNOTS, Direction, Directions
from latentart.models.base import Generator

CELL = 128
MARGIN = 190
INK, PAPER = 40, 250


def sheet(
    G: Generator,
    book: Directions,
    seeds: Sequence[int],
    *,
    psi: float = 0.7,
    classes: str | None = None,
    each: bool = False,
    cell: int = CELL,
) -> pixels.Frame:
    """uint8 [H, W, 3]: name and sign at the left, then the picture with -3 ... +3 units of the direction.

    seeds: rows take them in turn; each: every direction on every seed. classes: as `--class`; by default classes
    are spread over the rows.
    """
    pairs = [(d, seed) for d in book for seed in seeds] if each else [
        (d, seeds[i % len(seeds)]) for i, d in enumerate(book)
    ]  # fmt: skip
    rows = [np.hstack([_label(d, cell), _row(G, d, seed, i, psi, classes, cell)]) for i, (d, seed) in enumerate(pairs)]
    return np.vstack([_head(cell), *rows])


def _row(
    G: Generator, direction: Direction, seed: int, number: int, psi: float, classes: str | None, cell: int
) -> pixels.Frame:
    mixes = space.parse_classes(G, classes) if classes else [{number * 7 % G.c_dim: 1.0}] if G.c_dim else []
    ws = space.to_ws(G, space.z_of(G, [seed]), space.c_of(G, [mixes[number % len(mixes)]] if mixes else []), psi=psi)
    vector = torch.from_numpy(direction.rows(G.num_ws)).to(ws)
    cells = []
    for far in direction.far(np.asarray(KNOTS, dtype=np.float64)):
        with torch.inference_mode():
            img = pixels.resize(G.synthesis(ws + float(far) * vector), (cell, cell))
        frame = pixels.to_uint8(img)[0]
        cells.append(np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else frame[..., :3])
    return pixels.sheet(cells, len(cells), gap=2, background=PAPER)


def _label(direction: Direction, cell: int) -> pixels.Frame:
    page = Image.new("RGB", (MARGIN, cell + 4), (PAPER,) * 3)
    draw = ImageDraw.Draw(page)
    draw.text((10, 10), direction.name, fill=(INK,) * 3, font=ImageFont.load_default(18))
    source = direction.source if direction.source != direction.name else f"clean {direction.clean:.2f}"
    draw.text((10, 38), source, fill=(130,) * 3, font=ImageFont.load_default(12))
    for line, word in enumerate(direction.sign.split(", ")[:3]):
        draw.text((10, 58 + 16 * line), f"+ {word}" if word else "", fill=(90,) * 3, font=ImageFont.load_default(12))
    return np.asarray(page)


def _head(cell: int) -> pixels.Frame:
    page = Image.new("RGB", (MARGIN + len(KNOTS) * (cell + 2) + 2, 26), (PAPER,) * 3)
    draw = ImageDraw.Draw(page)
    for i, knot in enumerate(KNOTS):
        middle = MARGIN + 2 + i * (cell + 2) + cell // 2
        draw.text(
            (middle, 14), f"{knot:+d}" if knot else "0", fill=(130,) * 3, font=ImageFont.load_default(13), anchor="mm"
        )
    return np.asarray(page)
