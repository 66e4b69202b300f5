"""Mixes of a network's styles in words: '7', '7=0.5+3=0.5'."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from latentart.errors import SettingsError, unknown


def mix(text: str, names: Sequence[str], network: str) -> Tensor:
    """Rows of the unit matrix, weighted so that they sum to 1, [styles]. Raises SettingsError."""
    style = torch.zeros(len(names))
    for part in text.split("+"):
        name, _, share = part.partition("=")
        if name.strip() not in names:
            raise SettingsError(unknown(f"style of {network}", name.strip(), names))
        style[list(names).index(name.strip())] += _share(share or "1", text)
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
