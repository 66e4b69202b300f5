"""Styles in words: '7', '7=0.5+3=0.5', or a picture's path for networks that take a style from a picture."""

from __future__ import annotations

from torch import Tensor

from latentart.translators.base import Translator


def read_style(T: Translator, text: str) -> Tensor:
    """The style of T that the text means, [style_dim]: a name, a mix of names, or a picture. Raises LatentartError."""
    found = T.style_as_vector(text)
    assert found is not None
    return found
