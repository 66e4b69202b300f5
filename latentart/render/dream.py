"""Dreams for files: pictures, folders, films, and the film of a flight into a picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels, provenance, rate
from latentart.errors import SettingsError
from latentart.latent import path
from latentart.media import transparency
from latentart.models.device import choose_device
from latentart.painting.dream import Dreamer, DreamSettings, check
from latentart.painting.dream_films import FilmDreamer, zoom
from latentart.painting.gatys import Step, nothing
from latentart.render import convert
from latentart.render.convert import Converted, Report, Size
from latentart.render.style import LARGEST, crop_to_even
from latentart.render.write import write
from latentart.sinks.sink import open_sink
from latentart.translators.base import check_strength


def dream_file(
    source: str | Path,
    target: str | Path,
    settings: DreamSettings | None = None,
    *,
    guide: str | Path | None = None,
    strength: float = 1.0,
    size: Size = None,
    device: str | torch.device | None = None,
    overwrite: bool = False,
    on_frame: Report = lambda done, total: None,
    on_step: Step = nothing,
    **options: Any,
) -> Converted:
    """A picture, a folder of pictures or a film as the network dreams it; 512 pixels a side at most without `size`.

    guide: a picture whose features are dreamt of. strength: 0..1 of the dream over the picture. Raises LatentartError.
    """
    settings, place = check(settings or DreamSettings()), choose_device(device)
    check_strength(strength)
    seen = None if guide is None else convert.open_picture(guide, convert.AtMost(settings.tile))
    if convert.makes_film(source, target):
        dreaming: Callable[[Tensor, NDArray[np.float64]], Tensor] = FilmDreamer(settings, guide=seen, device=place)
    else:
        dreamer = Dreamer(settings, guide=seen, device=place)

        def dreaming(img: Tensor, u: NDArray[np.float64]) -> Tensor:
            return dreamer(img, on_step)

    def change(img: Tensor, u: NDArray[np.float64]) -> Tensor:
        return torch.lerp(img, dreaming(img, u).to(img), strength)

    return convert.convert(
        change, source, target, size=size or LARGEST, settings=_record(settings, guide, place, strength),
        overwrite=overwrite, on_frame=on_frame, **options,
    )  # fmt: skip


def zoom_film(
    source: str | Path,
    target: str | Path,
    settings: DreamSettings | None = None,
    *,
    seconds: float = 6.0,
    fps: rate.Rate = 24,
    speed: float = 1.25,
    turn: float = 0.0,
    loop: bool = False,
    guide: str | Path | None = None,
    size: Size = None,
    device: str | torch.device | None = None,
    overwrite: bool = False,
    on_frame: Report = lambda done, total: None,
    on_step: Step = nothing,
    **options: Any,
) -> Converted:
    """The film of a flight into a picture: things grow by `speed` and turn by `turn` degrees a second.

    loop: its end leads back to its beginning. options: ground, what a transparent picture is laid over (black by
    default), and those of the sink. Raises LatentartError; after Ctrl-C the film so far is kept.
    """
    settings, place = check(settings or DreamSettings()), choose_device(device)
    if not 0 < speed < math.inf:
        raise SettingsError(f"speed {speed!r} is out of range: give how much larger things are after a second")
    if not math.isfinite(turn):
        raise SettingsError(f"turn {turn!r} is out of range: give degrees a second")
    count, exact = path.clock(seconds, fps)
    img = transparency.rgb(
        convert.open_picture(source, size or LARGEST), transparency.colour(options.pop("ground", None) or "black")
    )
    seen = None if guide is None else convert.open_picture(guide, convert.AtMost(settings.tile))
    motion = {"seconds": seconds, "speed": speed, "turn": turn, "loop": loop}
    record = {**_record(settings, guide, place, 1.0), "flight": motion, "source": Path(source).name, "frames": count}
    sink = open_sink(target, fps=exact, settings=record, overwrite=overwrite, **options)
    each = Fraction(1) / exact
    flight = zoom(
        img, settings, frames=count, rate=speed ** float(each), turn=math.radians(turn) * float(each), loop=loop,
        guide=seen, device=place, on_step=on_step,
    )  # fmt: skip
    made = write(sink, (crop_to_even(pixels.to_uint8(frame)[0]) for frame in flight), count, on_frame)
    return Converted(made.target, made.frames, made.size, exact)


def _record(settings: DreamSettings, guide: str | Path | None, place: torch.device, strength: float) -> dict[str, Any]:
    named = {} if guide is None else {"guide": Path(guide).name}
    return provenance.record(device=place, dream={**asdict(settings), **named, "strength": strength})
