"""How much work a projection is: the stages of each preset, from coarse to fine and from W outward."""

from __future__ import annotations

from dataclasses import dataclass

from latentart.errors import SettingsError, unknown

SPACES = ("w", "w+")
ARRANGE = 8.0
"""Pixel weight of stages in W, which find where things are."""
MATTER = 0.8
"""Pixel weight of stages in W+ at 64 pixels, which find what things are made of."""
DETAIL = 0.4
"""The same where 128 pixels are compared too: as much as MATTER there."""


@dataclass(frozen=True)
class Stage:
    """A descent in one space.

    look: longer side, in pixels, at which pictures are compared. rate: learning rate in units of w's deviation.
    patience: steps without gain after which a picture is done, 0 for never. pixels: weight of the mean squared
    error beside the perceptual distance at the generator's own size; in a smaller look, where pixels say less, it
    counts less in proportion. Large values find the arrangement, small ones the textures. anew: begins where the
    whole search began, and is kept for those pictures that it brings nearer than the stages before. closer: a larger
    look that counts as much, 0 for none: alone it finds details and forgets what is large.
    """

    space: str
    look: int
    steps: int
    rate: float
    patience: int = 0
    pixels: float = MATTER
    anew: bool = False
    closer: int = 0

    @property
    def name(self) -> str:
        """Space and look, as results and benchmarks say it: 'w 64', 'w+ 64+128'."""
        return f"{self.space} {self.look}" + (f"+{self.closer}" if self.closer else "")


@dataclass(frozen=True)
class Preset:
    """starts: how many beginnings are tried per picture in the first stage.

    stages: the way to W+. alone: the way for space 'w', () for the same without the stages of W+. A code that W has
    driven far is a worse beginning for W+, so the two part early.
    """

    stages: tuple[Stage, ...]
    noise_steps: int
    tune_steps: int
    starts: int = 1
    alone: tuple[Stage, ...] = ()

    def way(self, space: str) -> tuple[Stage, ...]:
        """Returns the stages of the optimization for a latent space of SPACES."""
        if space == "w+":
            return self.stages
        return self.alone or tuple(stage for stage in self.stages if stage.space == "w")


PRESETS = {
    "preview": Preset(
        (Stage("w", 64, 25, 0.2, pixels=ARRANGE), Stage("w+", 64, 20, 0.2)),
        noise_steps=20, tune_steps=30,
    ),
    "standard": Preset(
        (Stage("w", 64, 40, 0.2, pixels=ARRANGE),
         Stage("w+", 64, 160, 0.3), Stage("w+", 64, 160, 0.2, pixels=DETAIL, closer=128)),
        noise_steps=80, tune_steps=160,
        # Arrangement first or strokes first: each gets stuck where the other does not.
        alone=(Stage("w", 64, 100, 0.2, pixels=10), Stage("w", 64, 100, 0.2, pixels=2, anew=True),
               Stage("w", 64, 60, 0.1, 30, 4)),
    ),
    "deep": Preset(
        (Stage("w", 64, 40, 0.2, pixels=ARRANGE),
         Stage("w+", 64, 400, 0.3, 150), Stage("w+", 64, 400, 0.2, 120, DETAIL, closer=128)),
        noise_steps=300, tune_steps=350, starts=4,
        alone=(Stage("w", 64, 150, 0.2, pixels=10), Stage("w", 64, 150, 0.2, pixels=2, anew=True),
               Stage("w", 64, 150, 0.1, 60, 4), Stage("w", 128, 60, 0.05, 30, 4)),
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
