"""What the cartoon without a network costs, and how calm it is, beside scikit-image's and beside the shipped network.

    python -m benchmarks.cartoon [--repeats 9] [--frames 24]

Cost: median milliseconds of a picture on this machine; the reference smooths the same picture with scikit-image's
bilateral filter (`denoise_bilateral`) and draws its Canny edges, a classical cartoon. Flicker: mean change from frame
to frame, of 255, of a scene that stands still, seen by a camera with noise of 3 of 255.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.flicker import flicker, noisy, photo
from latentart import pixels
from latentart.translators.load import load_translator

SIZES = ((256, 256), (512, 512), (1280, 720))
REFERENCE_SIZES = SIZES[:1]
"""The reference needs seconds for larger ones."""


def classical(img: Tensor) -> Tensor:
    """A bilateral filter and black edges by scikit-image: img [1, 3, H, W] in [-1, 1] -> the same."""
    from skimage.color import rgb2gray
    from skimage.feature import canny
    from skimage.restoration import denoise_bilateral

    frame = pixels.to_uint8(img)[0] / 255
    flat = denoise_bilateral(frame, sigma_color=0.1, sigma_spatial=3, channel_axis=2)
    flat[canny(rgb2gray(frame), sigma=1.5)] = 0.1
    return torch.from_numpy(flat.transpose(2, 0, 1)[None].astype(np.float32)) * 2 - 1


def milliseconds(draw: Callable[[Tensor], Tensor], img: Tensor, repeats: int) -> float:
    """Median of some pictures, after a first one."""
    draw(img)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        draw(img)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--frames", type=int, default=24)
    given = parser.parse_args()
    ink, mosaic = load_translator("ink", "cpu"), load_translator("mosaic26", "cpu")
    drawn: dict[str, Callable[[Tensor], Tensor]] = {"ink": ink.translate, "scikit-image": classical}
    drawn["mosaic26"] = mosaic.translate
    print(f"{torch.get_num_threads()} threads, medians of {given.repeats}")
    with torch.inference_mode():
        for size in SIZES:
            img = pixels.resize(photo("astronaut", 512), size).clamp(-1, 1)
            known = {n: milliseconds(d, img, given.repeats) for n, d in drawn.items() if _tried(n, size)}
            shown = ", ".join(f"{n} {t:.1f} ms ({t / known['ink']:.2f} of ink)" for n, t in known.items())
            print(f"{size[0]}x{size[1]}: {shown}")
        still = noisy([photo("coffee", 256)] * max(given.frames, 16), seed=0)
        camera = flicker(still)
        print(f"flicker of a still scene: camera {camera:.2f} of 255")
        for name, draw in drawn.items():
            own = flicker([draw(img) for img in still])
            print(f"  {name}: {own:.2f}, {own / camera:.2f} of the camera's")


def _tried(name: str, size: tuple[int, int]) -> bool:
    return name != "scikit-image" or size in REFERENCE_SIZES


if __name__ == "__main__":
    main()
