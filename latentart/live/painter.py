"""A shot to a frame of the stage's size, uint8 [H, W, 3], through the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart import engine, pixels
from latentart.live.instrument import Shot
from latentart.models.base import Generator


class Painter:
    """Draws shots of one generator; a shot equal to the last is not drawn again."""

    def __init__(
        self,
        G: Generator,
        size: tuple[int, int] | None = None,
        only: str | None = None,
        *,
        precision: str = "live",
    ) -> None:
        """size: (width, height), None keeps the model's own; only: the engine's choice to take, None the fastest.

        precision: "live" or "master". Raises SettingsError, RouteError for a choice that cannot be had.
        """
        self.G = G
        native = (G.img_size[1], G.img_size[0])
        self.size = size or native
        output = "uint8" if self.size == native else "float"
        wishes: dict[str, Any] = {"output": output, "precision": precision, "noise_inputs": bool(G.noise_shapes)}
        self._draw = engine.compile(G, only=only, measure=0.05 if only else 0.3, **wishes)
        self._key: tuple[Any, ...] | None = None
        self._frame: pixels.Frame | None = None

    @property
    def choice(self) -> str:
        """What the engine chose; `Painter(..., only=choice)` draws the same pictures."""
        return self._draw.trial.name

    @property
    def words(self) -> str:
        """The choice and its measurement, for people."""
        return self._draw.choice

    def paint(self, shot: Shot) -> tuple[pixels.Frame, bool]:
        """The frame, and whether it is the same picture as the last. Raises PictureError for NaN."""
        if self._frame is not None and shot.key == self._key:
            return self._frame, True
        self._frame = dimmed(self._sized(shot.ws, shot.noise), shot.light) if shot.light > 0 else self._black()
        self._key = shot.key
        return self._frame, False

    def _sized(self, ws: Tensor, noise: Mapping[str, Tensor] | None) -> pixels.Frame:
        with torch.inference_mode():
            drawn = self._draw(ws, noise=noise)
        if isinstance(drawn, np.ndarray):
            return rgb(drawn[0])
        if drawn.is_floating_point():
            return rgb(pixels.to_uint8(pixels.resize(drawn, self.size))[0])
        return rgb(drawn[0].cpu().numpy())

    def last(self) -> pixels.Frame:
        """The last frame again, black before the first: for a shot that cannot be drawn."""
        return self._black() if self._frame is None else self._frame

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
