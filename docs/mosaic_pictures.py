"""Renders the sheet of the 26 styles: python -m docs.mosaic_pictures, from the repository's root."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from skimage import data
from torch import Tensor

from latentart import pixels, seeds
from latentart.models.load import load
from latentart.translators.base import Translator
from latentart.translators.load import load_translator

TARGET = Path(__file__).parent / "images" / "translators" / "mosaic26.jpg"
SIDE, SHOWN, COLUMNS, SEED = 256, 128, 9, 44


def pictures() -> list[Tensor]:
    """A landscape that landscapes-256 draws, and a photograph of scikit-image."""
    G = load("landscapes-256", "cpu")
    photo = pixels.resize(pixels.to_float(data.coffee()), (SIDE, SIDE))
    with torch.no_grad():
        z = torch.from_numpy(seeds.z(SEED, G.z_dim)).float()
        return [G.synthesis(G.mapping(z, None, truncation_psi=0.8)).cpu(), photo]


def labelled(img: Tensor, text: str) -> pixels.Frame:
    """The picture at the size of the sheet, its number in a corner."""
    picture = pixels.to_image(pixels.to_uint8(pixels.resize(img, (SHOWN, SHOWN)))[0])
    draw = ImageDraw.Draw(picture)
    if text:
        draw.rectangle((0, 0, 8 + 6 * len(text), 13), fill=(0, 0, 0))
    draw.text((4, 1), text, fill=(255, 255, 255))
    return np.asarray(picture)


def rows(T: Translator, img: Tensor) -> list[pixels.Frame]:
    """The picture as it is, and in every style."""
    made = [T.translate(img, style=style) for style in torch.eye(T.style_dim)]
    return [labelled(picture, text) for picture, text in zip([img, *made], ["", *T.style_names], strict=True)]


def main() -> None:
    """The sheet."""
    T = load_translator("mosaic26", "cpu")
    frames = [frame for img in pictures() for frame in rows(T, img)]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.sheet(frames, COLUMNS, gap=2)).save(TARGET, quality=78)
    print(TARGET)


if __name__ == "__main__":
    main()
