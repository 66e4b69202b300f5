"""Translators one after the other behind a generator, each with a strength and a style that may change over time.

One spelling in films, scores and live sets: KIND[:NETWORK[:STYLE]][@STRENGTH], for example 'cartoon',
'style:mosaic26:7@0.6', 'style:mosaic26:3..7..12' (styles reached one after the other around the loop),
'translate:faces.pth@0..1..0'. The kind names the network where none is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.errors import SettingsError, unknown
from latentart.latent.automation import Amount, parse_amount
from latentart.media.transparency import rgb
from latentart.translators.base import Translator, check_strength
from latentart.translators.load import load_translator
from latentart.translators.style.spelling import read_style

KINDS = {"style": "mosaic26", "cartoon": "cartoon", "translate": ""}
"""Kind -> the network meant where none is named; '' asks for one."""
EXAMPLE = "style:mosaic26:7@0.6"
MOST_LINKS = 8


@dataclass(frozen=True)
class Link:
    """One translator of a chain: network is a name or path, styles are texts reached at equal steps of the loop."""

    network: str
    styles: tuple[str, ...]
    strength: Amount

    @property
    def moves(self) -> bool:
        """Whether strength or style changes over the film."""
        return self.strength.moves or len(self.styles) > 1

    @property
    def words(self) -> dict[str, Any]:
        """The link as JSON, files by their names."""
        styles = [Path(style).name for style in self.styles]
        return {"network": Path(self.network).name, "styles": styles, "strength": list(self.strength.keys)}


def parse(text: str) -> Link:
    """'KIND[:NETWORK[:STYLE]][@STRENGTH]'. Raises SettingsError."""
    kind, _, rest = _without_strength(text).partition(":")
    if kind not in KINDS:
        raise SettingsError(unknown("translator kind", kind, KINDS) + f", as in {EXAMPLE}")
    network, style = _network_and_style(rest)
    if not network and not KINDS[kind]:
        raise SettingsError(f"{text!r} names no network: write {kind}:FILE, for example {kind}:faces.pth@0.8")
    strength = parse_amount(text[len(_without_strength(text)) + 1 :] or "1")
    for key in strength.keys:
        check_strength(key)
    return Link(network or KINDS[kind], _styles(style), strength)


def spelled(text: str) -> str:
    """The line with files by their plain names, for records that others read."""
    kind, _, rest = _without_strength(text).partition(":")
    network, style = _network_and_style(rest)
    named = ":".join(part for part in (kind, Path(network).name, Path(style).name) if part)
    return named + text[len(_without_strength(text)) :]


def _without_strength(text: str) -> str:
    """The text up to the last '@' that a number follows: file names may hold an '@' too."""
    found = re.fullmatch(r"(.*)@[-+.\d]*", text, re.DOTALL)
    return found[1] if found else text


def _network_and_style(rest: str) -> tuple[str, str]:
    """'mosaic26:7' -> ('mosaic26', '7'). A colon may belong to a path: what exists is the network."""
    cuts = [at for at, letter in enumerate(rest) if letter == ":"]
    for at in [len(rest), *reversed(cuts)]:
        if Path(rest[:at]).exists():
            return rest[:at], rest[at + 1 :]
    network, _, style = rest.partition(":")
    return network, style


def _styles(text: str) -> tuple[str, ...]:
    """'3..7..12' -> ('3', '7', '12'); a path is one style, whatever dots it has."""
    if not text or "/" in text or "\\" in text or Path(text).exists():
        return (text,) if text else ()
    return tuple(text.split(".."))


class Chain:
    """The translators of some lines, loaded: `chain(img, u)` is the picture they make of img at phase u.

    fast: what puts a loaded network behind an engine, such as `engine.translators.compile_translator`.
    Raises LatentartError for what cannot be had.
    """

    def __init__(
        self,
        lines: Sequence[str],
        device: str | torch.device | None = None,
        fast: Callable[[Translator], Translator] | None = None,
    ) -> None:
        if len(lines) > MOST_LINKS:
            raise SettingsError(f"a chain of {len(lines)} translators: give at most {MOST_LINKS}")
        self.links = [parse(line) for line in lines]
        loaded = {network: load_translator(network, device) for network in {link.network for link in self.links}}
        self.translators = [fast(loaded[link.network]) if fast else loaded[link.network] for link in self.links]
        self._styles = [_loop(T, link.styles) for T, link in zip(self.translators, self.links, strict=True)]

    def __call__(self, img: Tensor, u: NDArray[np.float64]) -> Tensor:
        """img [N, 1, 3 or 4, H, W] in [-1, 1] at phases u [N] -> [N, 3, H, W]."""
        made = [self._one(img[[row]], u[[row]]) for row in range(len(img))]
        return torch.cat(made)

    def _one(self, img: Tensor, u: NDArray[np.float64]) -> Tensor:
        made = rgb(img) if img.shape[1] != 3 else img
        for T, link, style in zip(self.translators, self.links, self._styles, strict=True):
            made = T.translate(made, float(link.strength(u)[0]), style=style(float(u[0])))
        return made

    def record(self) -> list[dict[str, Any]]:
        """What decides the pictures, as JSON: each network with its hash, its styles and strengths."""
        pairs = zip(self.translators, self.links, strict=True)
        return [{**link.words, "family": T.family, "sha256": T.sha256} for T, link in pairs]


Styles = Callable[[float], Tensor | None]


def _loop(T: Translator, texts: Sequence[str]) -> Styles:
    """Phase -> style [style_dim]: the styles in turn, eased, the last leading back to the first."""
    styles = [read_style(T, text) for text in texts]
    if not styles:
        return lambda u: None
    weights = [Amount(tuple(float(i == k) for i in range(len(styles)))) for k in range(len(styles))]

    def at(u: float) -> Tensor:
        shares = [float(weight(np.array([u]))[0]) for weight in weights]
        return torch.stack([style * share for style, share in zip(styles, shares, strict=True)]).sum(0)

    return at if len(styles) > 1 else lambda u: styles[0]
