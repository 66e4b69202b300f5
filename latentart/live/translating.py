"""The translators of one process: read by name, made fast for a size, and put on pictures."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from latentart import seeds
from latentart.engine.translators import compile_translator
from latentart.errors import PictureError, SettingsError
from latentart.live.names import choose
from latentart.live.slots import PLAIN, Size, Touch
from latentart.translators.base import Translator
from latentart.translators.load import load_translator, names
from latentart.weights import cards

log = logging.getLogger("latentart.live")


@dataclass
class Opened:
    """One translator, as it is and behind an engine."""

    plain: Translator
    fast: Translator


class Translators:
    """Names to translators. `open` may run in a thread while `draw` goes on."""

    def __init__(self, device: str | None = None, *, only: str | None = None, precision: str = "live") -> None:
        """only: 'eager' draws all by plain PyTorch. precision: 'live' or 'master'."""
        self.device, self.only, self.precision = device, only, precision
        self._opened: dict[str, Opened] = {}
        self._told: set[str] = set()

    def open(self, name: str, size: Size) -> dict[str, Any]:
        """Reads a translator and makes it fast for a size; returns what decides its pictures. Raises LatentartError."""
        opened = self._open(name)
        style = torch.zeros(opened.plain.style_dim) if opened.plain.style is None else opened.plain.style
        with torch.inference_mode():
            opened.fast.translate(self._trial(opened, size), style=style if opened.plain.style_dim else None)
        engine = getattr(opened.fast, "choice", PLAIN)
        return {"then": name, "size": list(size), "sha256": opened.plain.sha256, "engine": engine}

    def draw(self, touch: Touch, img: Tensor) -> Tensor:
        """img [1, 3, H, W] in [-1, 1] -> the same size, translated. Raises LatentartError."""
        opened = self._open(touch.network)
        T = opened.fast if touch.graph else opened.plain
        given = img if T.in_channels == 3 else img.mean(dim=1, keepdim=True)
        try:
            with torch.inference_mode():
                made = T.translate(given.to(self._device(opened)), touch.strength, style=style_of(T, touch))
        except PictureError as error:
            # Another model's pictures may be too small for it: they are shown without.
            self._tell(touch.network, str(error))
            return img
        return made.to(img.device)

    def _tell(self, name: str, fault: str) -> None:
        if name not in self._told:
            self._told.add(name)
            log.warning("%s is left out: %s", name, fault)

    def _open(self, name: str) -> Opened:
        if name not in self._opened:
            self._opened[name] = self._load(name)
        return self._opened[name]

    def _load(self, name: str) -> Opened:
        T = load_translator(choose("translator", name, names()), self.device)
        if T.in_channels not in (1, 3):
            raise SettingsError(f"{name} wants pictures of {T.in_channels} channels: live pictures have 3")
        return Opened(T, T if self.only == PLAIN else compile_translator(T, precision=self.precision))

    def _trial(self, opened: Opened, size: Size) -> Tensor:
        """Something like a picture: a smooth one has no contrast to be normalised by, and every error grows."""
        shape, random = (1, opened.plain.in_channels), seeds.stream(0)
        sides = [4 << octave for octave in range(6)]
        layers = [torch.from_numpy(random.uniform(-1, 1, (*shape, side, side))).float() for side in sides]
        whole = [torch.nn.functional.interpolate(layer, size=size[::-1], mode="bilinear") for layer in layers]
        return torch.stack(whole).sum(0).div(2).clamp(-1, 1).to(self._device(opened))

    def _device(self, opened: Opened) -> torch.device | str:
        first = next(opened.plain.parameters(), None)
        return "cpu" if first is None else first.device


def offered() -> list[dict[str, Any]]:
    """What a slot may be given: name, family, number of styles, and the side in pixels that it was trained at (or 0).

    Raises WeightsError.
    """
    facts = {name: cards.card(name).facts for name in cards.names()}
    return [{"name": name, **_offer(name, facts.get(name, {}))} for name in names()]


def _offer(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"family": facts.get("family", name), "styles": facts.get("styles", 0), "size": facts.get("size", 0)}


def style_of(T: Translator, touch: Touch) -> Tensor | None:
    """The mixture of styles that a touch means, [style_dim]; None for a translator without a list of styles."""
    if not T.style_names or not touch.styles:
        return None
    style = torch.zeros(T.style_dim)
    for number, share in touch.styles:
        style[min(number, len(T.style_names) - 1)] += share
    return style
