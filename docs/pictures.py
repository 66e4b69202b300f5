"""Renders the pictures of README and of the pages about films: python -m docs.pictures, from the repository's root."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from latentart import pixels
from latentart.cli.render.film import SEEDS
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.render import film as films
from latentart.render import stills
from latentart.render.film import Film
from latentart.render.frames import frames
from latentart.sinks.images import write_image

IMAGES = Path(__file__).parent / "images"
ALPHABET = Film(
    network="glyphs-64", seeds=(15,), classes="A-Z", seconds=26, fps="12", psi=1.0, easing="smooth", size=(192, 192)
)
WALKS = {
    "keyframes": Film(seeds=(46, 44, 11)),
    "orbit": Film(walk="orbit", seeds=(3, 44, 46), diameter=1.6),
    "drift": Film(walk="drift", seeds=(46,), turns=2),
}


def strip(G: Generator, film: Film, count: int = 8, side: int = 150) -> pixels.Frame:
    """`count` frames of a film, evenly spread over its loop, in one row."""
    path = films.make_path(film, G)
    shown = [next(frames(G, path, start=i, size=(side, side))) for i in np.arange(count) * path.num_frames // count]
    return pixels.sheet(shown, count, gap=2)


def save(name: str, picture: pixels.Frame) -> None:
    """One PNG of docs/images."""
    print(write_image(IMAGES / name, picture, overwrite=True))


def pace(G: Generator) -> None:
    """How far the picture moves with each frame, as-is above and even below: one bar a frame."""
    film = Film(seeds=SEEDS, seconds=4, fps="30")
    rows = []
    for name in ("as-is", "even"):
        path = films.make_path(Film(**{**film.__dict__, "pace": name}), G)
        shown = [frame.astype(np.float32) for frame in frames(G, path, size=(64, 64))]
        steps = [float(np.sqrt(np.square(b - a).mean())) for a, b in pairwise([*shown, shown[0]])]
        rows.append(bars(np.array(steps)))
        print(f"pace {name}: the largest step is {max(steps) / np.median(steps):.2f} x the median step")
    save("pace.png", pixels.sheet(rows, 1, gap=12, background=24))


def bars(values: np.ndarray, height: int = 90, width: int = 7) -> pixels.Frame:  # type: ignore[type-arg]
    """A bar chart, light on dark; the dashed line is the median."""
    picture = np.full((height, width * len(values), 3), 24, np.uint8)
    scale = height / 3.2 / np.median(values)
    for i, value in enumerate(values):
        top = height - min(height, round(value * scale))
        picture[top:, i * width : (i + 1) * width - 2] = (232, 178, 92)
    picture[height - round(height / 3.2), ::2] = (240, 240, 240)
    return picture


def main() -> None:
    """Every picture."""
    IMAGES.mkdir(exist_ok=True)
    landscapes, glyphs = load("landscapes-256"), load("glyphs-64")
    main_film = Film(seeds=SEEDS, seconds=12, fps="15", pace="even")
    for name, film, G in (("landscapes.webp", main_film, landscapes), ("alphabet.webp", ALPHABET, glyphs)):
        print(films.render(film, IMAGES / name, G=G, overwrite=True))
    for name, film in WALKS.items():
        save(f"walk-{name}.png", strip(landscapes, film))
    letters = stills.Stills(seeds=(15,) * 26, classes="A-Z", size=(96, 96))
    save("alphabet.png", pixels.sheet([frame for _, frame, _ in stills.pictures(glyphs, letters)], 13))
    pace(landscapes)


if __name__ == "__main__":
    main()
