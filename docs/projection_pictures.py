"""Makes the pictures of docs/projection.md: python -m docs.projection_pictures, from the repository's root.

The photographs are scikit-image's samples (astronaut: NASA; rocket: SpaceX; coffee: Rachel Michetti; Chelsea the cat:
Stefan van der Walt; all CC0 or public domain). Projections are kept in out/projection-pages, so a second run is quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from latentart import pixels, seeds
from latentart.latent import space
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.projection import edits, result, scribble
from latentart.projection.project import Projector, as_targets
from latentart.projection.result import Projection
from latentart.projection.search import align
from latentart.projection.settings import Settings, Step
from latentart.projection.target import make_target
from latentart.render.frames import frames
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


@dataclass(frozen=True)
class Stroke:
    """A line of round ends on a picture of 256 pixels."""

    colour: tuple[int, int, int]
    width: int
    points: tuple[tuple[int, int], ...]


def projection(p: Projector, name: str, kind: str) -> Projection:
    """One photograph projected in one way, from the folder or anew."""
    path = KEPT / f"{name}-{kind}.npz"
    if not path.exists():
        photograph = np.ascontiguousarray(getattr(skimage.data, name)())
        result.save(p.project([make_target(photograph, p.G, name=name)], KINDS[kind])[0], path)
        print(path)
    return result.load(path)


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
    save("spaces.jpg", pixels.sheet([cell for row in spaces for cell in row], 1 + len(KINDS), gap=4, background=24))
    codes = {name: projection(p, name, "w+").ws for name in PHOTOGRAPHS}
    save("morph.jpg", morphs(G, codes))
    save("crossover.jpg", crossovers(G, codes))
    walk(G, torch.cat(list(codes.values())))
    search(p, "rocket")
    save("scribble.jpg", scribbles(p))
    save("align.jpg", aligned(p))


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
    with open_sink(IMAGES / "walk.webp", fps=12, quality=85, overwrite=True) as sink:
        for picture in frames(G, path, size=(SIDE, SIDE)):
            sink.write(picture)


def search(p: Projector, name: str) -> None:
    """A search from its beginning to its end: target | best so far. The end is held for a second and a half."""
    path = KEPT / f"{name}-search.pt"
    seen: list[Tensor] = []

    def keep(step: Step) -> None:
        if step.ws is not None:
            seen.append(step.ws.detach().clone())

    if not path.exists():
        p.project([make_target(np.ascontiguousarray(getattr(skimage.data, name)()), p.G)], KINDS["w+"], keep)
        torch.save(torch.cat([*seen[:24:2], *seen[24::5]]), path)
    target = photograph(p.G, name)
    with open_sink(IMAGES / "search.webp", fps=12, quality=85, overwrite=True) as sink:
        codes = torch.load(path)
        for ws in [*codes, *[codes[-1]] * 18]:
            sink.write(np.concatenate([target, draw(p.G, ws[None])], axis=1))


MOUNTAIN = Stroke((40, 44, 50), 26, ((30, 170), (90, 70), (150, 165)))
LAKE = Stroke((60, 110, 190), 30, ((10, 225), (120, 215), (246, 228)))
FIELD = Stroke((205, 150, 60), 34, ((10, 232), (120, 222), (246, 234)))
CLOUDS = Stroke((235, 238, 245), 26, ((20, 125), (130, 100), (240, 130)))


def scribbles(p: Projector) -> pixels.Frame:
    """Samples, strokes drawn on them, and what the model makes of them, two to a row."""
    cells = []
    for seed, stroke in ((8, MOUNTAIN), (5, LAKE), (13, FIELD), (4, CLOUDS)):
        ws = space.to_ws(p.G, seeds.z(seed, p.G.z_dim), None, psi=0.7)
        colours, opacity = drawn(stroke)
        # Rows a little apart: codes of W would stay in W.
        ws = ws + 1e-6 * torch.arange(p.G.num_ws)[:, None]
        with torch.no_grad():
            before = p.G.synthesis(ws)
        cells += [frame(before), frame(before + (colours - before) * opacity)]
        cells.append(draw(p.G, scribble.scribble(p, ws, colours, opacity)))
    return pixels.sheet(cells, 6, gap=4, background=24)


def drawn(stroke: Stroke) -> tuple[Tensor, Tensor]:
    """A stroke as colours [1, 3, 256, 256] and opacity [1, 1, 256, 256]."""
    layer = Image.new("RGBA", (256, 256))
    pen, radius = ImageDraw.Draw(layer), stroke.width / 2
    pen.line(stroke.points, fill=stroke.colour, width=stroke.width, joint="curve")
    for x, y in (stroke.points[0], stroke.points[-1]):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=stroke.colour)
    both = torch.from_numpy(np.asarray(layer).copy()).permute(2, 0, 1)[None].float()
    return both[:, :3] / 127.5 - 1, both[:, 3:] / 255


def aligned(p: Projector) -> pixels.Frame:
    """A sample that was turned, scaled and shifted: it, its search without and with --align, and that one put back."""
    seed, place = 4, (0.3, 0.2, -0.3, 0.9)
    with torch.no_grad():
        own = p.G.synthesis(space.to_ws(p.G, seeds.z(seed, p.G.z_dim), None, psi=0.7)).clamp(-1, 1)
    img = align.move(own, torch.tensor([place]))
    targets, ways = as_targets(p.G, img, None), (Settings("standard", "w", align=moved) for moved in (False, True))
    straight, found = (p.project(targets, way)[0] for way in ways)
    back = align.move(found.render(p.G), torch.tensor([found.settings["projection"]["place"]]))
    cells = [frame(img), frame(straight.render(p.G)), frame(back), frame(found.render(p.G))]
    return pixels.sheet(cells, 4, gap=4, background=24)


def save(name: str, picture: pixels.Frame) -> None:
    """One picture of docs/images/projection, small enough for a page."""
    Image.fromarray(picture).save(IMAGES / name, quality=85)
    print(IMAGES / name)


if __name__ == "__main__":
    main()
