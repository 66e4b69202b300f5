"""Makes the pictures of docs/projection.md: python docs/projection_pictures.py, from the repository's root.

The photographs are scikit-image's samples (astronaut: NASA; rocket: SpaceX; coffee: Rachel Michetti; Chelsea the cat:
Stefan van der Walt; all CC0 or public domain). Projections are kept in out/projection-pages, so a second run is quick.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage.data
import torch
from torch import Tensor

from latentart import pixels
from latentart.frames import frames
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.projection import bundle, edits
from latentart.projection.bundle import Projection
from latentart.projection.project import Projector, Settings
from latentart.projection.target import make_target
from latentart.sinks.images import write_image
from latentart.sinks.sink import open_sink
from latentart.walks import keyframes

IMAGES = Path(__file__).parent / "images" / "projection"
KEPT = Path("out/projection-pages")
PHOTOGRAPHS = ("rocket", "coffee", "chelsea", "astronaut")
SHOWN = PHOTOGRAPHS[:3]
KINDS = {
    "w": Settings("standard", "w"),
    "w+": Settings("standard", "w+"),
    "tuned": Settings("standard", "w+", tune=True),
}
SIDE = 192


def projection(p: Projector, name: str, kind: str) -> Projection:
    """One photograph projected in one way, from the folder or anew."""
    path = KEPT / f"{name}-{kind}.npz"
    if not path.exists():
        photograph = np.ascontiguousarray(getattr(skimage.data, name)())
        bundle.save(p.project([make_target(photograph, p.G, name=name)], KINDS[kind])[0], path)
        print(path)
    return bundle.load(path)


def frame(img: Tensor, side: int = SIDE) -> pixels.Frame:
    """One picture [1, C, H, W] as a small frame."""
    found: pixels.Frame = pixels.to_uint8(pixels.resize(img.clamp(-1, 1), (side, side)))[0]
    return found


def draw(G: Generator, ws: Tensor) -> pixels.Frame:
    """The picture of one code."""
    with torch.no_grad():
        return frame(G.synthesis(ws))


def photograph(G: Generator, name: str) -> pixels.Frame:
    """The target itself."""
    return frame(make_target(np.ascontiguousarray(getattr(skimage.data, name)()), G).img)


def main() -> None:
    """All pictures of the page."""
    for folder in (IMAGES, KEPT):
        folder.mkdir(parents=True, exist_ok=True)
    G = load("landscapes-256", "cpu")
    p = Projector.of(G, encoder="none")
    found = {(name, kind): projection(p, name, kind) for name in SHOWN for kind in KINDS}
    spaces = [[photograph(G, name), *(frame(found[name, kind].render(G)) for kind in KINDS)] for name in SHOWN]
    save("spaces.png", pixels.sheet([cell for row in spaces for cell in row], 1 + len(KINDS), gap=4, background=24))
    codes = {name: projection(p, name, "w+").ws for name in PHOTOGRAPHS}
    save("morph.png", morphs(G, codes))
    save("crossover.png", crossovers(G, codes))
    walk(G, torch.cat(list(codes.values())))


def morphs(G: Generator, codes: dict[str, Tensor]) -> pixels.Frame:
    """From each photograph to the next."""
    pairs = [("rocket", "coffee"), ("coffee", "chelsea")]
    rows = [edits.morph(codes[a], codes[b], t) for a, b in pairs for t in np.linspace(0, 1, 7)]
    return pixels.sheet([draw(G, ws) for ws in rows], 7, gap=4, background=24)


def crossovers(G: Generator, codes: dict[str, Tensor]) -> pixels.Frame:
    """Content by row, style by column: the first 10 of 14 rows of one code, the rest of another."""
    cells = [np.full((SIDE, SIDE, 3), 24, np.uint8), *(draw(G, ws) for ws in codes.values())]
    for content in codes.values():
        cells += [draw(G, content), *(draw(G, edits.crossover(content, style, 10)) for style in codes.values())]
    return pixels.sheet(cells, 1 + len(codes), gap=4, background=24)


def walk(G: Generator, ws: Tensor) -> None:
    """A loop through the four codes."""
    path = keyframes(G, latents=ws.double().numpy(), seconds=6, fps=12)
    with open_sink(IMAGES / "walk.webp", fps=12, overwrite=True) as sink:
        for picture in frames(G, path, size=(SIDE, SIDE)):
            sink.write(picture)


def save(name: str, picture: pixels.Frame) -> None:
    """One PNG of docs/images/projection."""
    print(write_image(IMAGES / name, picture, overwrite=True))


if __name__ == "__main__":
    main()
