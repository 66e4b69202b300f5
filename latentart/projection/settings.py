"""What decides a projection beside the pictures, and what is reported while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from latentart import seeds
from latentart.errors import SettingsError
from latentart.projection import presets

FAR = 60.0
"""Weight of the distance from the mean code beside the P-norm: of a photograph's code both are a few."""
DETAIL_PIXELS = 1.0
"""Weight of the mean squared error where noise maps and generators are changed."""


@dataclass(frozen=True)
class Settings:
    """What decides a projection beside the picture; see `project`.

    norm_weight: how much codes of W+ are held near the generator's own, by the P-norm and by their distance.
    """

    preset: str = "standard"
    space: str = "w+"
    seed: int = 0
    noise: bool = False
    tune: bool = False
    align: bool = False
    norm_weight: float = 0.0005


@dataclass(frozen=True)
class Step:
    """What on_step sees.

    stage: its name; done: how much of the whole is done, 0..1; losses [N]: the best so far; ws [N, num_ws, w_dim]:
    the codes of these (None in stages that change no codes).
    """

    stage: str
    done: float
    losses: Tensor
    ws: Tensor | None


OnStep = Callable[[Step], None]


def check(settings: Settings) -> Settings:
    """Returns the settings; raises SettingsError for a preset, space, seed or mixture that does not exist."""
    presets.check_space(settings.space)
    seeds.check(settings.seed)
    if settings.preset != presets.PUBLISHED:
        presets.preset(settings.preset)
    elif settings.noise or settings.tune or settings.align:
        raise SettingsError("preset 'nvidia' is the published schedule as it is: leave out noise, tune and align")
    return settings
