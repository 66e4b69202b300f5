"""How much work a projection is: the stages of each preset, from coarse to fine and from W outward."""

from __future__ import annotations

from dataclasses import dataclass

from latentart.errors import SettingsError, unknown

SPACES = ("w", "w+")


@dataclass(frozen=True)
class Stage:
    """A descent in one space, on pictures of one size.

    size: longer side in pixels, None the generator's own. rate: learning rate in units of w's deviation.
    patience: steps without gain after which a picture is done, 0 for never.
    """

    space: str
    size: int | None
    steps: int
    rate: float
    patience: int = 0


@dataclass(frozen=True)
class Preset:
    """starts: how many beginnings are tried per picture in the first stage. Stages of W+ are left out for space 'w'."""

    stages: tuple[Stage, ...]
    noise_steps: int
    tune_steps: int
    starts: int = 1


PRESETS = {
    "preview": Preset(
        (Stage("w", 64, 40, 0.2), Stage("w", 128, 10, 0.05), Stage("w+", 128, 20, 0.1)),
        noise_steps=20, tune_steps=30,
    ),
    "standard": Preset(
        (Stage("w", 64, 60, 0.2), Stage("w", 128, 40, 0.1), Stage("w", None, 40, 0.05),
         Stage("w+", 128, 100, 0.1, 30), Stage("w+", None, 60, 0.05, 30)),
        noise_steps=100, tune_steps=120, starts=2,
    ),
    "deep": Preset(
        (Stage("w", 64, 100, 0.2), Stage("w", 128, 100, 0.1, 50), Stage("w", None, 150, 0.05, 50),
         Stage("w+", 128, 250, 0.1, 80), Stage("w+", None, 300, 0.05, 80)),
        noise_steps=300, tune_steps=350, starts=4,
    ),
}  # fmt: skip
PUBLISHED = "nvidia"
"""A further preset: the published schedule of StyleGAN2's projector, for comparison; see `nvidia`."""


def preset(name: str) -> Preset:
    """The preset of that name. Raises SettingsError."""
    if name not in PRESETS:
        raise SettingsError(unknown("preset", name, [*PRESETS, PUBLISHED]))
    return PRESETS[name]


def check_space(space: str) -> str:
    """Returns 'w' or 'w+', or raises SettingsError."""
    if space not in SPACES:
        raise SettingsError(unknown("space", space, SPACES))
    return space
