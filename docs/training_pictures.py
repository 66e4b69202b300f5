"""Makes the pictures of docs/training.md: python -m docs.training_pictures, from the repository's root.

The photographs are scikit-image's samples (astronaut: NASA; rocket: SpaceX; coffee: Rachel Michetti; Chelsea the cat:
Stefan van der Walt; all CC0 or public domain). The trainings are those of the page, in out/training/openmoji and
out/training/waves: what they left there is shown. Emoji: OpenMoji, CC BY-SA 4.0. The painting: docs/painting.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageDraw

from latentart import pixels
from latentart.models.load import load
from latentart.training.data import gui, gui_page, preprocess
from latentart.translators.load import load_translator

IMAGES = Path(__file__).parent / "images" / "training"
RUNS = Path("out/training")
GROUND = 17
PHOTOGRAPHS = ("coffee", "chelsea", "astronaut", "rocket")


def photograph(name: str, side: int) -> pixels.Frame:
    """One of scikit-image's, cut to a square."""
    frame = np.ascontiguousarray(getattr(skimage.data, name)())
    return pixels.to_uint8(pixels.resize(pixels.to_float(frame), (side, side)))[0]


def pair_makers() -> None:
    """A photograph and what each maker makes of it."""
    rows = [
        [frame, *(preprocess.make(name, frame) for name in preprocess.MAKERS)]
        for frame in map(big, ("chelsea", "coffee"))
    ]
    save("makers.webp", pixels.sheet([small(tile, 180) for row in rows for tile in row], 6, gap=4, background=GROUND))


def big(name: str) -> pixels.Frame:
    """A photograph in the size in which makers draw well."""
    return photograph(name, 360)


def small(frame: pixels.Frame, side: int) -> pixels.Frame:
    """Reduced to a square."""
    return pixels.to_uint8(pixels.resize(pixels.to_float(frame), (side, side)))[0]


def interfaces() -> None:
    """Boxes and looks of nine interfaces."""
    with gui.camera(256) as shoot:
        pages = [gui_page.page(4, number, 256) for number in range(9)]
        frames = [np.concatenate(shoot(page), axis=1) for page in pages]
    save("gui.webp", pixels.sheet(frames, 3, gap=8, background=GROUND))


def learning(run: str, tile: tuple[int, int], side: int, name: str, count: int = 6) -> None:
    """One tile of the previews of a run, from the first to the last."""
    previews = {int(p.stem.removeprefix("step")): p for p in (RUNS / run / "previews").glob("*.png")}
    wanted = np.geomspace(min(previews), max(previews), count)
    chosen = [previews[min(previews, key=lambda step: abs(step - want))] for want in wanted]
    row, column = (4 + place * (side + 4) for place in tile)
    save(name, pixels.sheet([pixels.open_image(p)[row : row + side, column : column + side] for p in chosen], count,
                            gap=4, background=GROUND))  # fmt: skip
    print(" ".join(p.stem for p in chosen))


def painted() -> None:
    """Photographs and landscapes of the generator, and below them what the shipped style makes of them."""
    T, G = load_translator("waves", "cpu"), load("landscapes-256", "cpu")
    with torch.no_grad():
        samples = [G.synthesis(G.mapping(seed_z(G.z_dim, seed), None, truncation_psi=0.8)) for seed in (4, 23)]
        seen = [pixels.to_float(photograph(name, 256)) for name in PHOTOGRAPHS[:3]] + samples
        made = [T.translate(img) for img in seen]
    tiles = [pixels.to_uint8(img.clamp(-1, 1))[0] for img in (*seen, *made)]
    save("waves.webp", pixels.sheet(tiles, len(seen), gap=4, background=GROUND))


def seed_z(z_dim: int, seed: int) -> torch.Tensor:
    """The latent that a seed names."""
    return torch.from_numpy(np.random.RandomState(seed).randn(1, z_dim)).float()


def drawings() -> None:
    """Five drawings that are no emoji, and what openmoji-128 makes of them."""
    lines = [pixels.to_float(small(np.asarray(drawn), 128)) for drawn in map(sketch, SKETCHES.values())]
    T = load_translator("openmoji-128", "cpu")
    with torch.no_grad():
        tiles = torch.cat([*lines, *(T.translate(img) for img in lines)])
    save("drawings.webp", pixels.sheet(list(pixels.to_uint8(tiles)), len(lines), gap=4, background=GROUND))


STAR = [
    (256 + r * np.sin(i * np.pi / 5), 256 - r * np.cos(i * np.pi / 5)) for i, r in enumerate([170, 75] * 5 + [170, 75])
]
SKETCHES = {
    "face": [("oval", (90, 90, 420, 420)), ("dot", (184, 200, 216, 232)), ("dot", (294, 200, 326, 232)),
             ("arc", (180, 220, 330, 340), 20, 160)],
    "house": [("line", [(90, 260), (256, 110), (420, 260), (90, 260), (150, 206)]), ("box", (120, 260, 390, 430)),
              ("box", (220, 330, 290, 430))],
    "flower": [("oval", (150, 80, 360, 290)), ("line", [(256, 290), (256, 440)]),
               ("arc", (256, 330, 360, 430), 150, 300)],
    "car": [("box", (80, 220, 430, 350)), ("arc", (140, 130, 360, 310), 180, 360), ("oval", (115, 310, 205, 400)),
            ("oval", (305, 310, 395, 400))],
    "star": [("line", STAR)],
}  # fmt: skip
"""Strokes on a canvas of 512 pixels."""


def sketch(strokes: list[tuple[Any, ...]]) -> Image.Image:
    """Black on white."""
    image = Image.new("RGB", (512, 512), "white")
    draw = ImageDraw.Draw(image)
    for kind, where, *rest in strokes:
        if kind == "line":
            draw.line(where, "black", 14, "curve")
        elif kind == "arc":
            draw.arc(where, *rest, "black", 14)
        elif kind == "box":
            draw.rounded_rectangle(where, 14, outline="black", width=14)
        else:
            draw.ellipse(where, "black" if kind == "dot" else "white", "black", 14)
    return image


def runs() -> None:
    """What the trainings left."""
    for run in ("openmoji", "waves"):
        Image.open(RUNS / run / "losses.png").convert("P", palette=Image.Palette.ADAPTIVE).save(
            IMAGES / f"{run}-losses.png", optimize=True
        )
    Image.open(RUNS / "openmoji" / "preview.png").save(IMAGES / "openmoji.webp", quality=92)


def save(name: str, frame: pixels.Frame) -> None:
    """One picture of docs/images/training."""
    Image.fromarray(frame).save(IMAGES / name, quality=90)
    print(IMAGES / name)


KINDS = {
    "makers": pair_makers, "gui": interfaces, "painted": painted, "drawings": drawings, "runs": runs,
    "learning-waves": lambda: learning("waves", (1, 0), 160, "waves-learning.webp"),
    "learning-openmoji": lambda: learning("openmoji", (1, 4), 128, "openmoji-learning.webp"),
}  # fmt: skip

if __name__ == "__main__":
    for kind in sys.argv[1:] or KINDS:
        KINDS[kind]()
