"""The translators of one process: read by name, made fast for a size, and put on pictures."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentart import pixels
from latentart.engine.translators import compile_translator, trial_picture
from latentart.errors import PictureError, SettingsError
from latentart.live.play.slots import PLAIN, Size, Touch
from latentart.live.wire.names import choose
from latentart.media import image_files
from latentart.translators.base import Translator
from latentart.translators.load import load_translator, names
from latentart.weights import cards, families

log = logging.getLogger("latentart.live")

PICTURES = Path("live") / "styles"
MOST_PICTURES = 32


@dataclass
class Opened:
    """One translator, as it is and behind an engine."""

    plain: Translator
    fast: Translator
    styles: Tensor | None
    """[styles, style_dim]; None for a translator of one style."""


class Translators:
    """Names to translators. `open` may run in a thread while `draw` goes on."""

    def __init__(
        self, device: str | None = None, *, only: str | None = None, precision: str = "live", pictures: Path = PICTURES
    ) -> None:
        """only: 'eager' draws all by plain PyTorch. precision: 'live' or 'master'.

        pictures: a folder of those that networks for any style take theirs from, in order of name.
        """
        self.pictures = pictures
        self.device, self.only, self.precision = device, only, precision
        self._opened: dict[str, Opened] = {}
        self._told: set[str] = set()

    def open(self, name: str, size: Size) -> dict[str, Any]:
        """Reads a translator and makes it fast for a size; returns what decides its pictures. Raises LatentartError."""
        opened = self._open(name)
        style = style_of(opened.styles, ((0, 1.0),))
        # A strength inside the network has a graph of its own: no picture is to wait for that.
        strengths = (1.0,) if opened.plain.strength_by == "image" else (1.0, 0.5)
        with torch.inference_mode():
            for strength in strengths:
                opened.fast.translate(self._trial(opened, size), strength, style=style)
        engine = getattr(opened.fast, "choice", PLAIN)
        return {"then": name, "size": list(size), "sha256": opened.plain.sha256, "engine": engine}

    def draw(self, touch: Touch, img: Tensor) -> Tensor:
        """img [1, 3, H, W] in [-1, 1] -> the same size, translated. Raises LatentartError."""
        opened = self._open(touch.network)
        T = opened.fast if touch.graph else opened.plain
        given = img if T.in_channels == 3 else img.mean(dim=1, keepdim=True)
        try:
            with torch.inference_mode():
                made = T.translate(
                    given.to(opened.plain.device), touch.strength, style=style_of(opened.styles, touch.styles)
                )
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
        fast = T if self.only == PLAIN else compile_translator(T, precision=self.precision)
        return Opened(T, fast, self._styles(T))

    def _styles(self, T: Translator) -> Tensor | None:
        """The styles that numbers mean: the network's own, else those of the pictures."""
        if not T.style_dim:
            return None
        if T.style_names:
            return torch.eye(T.style_dim, device=T.device)
        found = [_style(T, path, T.device) for path in pictures_in(self.pictures)]
        if not found and T.style is None:
            raise SettingsError(
                f"{T.name} takes its style from a picture: put some into the folder {str(self.pictures)!r}"
            )
        return torch.stack(found) if found else T.style[None].to(T.device)  # type: ignore[index]

    def _trial(self, opened: Opened, size: Size) -> Tensor:
        return trial_picture(torch.empty(1, opened.plain.in_channels, size[1], size[0], device=opened.plain.device))


def offered(pictures: Path = PICTURES) -> list[dict[str, Any]]:
    """What a slot may be given: name, family, number of styles, and the side in pixels that it was trained at (or 0).

    Raises WeightsError.
    """
    facts = {name: cards.card(name).facts for name in cards.names()}
    count = len(pictures_in(pictures))
    return [{"name": name, **_offer(name, facts.get(name, {}), count)} for name in names()]


def _offer(name: str, facts: Mapping[str, Any], pictures: int) -> dict[str, Any]:
    family = facts.get("family", name)
    any_style = getattr(families.find(family), "KIND", "") == "style"
    styles = facts.get("styles", pictures if any_style else 0)
    return {"family": family, "styles": styles, "size": facts.get("resolution", 0)}


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in order of name, at most MOST_PICTURES; none where there is no folder."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in image_files.ENDINGS)[:MOST_PICTURES]


def _style(T: Translator, path: Path, device: torch.device) -> Tensor:
    with torch.inference_mode():
        return T.style_of(pixels.to_float(pixels.open_image(path)).to(device))


def style_of(styles: Tensor | None, shares: Sequence[tuple[int, float]]) -> Tensor | None:
    """The mixture of styles [styles, style_dim] that numbers and their shares mean, [style_dim]."""
    if styles is None:
        return None
    mixture = torch.zeros(styles.shape[1], device=styles.device)
    for number, share in shares:
        mixture += share * styles[min(number, len(styles) - 1)]
    return mixture
