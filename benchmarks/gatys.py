"""How long a painting takes, beside the plainest form of the same search, and whether a painted film holds still.

    python -m benchmarks.gatys [--size 192] [--steps 200] [--threads 2] [--film]

Painting: 200 steps through the network that ships, all sizes together. Reference: as many steps at full size, from
the content, with the layers and weights of the same network (Gatys et al. 2016 in PyTorch as it is usually written:
contiguous layout, one size). Both print seconds, milliseconds a step, and how far the Gram matrices of the result are
from the style's at full size, as a part of what they are for the photograph itself.

--film: five frames of a pan seen by a camera with noise, painted from the frame before, and each by itself, at 128
pixels and 60 steps. Flicker is the mean change between frames after the motion is taken out.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.flicker import noisy, photo, window
from latentart import pixels
from latentart.features.load import SHIPPED, trunk_state, vgg16
from latentart.features.trunk import DEVIATION, MEAN
from latentart.painting import motion
from latentart.painting.films import FilmPainter
from latentart.painting.gatys import paint
from latentart.painting.goal import CONTENT_LAYER, STYLE_LAYERS, PaintingSettings, Style, roughness
from latentart.painting.moments import GramDistance, moments


def strokes(side: int) -> Tensor:
    """The style: brush strokes that the project draws itself."""
    from docs import style_art

    return pixels.resize(pixels.to_float(np.asarray(style_art.strokes()).copy()), (side, side)).clamp(-1, 1)


def reference(content: Tensor, style: Tensor, steps: int) -> Tensor:
    """The plainest form: one size, contiguous tensors, a loop over layers."""
    state = trunk_state(SHIPPED)
    mean, deviation = torch.tensor(MEAN).view(1, 3, 1, 1), torch.tensor(DEVIATION).view(1, 3, 1, 1)

    def look(img: Tensor) -> dict[str, Tensor]:
        x, found = (img - mean) / deviation, {}
        for name in ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3"):
            x = F.avg_pool2d(x, 2) if name in ("relu2_1", "relu3_1") else x
            x = found[name] = F.relu(F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1))
        return found

    def gram(x: Tensor) -> Tensor:
        flat = x[0].flatten(1)
        return flat @ flat.T / flat.shape[1]

    with torch.no_grad():
        wanted = {name: gram(look(style)[name]) for name in STYLE_LAYERS}
        there = look(content)[CONTENT_LAYER]
    img = content.clone().requires_grad_()
    optimiser = torch.optim.Adam([img], lr=0.05)
    given = PaintingSettings()
    for _ in range(steps):
        found = look(img)
        apart = [(gram(found[n]) - w).square().sum() / w.square().sum() for n, w in wanted.items()]
        held = (found[CONTENT_LAYER] - there).square().sum() / there.square().sum()
        optimiser.zero_grad()
        (given.style * torch.stack(apart).mean() + held + given.tv * roughness(img)).backward()
        optimiser.step()
        with torch.no_grad():
            img.clamp_(-1, 1)
    return img.detach()


def distance(img: Tensor, style: Tensor) -> float:
    """Mean over the layers of how far the Gram matrices are apart."""
    trunk = vgg16(average_pool=True)
    with torch.no_grad():
        pairs = zip(trunk(img, STYLE_LAYERS), trunk(style, STYLE_LAYERS), strict=True)
        return float(np.mean([float(GramDistance(moments(b))(moments(a))) for a, b in pairs]))


def timed(size: int, steps: int) -> None:
    """Both ways on one photograph."""
    content, style = photo("chelsea", size), strokes(size)
    whole = distance(content, style)
    ways = {
        "ours": lambda: paint(content, [Style(style)], PaintingSettings(steps=steps, scale=1.0)),
        "reference": lambda: reference(content, style, steps),
    }
    print(f"{size}x{size}, {steps} steps, {torch.get_num_threads()} threads")
    for name, way in ways.items():
        began = time.perf_counter()
        made = way()
        took = time.perf_counter() - began
        print(f"{name:<10} {took:6.1f} s  {1000 * took / steps:6.1f} ms a step  style distance "
              f"{distance(made, style) / whole:.3f} of the photograph's")  # fmt: skip


def filmed(size: int, steps: int) -> None:
    """A pan with noise, held and not."""
    wide = photo("coffee", round(size * 1.4))
    clip = noisy([window(wide, size, 1.5 * i - 6, 0.5 * i, 1.0) for i in range(5)], seed=0)
    settings = PaintingSettings(steps=steps)
    held = FilmPainter([Style(strokes(size))], settings)
    ways = {"held": [held(img, np.zeros(1)) for img in clip],
            "alone": [paint(img, [Style(strokes(size))], settings) for img in clip]}  # fmt: skip
    for name, made in ways.items():
        print(f"film, {name:<6} flicker {127.5 * flicker(made, clip):.2f} of 255")


def flicker(made: list[Tensor], clip: list[Tensor]) -> float:
    """Mean change between frames where the motion of the clip takes one into the other."""
    changes = []
    for i in range(1, len(clip)):
        field = motion.flow(clip[i], clip[i - 1])
        sure = motion.confidence(clip[i], motion.warp(clip[i - 1], field))
        changes.append(float((sure * (made[i] - motion.warp(made[i - 1], field)).abs()).mean() / sure.mean()))
    return float(np.mean(changes))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--film", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.film:
        filmed(min(given.size, 128), min(given.steps, 60))
    else:
        timed(given.size, given.steps)


if __name__ == "__main__":
    main()
