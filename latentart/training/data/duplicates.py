"""Pictures that are nearly the same: by 64-bit hashes of their low frequencies, confirmed on small copies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latentart.pixels import Frame

MOST_BITS = 6
"""Bits of 64 that may differ. Two such hashes are equal in at least one of MOST_BITS + 1 groups of bits."""
MOST_DIFFERENCE = 10.0
"""Root mean square difference of the small copies, of 255, without the difference of their means."""
SIDE, KEPT, SMALL = 32, 8, 16
_GROUPS = [range(i * 64 // (MOST_BITS + 1), (i + 1) * 64 // (MOST_BITS + 1)) for i in range(MOST_BITS + 1)]


@dataclass(frozen=True)
class Print:
    """A picture's hash and its copy of SMALL x SMALL, float32 [SMALL, SMALL, 3]."""

    bits: int
    small: NDArray[np.float32]


def fingerprint(frame: Frame) -> Print:
    """uint8 [H, W, C] -> its print. Alpha counts as grey of the middle behind the picture."""
    image = Image.fromarray(frame[:, :, 0] if frame.shape[2] == 1 else frame)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, (128, 128, 128, 255)), image)
    colours = image.convert("RGB")
    grey = np.asarray(colours.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    low = (_cosines() @ grey @ _cosines().T).ravel()
    # The first of them is the mean, which carries no information.
    signs = low > np.median(low[1:])
    bits = int.from_bytes(np.packbits(signs).tobytes(), "big")
    small = np.asarray(colours.resize((SMALL, SMALL), Image.Resampling.BOX), np.float32)
    return Print(bits, small - small.mean())


@cache
def _cosines() -> NDArray[Any]:
    """The first KEPT rows of the DCT-II, [KEPT, SIDE]."""
    angles: NDArray[Any] = np.pi / SIDE * (np.arange(SIDE) + 0.5)[None] * np.arange(KEPT)[:, None]
    cosines: NDArray[Any] = np.cos(angles)
    return cosines


def alike(a: Print, b: Print) -> bool:
    """Whether two pictures are the same but for size, compression, brightness or a few pixels of cutting."""
    if (a.bits ^ b.bits).bit_count() > MOST_BITS:
        return False
    return float(np.sqrt(np.square(a.small - b.small).mean())) <= MOST_DIFFERENCE


def doubles(prints: Iterable[Print]) -> dict[int, int]:
    """Index of a picture -> index of the earlier one that it is nearly equal to."""
    found: dict[int, int] = {}
    kept: list[Print] = []
    numbers: list[int] = []
    index: dict[tuple[int, int], list[int]] = {}
    for number, each in enumerate(prints):
        keys = [(i, (each.bits >> group.start) & ((1 << len(group)) - 1)) for i, group in enumerate(_GROUPS)]
        near = sorted({at for key in keys for at in index.get(key, ())})
        same = next((at for at in near if alike(kept[at], each)), None)
        if same is not None:
            found[number] = numbers[same]
            continue
        for key in keys:
            index.setdefault(key, []).append(len(kept))
        kept.append(each)
        numbers.append(number)
    return found
