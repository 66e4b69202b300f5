"""The pictures of docs/style.md.

`python -m docs.style_pictures KEPT [PICTURE...]` draws them into docs/images/style. Paintings are kept in the folder
KEPT and not painted again: each takes about half a minute on two cores.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from docs import style_art
from latentart import pixels
from latentart.models.load import load
from latentart.painting import colours
from latentart.painting.dream import MOTIFS, DreamSettings, dream
from latentart.painting.dream_films import zoom
from latentart.painting.gatys import paint
from latentart.painting.goal import PaintingSettings, Style
from latentart.sinks.sink import open_sink

SIDE = 192
HERE = Path(__file__).parent / "images" / "style"


def photo(name: str) -> Tensor:
    """A photograph of scikit-image (CC0), or one that landscapes-256 draws."""
    if name == "land":
        G = load("landscapes-256")
        z = torch.from_numpy(np.random.RandomState(46).randn(1, G.z_dim)).float()
        with torch.no_grad():
            return pixels.resize(G.synthesis(G.mapping(z, None)), (SIDE, SIDE)).clamp(-1, 1)
    image = Image.fromarray(getattr(data, name)()[..., :3])
    return pixels.resize(pixels.to_float(np.asarray(image).copy()), (SIDE, SIDE), "crop").clamp(-1, 1)


def art(name: str) -> Tensor:
    """A picture that the project draws itself."""
    return pixels.to_float(np.asarray(style_art.ALL[name]()).copy())


def kept(folder: Path, name: str, make: object) -> Tensor:
    """The picture of that name in `folder`, made where it is missing."""
    path = folder / f"{name}.png"
    if not path.exists():
        Image.fromarray(pixels.to_uint8(make())[0]).save(path)
    return pixels.to_float(pixels.open_image(path))


def rows(*lines: list[Tensor]) -> Image.Image:
    """A sheet of pictures, all of one size."""
    frames = [pixels.to_uint8(pixels.resize(img, (SIDE, SIDE), "crop"))[0] for line in lines for img in line]
    return Image.fromarray(pixels.sheet(frames, len(lines[0]), gap=6, background=255))


def save(image: Image.Image, name: str) -> None:
    """A small file for the page."""
    image.save(HERE / f"{name}.webp", quality=86, method=6)


PAINTINGS = {
    "cat-strokes": ("chelsea", "strokes", 40),
    "coffee-mosaic": ("coffee", "mosaic", 40),
    "land-waves": ("land", "waves", 40),
    "rocket-woodcut": ("rocket", "woodcut", 25),
}


def paintings(folder: Path) -> None:
    """Photograph, style and painting, four times."""
    seen = {name: photo(source) for name, (source, _, _) in PAINTINGS.items()}
    made = [
        kept(folder, name, lambda n=name, s=style, w=weight: paint(seen[n], [Style(art(s))], PaintingSettings(style=w)))
        for name, (_, style, weight) in PAINTINGS.items()
    ]
    save(rows(list(seen.values()), [art(style) for _, style, _ in PAINTINGS.values()], made), "paintings")


def regions(folder: Path) -> None:
    """Colours kept, and two styles in two regions."""
    cat, land = photo("chelsea"), photo("land")
    painted = kept(folder, "cat-strokes", lambda: paint(cat, [Style(art("strokes"))], PaintingSettings(style=40)))
    sky = (land[:, 2:] > land[:, :1]).float()
    sky[..., 125:, :] = 0
    sky = torch.nn.functional.avg_pool2d(sky, 9, 1, 4, count_include_pad=False)
    styles = [Style(art("strokes"), mask=sky), Style(art("mosaic"))]
    small = pixels.resize(land, (144, 144)).clamp(-1, 1)
    two = kept(folder, "land-two", lambda: paint(small, styles, PaintingSettings(style=40, steps=80)))
    save(rows([colours.with_luma_of(cat, painted), land, sky.expand(-1, 3, -1, -1) * 2 - 1, two]), "regions")


def dreams(folder: Path) -> None:
    """One photograph, dreamt three ways."""
    cup = photo("coffee")
    ways = {"all": (), **MOTIFS}
    made = [kept(folder, f"dream-{n}", lambda c=c: dream(cup, DreamSettings(channels=c))) for n, c in ways.items()]
    save(rows([cup, *made]), "dreams")


def flight(folder: Path) -> None:
    """A flight whose end leads back to its beginning."""
    cup = pixels.resize(photo("coffee"), (128, 128)).clamp(-1, 1)
    dreaming = DreamSettings(channels=MOTIFS["scales"], rate=0.02)
    with open_sink(HERE / "flight.webp", fps=12, overwrite=True, quality=55) as sink:
        for img in zoom(cup, dreaming, frames=36, rate=1.03, loop=True):
            sink.write(pixels.to_uint8(img)[0])


ALL = {"paintings": paintings, "regions": regions, "dreams": dreams, "flight": flight}

if __name__ == "__main__":
    HERE.mkdir(parents=True, exist_ok=True)
    for chosen in sys.argv[2:] or ALL:
        ALL[chosen](Path(sys.argv[1]))
