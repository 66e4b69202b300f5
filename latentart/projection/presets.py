"""How much work a projection is: the stages of each preset, from coarse to fine and from W outward."""

from __future__ import annotations

from dataclasses import dataclass

from latentart.errors import SettingsError, unknown

SPACES = ("w", "w+")
ARRANGE = 10.0
"""Pixel weight of stages in W, which find where things are."""
MATTER = 0.4
"""Pixel weight of stages in W+, which find what they are made of."""


@dataclass(frozen=True)
class Stage:
    """A descent in one space.

    look: longer side, in pixels, at which pictures are compared. rate: learning rate in units of w's deviation.
    patience: steps without gain after which a picture is done, 0 for never. pixels: weight of the mean squared
    error beside the perceptual distance at the generator's own size; in a smaller look, where pixels say less, it
    counts less in proportion. Large values find the arrangement, small ones the textures.
    """

    space: str
    look: int
    steps: int
    rate: float
    patience: int = 0
    pixels: float = MATTER


@dataclass(frozen=True)
class Preset:
    """starts: how many beginnings are tried per picture in the first stage.

    stages: the way to W+; for space 'w' its stages of W only, and then those of `finish`, which a way to W+ leaves out:
    a code that W has driven far is a worse beginning for W+.
    """

    stages: tuple[Stage, ...]
    noise_steps: int
    tune_steps: int
    starts: int = 1
    finish: tuple[Stage, ...] = ()

    def way(self, space: str) -> tuple[Stage, ...]:
        """The stages for one of SPACES."""
        if space == "w+":
            return self.stages
        return tuple(stage for stage in self.stages if stage.space == "w") + self.finish


PRESETS = {
    "preview": Preset(
        (Stage("w", 64, 25, 0.2, pixels=ARRANGE), Stage("w+", 64, 20, 0.2)),
        noise_steps=20, tune_steps=30,
    ),
    "standard": Preset(
        (Stage("w", 64, 120, 0.2, 40, ARRANGE), Stage("w", 64, 80, 0.05, 40, ARRANGE),
         Stage("w+", 64, 140, 0.2, 30)),
        noise_steps=80, tune_steps=160,
    ),
    "deep": Preset(
        (Stage("w", 64, 300, 0.2, 80, ARRANGE), Stage("w", 128, 80, 0.05, 40, ARRANGE),
         Stage("w+", 64, 300, 0.2, 60), Stage("w+", 128, 150, 0.1, 60)),
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
