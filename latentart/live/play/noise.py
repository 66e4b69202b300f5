"""The noise inputs of a live picture: as trained, none, boiling or new in every frame, at any strength."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor

from latentart import seeds
from latentart.models.base import Generator

Maps = dict[str, Tensor]


class Noises:
    """The noise maps of one generator."""

    def __init__(self, G: Generator) -> None:
        self.shapes = G.noise_shapes
        stored = {name.removesuffix(".noise_const"): maps for name, maps in G.synthesis.named_buffers()}
        self.trained = {name: stored[name].cpu() for name in self.shapes if name in stored}
        self._fields = lru_cache(maxsize=4)(self._draw)

    def at(self, mode: str, amount: float, *, seed: int, turn: float, frame: int) -> Maps | None:
        """Maps [H, W] by layer name; None draws with the trained ones."""
        if not self.shapes or (mode == "const" and amount == 1):
            return None
        if mode == "none" or amount == 0:
            return {name: torch.zeros(shape) for name, shape in self.shapes.items()}
        if mode == "const":
            return scaled(self.trained, amount)
        if mode == "boil":
            return scaled(self._boiling(seed, turn), amount)
        return scaled(_tensors(seeds.noise(self.shapes, seed, frame)), amount)

    def _boiling(self, seed: int, turn: float) -> Maps:
        # Two fields turned into each other keep the variance that the model was trained with.
        cos, sin = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
        one, two = self._fields(seed, 1), self._fields(seed, 2)
        return {name: one[name] * cos + two[name] * sin for name in one}

    def _draw(self, seed: int, which: int) -> Maps:
        return _tensors(seeds.noise(self.shapes, seed, which))


def scaled(maps: Mapping[str, Tensor], amount: float) -> Maps:
    """Every map times `amount`."""
    return dict(maps) if amount == 1 else {name: values * amount for name, values in maps.items()}


def _tensors(maps: Mapping[str, object]) -> Maps:
    return {name: torch.as_tensor(values) for name, values in maps.items()}
