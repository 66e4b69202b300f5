"""A shot to a frame of the stage's size, uint8 [H, W, 3], through the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import engine, pixels
from latentart.engine import stream
from latentart.latent import bending
from latentart.live.play.bends import Bender, drawing
from latentart.live.play.instrument import Shot
from latentart.live.play.translating import Translators
from latentart.live.wire.inbox import Incoming
from latentart.media import transparency
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
        translators: Translators | None = None,
    ) -> None:
        """size: (width, height), None keeps the model's own; only: the engine's choice to take, None the fastest.

        precision: "live" or "master". translators: those that shots name.
        Raises SettingsError, RouteError for a choice that cannot be had.
        """
        self.G = G
        native = (G.img_size[1], G.img_size[0])
        self.size = size or native
        output = "uint8" if self.size == native else "float"
        wishes: dict[str, Any] = {"output": output, "precision": precision, "noise_inputs": bool(G.noise_shapes)}
        self._draw = engine.compile(G, only=only, measure=0.05 if only else 0.3, **wishes)
        self._rounding = stream.Rounding(G.device)
        self.translators = translators or Translators(precision=precision)
        self._bender = Bender(G)
        self._key: tuple[Any, ...] | None = None
        self._frame: pixels.Frame | None = None

    @property
    def choice(self) -> str:
        """What the engine chose; `Painter(..., only=choice)` draws the same pictures."""
        return self._draw.trial.name

    @property
    def words(self) -> str:
        """The engine's choice and its measured time in words."""
        return self._draw.choice

    def paint(self, shot: Shot, incoming: Incoming | None = None) -> tuple[pixels.Frame, bool]:
        """The frame, and whether it is the same picture as the last. Raises LatentartError, such as for NaN.

        incoming: the picture that came in and takes the generator's place.
        """
        key = (*shot.key, incoming and incoming.number)
        if self._frame is not None and key == self._key:
            return self._frame, True
        self._frame = dimmed(self._picture(shot, incoming), shot.light) if shot.light > 0 else self._black()
        self._key = key
        return self._frame, False

    def _picture(self, shot: Shot, incoming: Incoming | None) -> pixels.Frame:
        drawn = self._drawn(shot) if incoming is None else incoming.frame[None]
        if not shot.then:
            return self._sized(drawn)
        img = transparency.rgb(drawn if isinstance(drawn, Tensor) and drawn.is_floating_point() else _floats(drawn))
        for touch in shot.then:
            img = self.translators.draw(touch, img)
        return self._sized(img)

    def _drawn(self, shot: Shot) -> Tensor | NDArray[Any]:
        """The generator's picture in its own size, moved, and bent by PyTorch's hooks, where it is to be.

        With hooks the engine draws by plain PyTorch, which is always at hand, and logs that once.
        """
        moved = drawing(self.G, shot.place)
        with torch.inference_mode(), bending.hooked(self.G, self._bender.changes(shot.twists)):
            return moved(shot.ws) if moved else self._draw(shot.ws, noise=shot.noise)

    def _sized(self, drawn: Tensor | NDArray[Any]) -> pixels.Frame:
        """[1, H, W, C] uint8 or [1, C, H, W] float -> the stage's size."""
        if isinstance(drawn, Tensor) and drawn.is_floating_point():
            return rgb(self._rounding.begin(pixels.resize_straight(drawn, self.size))()[0])
        frame = rgb(drawn[0].cpu().numpy() if isinstance(drawn, Tensor) else drawn[0])
        return frame if frame.shape[:2] == self.size[::-1] else self._sized(_floats(frame[None]))

    def last(self) -> pixels.Frame:
        """The last frame again, black before the first: for a shot that cannot be drawn."""
        return self._black() if self._frame is None else self._frame

    def _black(self) -> pixels.Frame:
        return np.zeros((self.size[1], self.size[0], 3), dtype=np.uint8)


def _floats(drawn: Tensor | NDArray[Any]) -> Tensor:
    """[1, H, W, C] uint8 -> [1, C, H, W] in [-1, 1]."""
    return pixels.to_float(drawn.cpu().numpy() if isinstance(drawn, Tensor) else drawn)


def rgb(frame: pixels.Frame) -> pixels.Frame:
    """[H, W, 1, 3 or 4] -> [H, W, 3]: a stage has one kind of frame whatever the model; it is black where an RGBA one
    is transparent."""
    if frame.shape[2] == 4:
        return np.ascontiguousarray(transparency.over(frame))
    return np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else np.ascontiguousarray(frame)


def dimmed(frame: pixels.Frame, light: float) -> pixels.Frame:
    """The frame at a brightness from 0 to 1."""
    if light >= 1:
        return frame
    table = (np.arange(256) * light).astype(np.uint8)
    return table[frame]
