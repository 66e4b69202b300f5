"""How fast this machine is with a model: pictures, films, the live loop, projection. Figures and a chart."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont

from latentart import engine
from latentart.engine import gradients, machine
from latentart.errors import LatentartError
from latentart.features import load as features
from latentart.models.base import Generator
from latentart.projection.search.loss import LARGEST, likeness
from latentart.render import film as films

FILM_FRAMES = 150
LIVE_FRAMES = 120
PROJECTION_STEPS = 1000
"""Usual number of steps of a projection: enough to be worth recording a CUDA graph."""
PER_SECOND = "pictures/s"


@dataclass(frozen=True)
class Figure:
    """One measurement: what, value, unit and settings; `why` is the reason where it could not be made."""

    what: str
    value: float
    unit: str = PER_SECOND
    how: str = ""
    why: str = ""


@dataclass(frozen=True)
class Bench:
    """The figures of one model on one machine."""

    network: str
    size: tuple[int, int]
    """(width, height)."""
    device: str
    date: str
    versions: Mapping[str, str]
    figures: tuple[Figure, ...]


def measure(G: Generator, *, quick: bool = False, on_figure: Callable[[Figure], None] = lambda figure: None) -> Bench:
    """Measures everything there is, about a minute; quick spends a tenth of it. on_figure is called after each."""
    found = []
    for figure in _figures(G, 0.1 if quick else 1.0):
        on_figure(figure)
        found.append(figure)
    date = datetime.now(UTC).date().isoformat()
    size = (G.img_size[1], G.img_size[0])
    return Bench(G.name, size, machine.device_name(G.device), date, machine.versions(), tuple(found))


def _figures(G: Generator, effort: float) -> Iterator[Figure]:
    yield from _pictures(G, effort)
    yield _attempt("film, end to end", lambda: _film(G, max(8, int(FILM_FRAMES * effort))))
    yield _attempt("live, without waiting", lambda: _live(G, max(8, int(LIVE_FRAMES * effort))))
    yield _attempt("projection steps", lambda: _projection(G, 4 * effort))


def _attempt(what: str, measured: Callable[[], tuple[float, str]]) -> Figure:
    try:
        value, how = measured()
    except (LatentartError, ModuleNotFoundError) as error:
        return Figure(what, 0.0, why=str(error))
    return Figure(what, value, "steps/s" if what.startswith("projection") else PER_SECOND, how)


def _pictures(G: Generator, effort: float) -> Iterator[Figure]:
    wishes = {"again": True, "measure": effort}
    one = engine.compile(G, output="uint8", **wishes)  # type: ignore[arg-type]
    plain = next(trial for trial in one.trials if trial.name == "eager")
    yield Figure("one picture", one.trial.milliseconds, "ms", one.trial.name)
    yield Figure("plain PyTorch, batch 1", 1000 / plain.milliseconds, how=plain.name)
    yield Figure("master, batch 1", 1000 / one.trial.milliseconds, how=one.trial.name)
    eight = engine.compile(G, output="uint8", batch=8, **wishes)  # type: ignore[arg-type]
    yield Figure("master, batch 8", 1000 / eight.trial.milliseconds, how=eight.trial.name)
    live = engine.compile(G, output="uint8", precision="live", **wishes)  # type: ignore[arg-type]
    yield Figure("live precision, batch 1", 1000 / live.trial.milliseconds, how=live.trial.name)


def _film(G: Generator, count: int) -> tuple[float, str]:
    """Frames per second from latents to a finished H.264 file in the model's own size."""
    film = films.Film(seeds=(3, 11, 20), seconds=count / 30, classes="0" if G.c_dim else None)
    synthesis = films.engine_for(film, G, planes=True)
    with tempfile.TemporaryDirectory() as folder:
        films.render(film, Path(folder) / "warm.mp4", G=G, synthesis=synthesis)
        began = time.perf_counter()
        made = films.render(film, Path(folder) / "film.mp4", G=G, synthesis=synthesis)
        took = time.perf_counter() - began
    return made.frames / took, f"{synthesis.trial.name}, H.264"


def _live(G: Generator, count: int) -> tuple[float, str]:
    """Frames per second of the instrument, the painter and one JPEG encoder, with nothing to wait for."""
    from latentart.live.play.instrument import Instrument
    from latentart.live.play.painter import Painter
    from latentart.live.wire.encode import BEST, jpeg

    instrument, painter = Instrument(G, 60.0), Painter(G)

    def draw(frames: int) -> float:
        began = time.perf_counter()
        for _ in range(frames):
            instrument.tick()
            jpeg(painter.paint(instrument.shot())[0], BEST.quality)
        return time.perf_counter() - began

    draw(3)
    return count / draw(count), f"{painter.choice}, JPEG"


def _projection(G: Generator, seconds: float) -> tuple[float, str]:
    """Steps per second toward one picture: synthesis, LPIPS at 256 pixels or less and their gradient to ws."""
    distance = features.lpips(device=G.device)
    ws = G.w_avg.repeat(1, G.num_ws, 1)
    with torch.no_grad():
        near = likeness(distance, G.synthesis(ws + 0.1), LARGEST)
    slopes = gradients.slopes(lambda v: near(G.synthesis(v["ws"])), {"ws": ws}, PROJECTION_STEPS)
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        began = time.perf_counter()
        slopes({"ws": ws})[0].tolist()  # which waits for the device
        times.append(time.perf_counter() - began)
    return 1 / sorted(times)[len(times) // 2], f"{slopes.choice}, LPIPS {distance.name}"


def record(bench: Bench) -> dict[str, Any]:
    """Plain JSON values, to compare machines."""
    return {
        "network": bench.network,
        "size": list(bench.size),
        "device": bench.device,
        "date": bench.date,
        "versions": dict(bench.versions),
        "figures": [vars(figure) for figure in bench.figures],
    }


def title(bench: Bench) -> tuple[str, str]:
    """Title and subtitle of the table: model and size; device, date and versions."""
    versions = ", ".join(f"{name} {version}" for name, version in bench.versions.items() if version)
    return f"{bench.network}, {bench.size[0]}x{bench.size[1]}", f"{bench.device} · {bench.date} · {versions}"


INK, GREY, BAR, PALE, PAPER = "#1d2430", "#75808f", "#2f6f8f", "#c9d6de", "#fbfaf7"


def chart(bench: Bench) -> Image.Image:
    """Bars of everything that is counted in pictures or steps per second, plain PyTorch in a paler tone."""
    bars = [figure for figure in bench.figures if figure.unit != "ms"]
    row, top, left, right = 62, 136, 330, 930
    picture = Image.new("RGB", (1200, top + row * len(bars) + 34), PAPER)
    draw = ImageDraw.Draw(picture)
    heading, where = title(bench)
    draw.text((48, 34), heading, INK, _font(34))
    draw.text((48, 84), where, GREY, _font(17))
    longest = max((figure.value for figure in bars), default=1.0) or 1.0
    for i, figure in enumerate(bars):
        y = top + row * i
        end = left + (right - left) * figure.value / longest
        draw.text((left - 18, y + 20), figure.what, INK, _font(19), anchor="rm")
        if figure.why:
            draw.text((left, y + 20), figure.why[:80], GREY, _font(16), anchor="lm")
            continue
        draw.rectangle((left, y + 4, max(end, left + 2), y + 36), PALE if figure.what.startswith("plain") else BAR)
        draw.text((end + 14, y + 14), f"{figure.value:,.0f} {figure.unit}", INK, _font(20), anchor="lm")
        draw.text((end + 14, y + 34), figure.how, GREY, _font(14), anchor="lm")
    return picture


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
