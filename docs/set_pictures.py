"""Draws the contact sheets of docs/sets.md, of three folders that `latentart data` made.

python docs/set_pictures.py GLYPHS TOYS LANDSCAPES
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from latentart import pixels

IMAGES = Path(__file__).parent / "images" / "training"


def chosen(folder: Path, count: int) -> list[Path]:
    """Evenly chosen pictures: of each class folder, or of the set's own."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) or [folder]
    paths = [sorted(each.glob("*.png")) for each in folders]
    return [found[i] for found in paths for i in np.linspace(0, len(found) - 1, count).round().astype(int)]


def sheet(folder: Path, count: int, columns: int, side: int, grounds: tuple[int, int] = (0, 0)) -> pixels.Frame:
    """A contact sheet in RGB, transparent pictures by turns on two greys."""
    frames = []
    for i, path in enumerate(chosen(folder, count)):
        with Image.open(path) as image:
            whole = image.convert("RGBA")
        ground = Image.new("RGBA", whole.size, (*[grounds[i % 2]] * 3, 255))
        small = Image.alpha_composite(ground, whole).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
        frames.append(np.asarray(small, np.uint8))
    return pixels.sheet(frames, columns, gap=1, background=70)


def main(glyphs: Path, toys: Path, landscapes: Path) -> None:
    """Writes set-glyphs.webp, set-toys.webp and set-landscapes.webp."""
    sheets = {
        "glyphs": sheet(glyphs, 8, 31, 32),
        "toys": sheet(toys, 16, 16, 60, (235, 70)),
        "landscapes": sheet(landscapes, 40, 10, 96),
    }
    for name, picture in sheets.items():
        path = IMAGES / f"set-{name}.webp"
        pixels.to_image(picture).save(path, quality=80, method=6)
        print(path)


if __name__ == "__main__":
    main(*(Path(each) for each in sys.argv[1:4]))
