"""Draws docs/images/translators/magenta.jpg: pictures in the styles of others, and on the way between two styles.

python -m docs.magenta_pictures
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from skimage import data
from torch import Tensor

from latentart import pixels
from latentart.models.load import load
from latentart.render import stills
from latentart.translators.load import load_translator

CONTENTS, STYLES = ("astronaut", "chelsea"), ("coffee", "immunohistochemistry", "hubble_deep_field", "retina")
"""Of scikit-image: CC0, public domain."""
SEED = 46
SIDE, SHOWN, GAP = 448, 224, 4
TARGET = Path(__file__).parent / "images" / "translators" / "magenta.jpg"


def photo(name: str) -> Tensor:
    """A photograph [1, 3, SIDE, SIDE] in [-1, 1]."""
    frame = np.ascontiguousarray(getattr(data, name)()[..., :3])
    return pixels.resize(pixels.to_float(frame), (SIDE, SIDE)).clamp(-1, 1)


def landscape() -> Tensor:
    """One of landscapes-256, larger."""
    wanted = stills.Stills(network="landscapes-256", seeds=(SEED,), psi=0.8, size=(SIDE, SIDE))
    return pixels.to_float(next(stills.pictures(load("landscapes-256"), wanted))[1])


def shown(img: Tensor) -> pixels.Frame:
    """At the size of the sheet."""
    frame: pixels.Frame = pixels.to_uint8(pixels.resize(img, (SHOWN, SHOWN)).clamp(-1, 1))[0]
    return frame


def main() -> None:
    """A row of styles, a row for each content, and a row from the second style to the fourth."""
    T = load_translator("magenta", "cpu")
    contents, styles = [photo(name) for name in CONTENTS] + [landscape()], [photo(name) for name in STYLES]
    with torch.inference_mode():
        vectors = [T.style_of(img) for img in styles]
        frames = [np.full((SHOWN, SHOWN, 3), 255, np.uint8), *map(shown, styles)]
        for img in contents:
            frames += [shown(img), *(shown(T.translate(img, style=vector)) for vector in vectors)]
        between = (torch.lerp(vectors[1], vectors[3], share) for share in torch.linspace(0, 1, 5))
        frames += [shown(T.translate(contents[0], style=vector)) for vector in between]
    pixels.to_image(pixels.sheet(frames, 5, gap=GAP, background=255)).save(TARGET, quality=76)


if __name__ == "__main__":
    main()
