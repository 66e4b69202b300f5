"""StyleGAN3: `network` has the layers and `Config`, `family` reads the files."""

from latentart.models.stylegan3.family import LOOKS_FOR, build, complete, convert, facts_shown, matches
from latentart.models.stylegan3.network import (
    FAMILY,
    Config,
    LayerPlan,
    StyleGAN3,
    downsample,
    upsample,
)

__all__ = [
    "FAMILY",
    "LOOKS_FOR",
    "Config",
    "LayerPlan",
    "StyleGAN3",
    "build",
    "complete",
    "convert",
    "downsample",
    "facts_shown",
    "matches",
    "upsample",
]
