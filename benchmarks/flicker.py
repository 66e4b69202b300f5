"""What smoothing does to the flicker of a network drawn frame by frame, what it costs, and what it blurs.

    python -m benchmarks.flicker [--network mosaic26:7] [--size 256] [--frames 40]

Flicker: mean change from frame to frame of a scene that stands still, seen by a camera with noise of 3 of 255.
Blur: how much energy above a Gaussian of 1.5 pixels is lost on a scene that moves (a pan, a pan with a zoom, and a
still background that something moves across), without noise and with it. Beside it stands the plain exponential
average of the frames, with the factor that calms the still scene as much.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.translators import chain
from latentart.translators.smoothing import Smoothing

NOISE = 3 / 127.5
WARM = 12
"""Frames until averages have settled."""


def photo(name: str, side: int) -> Tensor:
    """A photograph [1, 3, side, side] in [-1, 1], of scikit-image (CC0)."""
    from skimage import data

    from latentart import pixels

    frame = getattr(data, name)()[..., :3]
    return pixels.resize(pixels.to_float(np.ascontiguousarray(frame)), (side, side), "crop")


def window(img: Tensor, size: int, dx: float, dy: float, zoom: float) -> Tensor:
    """A part of a larger picture, `size` pixels a side, off its middle by dx, dy pixels."""
    side = img.shape[-1]
    at = (torch.arange(size) - size / 2) * zoom + side / 2
    x, y = (at + dx + 0.5) * 2 / side - 1, (at + dy + 0.5) * 2 / side - 1
    grid = torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), dim=-1)[None]
    return F.grid_sample(img, grid, mode="bicubic", align_corners=False)


def scenes(size: int, frames: int) -> dict[str, list[Tensor]]:
    """Name -> frames of clips that move."""
    wide, thing = photo("coffee", round(size * 1.5)), photo("astronaut", size // 3)
    pan = [window(wide, size, 1.3 * i - 26, 0.7 * i - 14, 1.0) for i in range(frames)]
    zoom = [window(wide, size, 0.6 * i - 12, 0, 1.1 - 0.004 * i) for i in range(frames)]
    back = window(wide, size, 0, 0, 1.0)
    passing = []
    for i in range(frames):
        frame, left = back.clone(), 5 + 2 * i % (size - size // 3 - 10)
        frame[..., size // 3 : size // 3 + thing.shape[-2], left : left + thing.shape[-1]] = thing
        passing.append(frame)
    return {"pan": pan, "zoom": zoom, "passing": passing}


def noisy(clip: list[Tensor], seed: int) -> list[Tensor]:
    """As a camera sees it."""
    rng = torch.Generator().manual_seed(seed)
    return [(img + NOISE * torch.randn(img.shape, generator=rng)).clamp(-1, 1) for img in clip]


Draw = Callable[[Tensor], Tensor]


def plain(draw: Draw, clip: list[Tensor]) -> list[Tensor]:
    """Frame by frame."""
    return [draw(img) for img in clip]


def smoothed(draw: Draw, clip: list[Tensor], amount: float) -> list[Tensor]:
    """With ours."""
    smoothing = Smoothing(amount)
    return [smoothing.blend(draw(smoothing.steady(img))) for img in clip]


def averaged(made: list[Tensor], keep: float) -> list[Tensor]:
    """Exponential average of the frames."""
    found = [made[0]]
    for img in made[1:]:
        found.append(torch.lerp(img, found[-1], keep))
    return found


def flicker(clip: list[Tensor]) -> float:
    """Mean change from frame to frame, of 255."""
    settled = torch.cat(clip[WARM:])
    return float(settled.diff(dim=0).abs().mean()) * 127.5


def fine(clip: list[Tensor]) -> float:
    """Energy of what is finer than 1.5 pixels."""
    from scipy.ndimage import gaussian_filter

    stack = torch.cat(clip[WARM:]).numpy()
    return float(((stack - gaussian_filter(stack, (0, 0, 1.5, 1.5))) ** 2).mean())


def matching(made: list[Tensor], wanted: float) -> float:
    """The exponential average's factor that calms as much: by bisection."""
    low, high = 0.0, 0.999
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if flicker(averaged(made, middle)) > wanted else (low, middle)
    return high


def cost(draw: Draw, img: Tensor, repeats: int) -> tuple[float, float]:
    """Median milliseconds of the network, and of smoothing alone."""
    smoothing = Smoothing()
    made = draw(img)
    nets, ours = [], []
    for i in range(repeats):
        began = time.perf_counter()
        draw(img)
        nets.append(time.perf_counter() - began)
        seen = img + NOISE * (i % 2)
        began = time.perf_counter()
        smoothing.steady(seen)
        smoothing.blend(made)
        ours.append(time.perf_counter() - began)
    return statistics.median(nets) * 1000, statistics.median(ours) * 1000


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mosaic26:7")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--amount", type=float, default=0.8)
    given = parser.parse_args()
    links = chain.Chain([f"style:{given.network}"])

    def draw(img: Tensor) -> Tensor:
        with torch.inference_mode():
            return links(img, np.zeros(1))

    still = noisy([photo("coffee", given.size)] * given.frames, seed=0)
    before, after = plain(draw, still), smoothed(draw, still, given.amount)
    keep = matching(before, flicker(after))
    print(f"{given.network}, {given.size}x{given.size}, {given.frames} frames, smoothing {given.amount}")
    print(f"flicker of a still scene: {flicker(before):.2f} of 255 without, {flicker(after):.2f} with smoothing: "
          f"{flicker(after) / flicker(before):.3f} of it; an average of equal calm keeps {keep:.3f}")  # fmt: skip
    print(f"{'scene':<16}{'blur, ours':>12}{'blur, average':>16}{'flicker of it':>15}")
    for name, clip in scenes(given.size, given.frames).items():
        for label, seen in ((name, clip), (f"{name}, noisy", noisy(clip, seed=1))):
            drawn = plain(draw, seen)
            ours, average = smoothed(draw, seen, given.amount), averaged(drawn, keep)
            print(f"{label:<16}{1 - fine(ours) / fine(drawn):>11.1%}{1 - fine(average) / fine(drawn):>15.1%}"
                  f"{flicker(ours) / flicker(drawn):>14.2f}")  # fmt: skip
    net, own = cost(draw, still[0], 9)
    print(f"cost: {own:.1f} ms a frame beside {net:.1f} ms of the network ({own / net:.2f})")


if __name__ == "__main__":
    main()
