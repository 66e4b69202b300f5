"""Draws docs/images/translators/cartoon.jpg: photographs and landscapes before | after `latentart cartoon`.

python -m docs.cartoon_pictures
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from skimage import data

from latentart import pixels
from latentart.models.load import load
from latentart.render import stills
from latentart.translators.load import load_translator

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")
"""Of scikit-image: CC0, public domain."""
SEEDS = (46, 3)
SIDE, GAP = 300, 6
TARGET = Path(__file__).parent / "images" / "translators" / "cartoon.jpg"


def sources() -> list[torch.Tensor]:
    """Pictures [1, 3, H, W] in [-1, 1]."""
    photos = [pixels.to_float(np.ascontiguousarray(getattr(data, name)()[..., :3])) for name in PHOTOS]
    wanted = stills.Stills(network="landscapes-256", seeds=SEEDS, psi=0.8)
    return photos + [pixels.to_float(frame) for _, frame, _ in stills.pictures(load("landscapes-256"), wanted)]


def square(img: torch.Tensor) -> pixels.Frame:
    """A picture as one of the sheet."""
    frame: pixels.Frame = pixels.to_uint8(pixels.resize(img, (SIDE, SIDE)).clamp(-1, 1))[0]
    return frame


def main() -> None:
    """Draws the sheet: two pairs in each row."""
    T = load_translator("cartoon", "cpu")
    frames = []
    with torch.inference_mode():
        for img in sources():
            frames += [square(img), square(T.translate(img))]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    pixels.to_image(pixels.sheet(frames, 4, gap=GAP, background=255)).save(TARGET, quality=84)


if __name__ == "__main__":
    main()
