"""A shot to a frame of the stage's size, uint8 [H, W, 3]."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from latentart import pixels
from latentart.frames import Synthesis
from latentart.live.instrument import Shot
from latentart.models.base import Generator


class Painter:
    """Draws shots of one generator; a shot equal to the last is not drawn again."""

    def __init__(self, G: Generator, size: tuple[int, int] | None = None, synthesis: Synthesis | None = None) -> None:
        """size: (width, height), None keeps the model's own; synthesis: what to draw with instead of G.synthesis."""
        self.G = G
        self.size = size or (G.img_size[1], G.img_size[0])
        self._draw: Synthesis = synthesis or G.synthesis
        self._key: tuple[Any, ...] | None = None
        self._frame: pixels.Frame | None = None

    def paint(self, shot: Shot) -> tuple[pixels.Frame, bool]:
        """The frame, and whether it is the same picture as the last."""
        if self._frame is not None and shot.key == self._key:
            return self._frame, True
        self._frame = dimmed(self._synthesize(shot), shot.light) if shot.light > 0 else self._black()
        self._key = shot.key
        return self._frame, False

    def _synthesize(self, shot: Shot) -> pixels.Frame:
        with torch.inference_mode():
            img = self._draw(shot.ws, noise_mode=shot.noise_mode, noise=shot.noise)
            if self.size != (img.shape[-1], img.shape[-2]):
                img = pixels.resize(img, self.size)
            return rgb(pixels.to_uint8(img)[0])

    def _black(self) -> pixels.Frame:
        return np.zeros((self.size[1], self.size[0], 3), dtype=np.uint8)


def rgb(frame: pixels.Frame) -> pixels.Frame:
    """[H, W, 1, 3 or 4] -> [H, W, 3]: a stage has one kind of frame whatever the model."""
    return np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else np.ascontiguousarray(frame[..., :3])


def dimmed(frame: pixels.Frame, light: float) -> pixels.Frame:
    """The frame at a brightness from 0 to 1."""
    if light >= 1:
        return frame
    table = (np.arange(256) * light).astype(np.uint8)
    return table[frame]
