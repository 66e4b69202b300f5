"""Samples beside the training pictures that they are nearest to by LPIPS: what a network copies shows at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from latentart import pixels
from latentart.features.lpips import Embedding
from latentart.judging.material import Pictures
from latentart.pixels import Frame

LISTED, SIDE = 16, 128
"""How many candidates, by distance of features, are compared by LPIPS, and at how many pixels at most: at 256 pixels
VGG16 takes half a second of a processor core for each."""
COLUMNS, BATCH = 4, 16


@dataclass(frozen=True)
class Nearest:
    """For each sample: the number of the nearest picture, and its LPIPS."""

    numbers: list[int]
    distances: list[float]


class Distance(Protocol):
    """What `features.lpips.Lpips` offers."""

    def embed(self, img: Tensor) -> Embedding:
        """Pictures [N, C, H, W] in [-1, 1] -> what is compared."""
        ...

    def distance(self, a: Embedding, b: Embedding) -> Tensor:
        """Distance of each pair, [N]; one picture is compared with all of the other side."""
        ...


@torch.no_grad()
def find(
    samples: Pictures, sample_features: Tensor, pictures: Pictures, features: Tensor, lpips: Distance,
    *, device: str | torch.device = "cpu",
) -> Nearest:  # fmt: skip
    """The nearest picture of each sample; features [N, D] choose LISTED candidates, LPIPS decides among them."""
    numbers, distances = [], []
    for frame, own in zip(samples.frames, sample_features, strict=True):
        near = torch.cdist(own[None].double(), features.double())[0].argsort()[:LISTED].numpy()
        one = lpips.embed(_reduced(frame[None]).to(device))
        parts = torch.split(_reduced(pictures.frames[near]), BATCH)
        found = torch.cat([lpips.distance(one, lpips.embed(part.to(device))) for part in parts])
        best = int(found.argmin())
        numbers.append(int(near[best]))
        distances.append(float(found[best]))
    return Nearest(numbers, distances)


def _reduced(frames: Frame) -> Tensor:
    """uint8 [N, H, W, C] -> float [N, C, h, w] in [-1, 1], no side over SIDE."""
    img = pixels.to_float(frames)
    scale = SIDE / max(img.shape[2:])
    if scale >= 1:
        return img
    return pixels.resize(img, (round(img.shape[3] * scale), round(img.shape[2] * scale)))


def sheet(samples: Pictures, pictures: Pictures, nearest: Nearest) -> Frame:
    """Pairs, sample left and picture right, nearest first: uint8 [H, W, 3 or 1]. Alpha is laid over a chequerboard."""
    order = np.argsort(nearest.distances, kind="stable")
    pairs = [
        np.concatenate([_solid(samples.frames[i]), _solid(pictures.frames[nearest.numbers[i]])], axis=1) for i in order
    ]
    return pixels.sheet(pairs, min(COLUMNS, len(pairs)), gap=max(2, pairs[0].shape[0] // 16), background=60)


def _solid(frame: Frame) -> Frame:
    if frame.shape[2] != 4:
        return frame
    y, x = np.indices(frame.shape[:2]) // max(1, frame.shape[0] // 16)
    board = np.where((x + y) % 2, 200, 235)[:, :, None]
    alpha = frame[:, :, 3:].astype(np.float64) / 255
    return np.round(frame[:, :, :3] * alpha + board * (1 - alpha)).astype(np.uint8)
