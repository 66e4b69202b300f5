"""StyleGAN2 and StyleGAN2-ADA: `network` has the layers and `Config`, `family` reads the files of all projects."""

from latentart.models.stylegan2.family import (
    LOOKS_FOR,
    arrange,
    build,
    complete,
    convert,
    facts_shown,
    matches,
)
from latentart.models.stylegan2.network import ARCHITECTURES, FAMILY, Config, StyledConv, StyleGAN2, ToRGB

__all__ = [
    "ARCHITECTURES",
    "FAMILY",
    "LOOKS_FOR",
    "Config",
    "StyleGAN2",
    "StyledConv",
    "ToRGB",
    "arrange",
    "build",
    "complete",
    "convert",
    "facts_shown",
    "matches",
]
