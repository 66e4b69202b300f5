"""Maps: a plane of pictures through a latent space, as a sheet and as a page to wander in.

Four planes: two directions ('axes'), seeds by likeness, classes and what lies between them, saved latents by likeness.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from latentart import files, pixels
from latentart.errors import SettingsError
from latentart.latent import directions, saved, space, truncation
from latentart.latent.directions import Directions
from latentart.media import transparency
from latentart.models.base import Generator

Array = NDArray[np.float64]
LARGEST = 64
"""Cells a side."""
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Cell:
    """One picture of a map: what to draw, what to call it, and what choosing it copies and plays."""

    ws: Tensor  # [1, num_ws, w_dim]
    label: str
    copied: str
    played: dict[str, Any] = field(default_factory=dict)
    """Parameters that show it on a live server, beside the latent."""


@dataclass(frozen=True)
class Map:
    """A map of latent space: its cells row by row, `columns` cells in each row."""

    title: str
    columns: int
    cells: list[Cell]


def axes(
    G: Generator,
    book: Directions,
    names: tuple[str, str],
    *,
    columns: int = 15,
    reach: float = 3.0,
    seed: int | None = None,
    label: str | None = None,
) -> Map:
    """Two directions across and up, from -reach to reach around the mean picture, or around that of a seed.

    label: the class, for models with classes (the first by default). Raises SettingsError.
    """
    found = [directions.named(G, book, name) for name in names]
    vectors = [torch.from_numpy(d.rows(G.num_ws)).to(G.w_avg) for d in found]
    home = _home(G, seed, label)
    places = np.linspace(-reach, reach, _side(columns))
    cells = []
    for b in places[::-1]:
        for a in places:
            far = [float(d.far(np.asarray(amount))) for d, amount in zip(found, (a, b), strict=True)]
            ws = home + far[0] * vectors[0] + far[1] * vectors[1]
            label = f"{names[0]} {a:+.2f}, {names[1]} {b:+.2f}"
            cells.append(Cell(ws, label, f"--edit {names[0]}={a:.2f} --edit {names[1]}={b:.2f}"))
    return Map(f"{G.name}: {names[0]} across, {names[1]} up", len(places), cells)


def _home(G: Generator, seed: int | None, label: str | None) -> Tensor:
    mixes = _class(G, label)
    if seed is not None:
        return space.to_ws(G, space.z_of(G, [seed]), space.c_of(G, mixes), psi=space.PSI)
    return truncation.class_mean(G, next(iter(mixes[0]))) if mixes else G.w_avg.expand(1, G.num_ws, -1)


def _class(G: Generator, label: str | None) -> list[space.ClassMix]:
    """The class of that name, the first by default; none for a model without."""
    return space.parse_classes(G, label)[:1] if label else [{0: 1.0}] if G.c_dim else []


def seeds(G: Generator, names: Sequence[int], *, psi: float = space.PSI, label: str | None = None) -> Map:
    """Seeds, laid out so that pictures that look alike lie side by side. label: a class, for models with classes."""
    z, c = space.z_of(G, names), space.c_of(G, _class(G, label))
    ws = space.to_ws(G, z, None if c is None else np.repeat(c, len(z), axis=0), psi=psi)
    played = [{"walk/mode": "hold", "seed": name, "psi": psi} for name in names]
    cells = [Cell(w[None], f"seed {n}", str(n), p) for w, n, p in zip(ws, names, played, strict=True)]
    return _by_likeness(G, f"{G.name}: {len(cells)} seeds, alike beside alike", cells)


def latents(G: Generator, sources: Sequence[str | Path]) -> Map:
    """Saved latents (projected pictures), laid out by likeness. Raises WeightsError."""
    found = torch.from_numpy(saved.read_all(sources, G.num_ws, G.w_dim)).to(G.w_avg)
    cells = [Cell(w[None], f"latent {i}", json.dumps(_numbers(w))) for i, w in enumerate(found)]
    return _by_likeness(G, f"{G.name}: {len(cells)} saved latents", cells)


def classes(G: Generator, *, columns: int = 24, seed: int = 15, psi: float = space.PSI) -> Map:
    """A plane of classes: each has a place, alike beside alike, and between them are their mixes, of one seed.

    Raises SettingsError for a model without classes.
    """
    if not G.c_dim:
        raise SettingsError(f"{G.name} has no classes: draw another plane")
    z = space.z_of(G, [seed])
    places = spread(truncation.class_means(G, range(G.c_dim))[:, 0].double().cpu().numpy())
    side = _side(columns)
    cells = []
    for y in (np.arange(side) + 0.5) / side:
        for x in (np.arange(side) + 0.5) / side:
            mix = near(places, np.array([x, y]))
            ws = space.to_ws(G, z, space.c_of(G, [mix]), psi=psi)
            cells.append(Cell(ws, *_mix_text(G, mix), {"walk/mode": "hold", "seed": seed, "psi": psi, **_pair(mix)}))
    return Map(f"{G.name}: {G.c_dim} classes and what lies between them", side, cells)


def near(places: Array, here: Array) -> dict[int, float]:
    """Class -> weight at a point: the nearest three, each by how much nearer than the fourth it is; continuous."""
    away = np.linalg.norm(places - here, axis=1)
    order = np.argsort(away, kind="stable")[:4]
    if len(order) < 4:
        return {int(order[0]): 1.0}
    share = (1 - away[order[:3]] / max(away[order[3]], 1e-9)) ** 2
    if share.sum() < 1e-9:
        return {int(order[0]): 1.0}
    share = share / share.sum()
    return {int(i): float(s) for i, s in zip(order, share, strict=False) if s > 0.01}


def _mix_text(G: Generator, mix: dict[int, float]) -> tuple[str, str]:
    parts = [(G.class_names[i] if G.class_names else str(i), share) for i, share in mix.items()]
    return " ".join(f"{name} {share:.0%}" for name, share in parts), "--class " + "+".join(
        f"{name}:{share:.2f}" for name, share in parts
    )


def _pair(mix: dict[int, float]) -> dict[str, Any]:
    """What a live server can show of a mix: its two largest classes."""
    (a, more), (b, less) = (*sorted(mix.items(), key=lambda item: -item[1]), (next(iter(mix)), 0.0))[:2]
    return {"class/a": a, "class/b": b, "class/mix": round(less / (more + less), 3)}


def spread(points: Array) -> Array:
    """[n, D] -> places [n, 2] in 0..1, each its own cell of a square grid, near where the two widest axes put it."""
    centred = points - points.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    flat = np.zeros((len(points), 2))
    flat[:, : min(2, left.shape[1])] = (left * size)[:, :2]
    # Ranks fill the plane evenly where distances would crowd the middle.
    ranks = (flat.argsort(axis=0).argsort(axis=0) + 0.5) / len(points)
    side = int(np.ceil(np.sqrt(len(points))))
    grid = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2) + 0.5) / side
    cost = np.square(ranks[:, None] - grid[None]).sum(axis=2)
    rows, cells = linear_sum_assignment(cost)
    return np.asarray(grid[cells[np.argsort(rows)]])


def _by_likeness(G: Generator, title: str, cells: list[Cell]) -> Map:
    """Cells in the order of a square, alike beside alike, as 8x8 pictures see it."""
    looks = np.stack([_look(G, cell.ws) for cell in cells])
    places = spread(looks)
    side = _side(int(np.ceil(np.sqrt(len(cells)))))
    order = np.lexsort((places[:, 0], places[:, 1]))
    return Map(title, side, [cells[i] for i in order])


def _look(G: Generator, ws: Tensor) -> Array:
    with torch.inference_mode():
        small = torch.nn.functional.adaptive_avg_pool2d(G.synthesis(ws, noise_mode="const"), 8)
    return small.flatten().double().cpu().numpy()


def _side(columns: int) -> int:
    if not 1 <= columns <= LARGEST:
        raise SettingsError(f"a map of {columns!r} columns: give 1 to {LARGEST}")
    return columns


def draw(G: Generator, plane: Map, cell: int = 96, on_done: Report = lambda done, total: None) -> pixels.Frame:
    """The map as one picture, uint8 [rows * cell, columns * cell, 3]."""
    drawn = []
    for number, each in enumerate(plane.cells, start=1):
        with torch.inference_mode():
            img = pixels.resize_straight(G.synthesis(each.ws, noise_mode="const"), (cell, cell))
        frame = pixels.to_uint8(img)[0]
        drawn.append(np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else transparency.over(frame))
        on_done(number, len(plane.cells))
    return pixels.sheet(drawn, plane.columns)


def write_page(path: str | Path, plane: Map, sheet: pixels.Frame, *, overwrite: bool = False) -> Path:
    """One self-contained HTML page to pan, zoom and copy from; on a live server it plays the picture that is chosen."""
    page = resources("latentart.render").joinpath("map.html").read_text(encoding="utf-8")
    facts = {
        "title": plane.title, "columns": plane.columns, "cell": sheet.shape[1] // plane.columns,
        "cells": [{"label": c.label, "copied": c.copied, "played": c.played} for c in plane.cells],
        "latents": _packed([c.ws for c in plane.cells]),
    }  # fmt: skip
    # What is inside a script may not close it.
    text = json.dumps(facts, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    image = "data:image/webp;base64," + base64.b64encode(_webp(sheet)).decode()
    return files.write_text(path, page.replace("/*FACTS*/null", text).replace("IMAGE", image), overwrite=overwrite)


def _packed(ws: list[Tensor]) -> dict[str, Any]:
    """Latents as 16-bit numbers in base64: [cells, width] with a common scale; one w where all rows are the same."""
    stack = torch.cat(ws).float().cpu()
    flat = stack[:, 0] if bool((stack == stack[:, :1]).all()) else stack.flatten(1)
    top = float(flat.abs().amax().clamp_min(1e-6))
    numbers = (flat / top * 32767).round().to(torch.int16).numpy().astype("<i2")
    return {"width": flat.shape[1], "scale": top / 32767, "data": base64.b64encode(numbers.tobytes()).decode()}


def _numbers(w: Tensor) -> list[float]:
    rows = w[0] if bool((w == w[:1]).all()) else w.flatten()
    return [round(float(value), 4) for value in rows]


def _webp(sheet: pixels.Frame) -> bytes:
    buffer = io.BytesIO()
    pixels.to_image(sheet).save(buffer, "WEBP", quality=82)
    return buffer.getvalue()
