"""The contact sheet of a model's directions: one row each, from -3 to +3."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from latentart import pixels
from latentart.latent import bending, space
from latentart.latent.directions import KNOTS, Direction, Directions
from latentart.latent.discovery.stylespace import Channel
from latentart.media import transparency
from latentart.models.base import Generator

CELL = 128
MARGIN = 190
INK, PAPER = 40, 250


def sheet(
    G: Generator,
    book: Directions,
    seeds: Sequence[int],
    *,
    psi: float = space.PSI,
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
    rows = [
        np.hstack([_label(d, cell), _row(G, d, seed, i, psi=psi, classes=classes, cell=cell)])
        for i, (d, seed) in enumerate(pairs)
    ]
    return np.vstack([_head(cell), *rows])


def channels(
    G: Generator, found: Sequence[Channel], ws: Tensor, *, cell: int = CELL, reach: float = 4.0
) -> pixels.Frame:
    """The same for style channels, from -3 reach to +3 reach standard deviations; ws [N, ...] take the rows in turn."""
    rows = []
    for i, channel in enumerate(found):
        amounts = reach * np.asarray(KNOTS, dtype=np.float64)
        draws = [bending.Bends(G, [channel.bend(f"{amount:g}")]).at(np.zeros(1)) for amount in amounts]
        cells = [_cell(draw(ws[[i % len(ws)]]), cell) for draw in draws]
        label = _label(Direction(f"{channel.layer}/{channel.number}", np.zeros(1), source="style"), cell)
        rows.append(np.hstack([label, pixels.sheet(cells, len(cells), gap=2, background=PAPER)]))
    return np.vstack([_head(cell), *rows])


def _row(
    G: Generator, direction: Direction, seed: int, number: int, *, psi: float, classes: str | None, cell: int
) -> pixels.Frame:
    mixes = space.parse_classes(G, classes) if classes else [{number * 7 % G.c_dim: 1.0}] if G.c_dim else []
    ws = space.to_ws(G, space.z_of(G, [seed]), space.c_of(G, [mixes[number % len(mixes)]] if mixes else []), psi=psi)
    vector = torch.from_numpy(direction.rows(G.num_ws)).to(ws)
    places = direction.far(np.asarray(KNOTS, dtype=np.float64))
    cells = [_cell(G.synthesis(ws + float(far) * vector), cell) for far in places]
    return pixels.sheet(cells, len(cells), gap=2, background=PAPER)


def _cell(img: Tensor, cell: int) -> pixels.Frame:
    frame = pixels.to_uint8(pixels.resize_straight(img, (cell, cell)))[0]
    return np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else transparency.over(frame)


def _label(direction: Direction, cell: int) -> pixels.Frame:
    page = Image.new("RGB", (MARGIN, cell + 4), (PAPER,) * 3)
    draw = ImageDraw.Draw(page)
    draw.text((10, 10), direction.name, fill=(INK,) * 3, font=ImageFont.load_default(18))
    source = direction.source if direction.source != direction.name else f"clean {direction.clean:.2f}"
    draw.text((10, 38), source, fill=(130,) * 3, font=ImageFont.load_default(12))
    for line, word in enumerate(direction.sign.split(", ")[: (cell - 58) // 16]):
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
