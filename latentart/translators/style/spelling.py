"""Styles in words: '7', '7=0.5+3=0.5', or a picture's path for networks that take a style from a picture."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from latentart import pixels
from latentart.errors import SettingsError, unknown
from latentart.translators.base import Translator


def read_style(T: Translator, text: str) -> Tensor:
    """The style of T that the text means, [style_dim]: a name, a mix of names, or a picture. Raises LatentartError."""
    if not T.style_dim:
        raise SettingsError(f"{T.name} has one style only: leave out {text!r}")
    if T.style_names:
        return _mix(T, text)
    return T.style_of(pixels.to_float(pixels.open_image(Path(text))).to(T.device))


def _mix(T: Translator, text: str) -> Tensor:
    """'7' or '7=0.5+3=0.5': rows of the unit matrix, weighted so that they sum to 1."""
    style = torch.zeros(T.style_dim)
    for part in text.split("+"):
        name, _, share = part.partition("=")
        if name.strip() not in T.style_names:
            raise SettingsError(unknown(f"style of {T.name}", name.strip(), T.style_names))
        style[list(T.style_names).index(name.strip())] += _share(share or "1", text)
    if not style.sum() > 0:
        raise SettingsError(f"the shares in {text!r} add up to nothing: give numbers above 0")
    return style / style.sum()


def _share(share: str, text: str) -> float:
    try:
        number = float(share)
    except ValueError:
        raise SettingsError(f"cannot read the style {text!r}: write 7 or 7=0.5+3=0.5") from None
    if not math.isfinite(number) or number < 0:
        raise SettingsError(f"the share {share!r} in {text!r} is out of range: give numbers of 0 or more")
    return number
