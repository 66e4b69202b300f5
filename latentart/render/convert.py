"""Pictures, folders of pictures and films from one file into another, each picture changed on the way."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import files, footage, pixels, provenance, seeds, sequence
from latentart.errors import PictureError, TargetError
from latentart.files import regular
from latentart.footage import Footage
from latentart.media import image_files, transparency
from latentart.render.frames import Then
from latentart.render.write import write
from latentart.sinks import soundtrack
from latentart.sinks.formats import FORMATS, choose
from latentart.sinks.images import STILLS, check_still, write_image
from latentart.sinks.sink import open_sink
from latentart.sinks.video import CONTAINERS
from latentart.translators.base import Translator, check_strength
from latentart.translators.smoothing import Smoothed, check_smoothing

log = logging.getLogger(__name__)

PICTURES = image_files.ENDINGS


@dataclass(frozen=True)
class AtMost:
    """A size: the longest side is made this where it is longer."""

    side: int


Size = tuple[int, int] | int | AtMost | None
"""(width, height), filled and cut; a number: the longest side; None: as it came."""
Report = Callable[[int, int], None]
"""report(done, total) after each picture; total is 0 where the film does not say how long it is."""
Strength = float | Callable[[float], float]
"""A number, or how it changes with the part of the film that has passed, 0..1."""


@dataclass
class Converted:
    """What was made: the file or folder, how many pictures, their size (of a folder the last), the rate of a film."""

    target: Path
    frames: int = 0
    size: tuple[int, int] = (0, 0)
    fps: Fraction | None = None
    skipped: list[str] = field(default_factory=list)
    """Why pictures of a folder were left out, one line each."""


def translate_file(
    T: Translator,
    source: str | Path,
    target: str | Path,
    *,
    strength: Strength = 1.0,
    style: Tensor | None = None,
    size: Size = None,
    smoothing: float = 0.0,
    seed: int = 0,
    overwrite: bool = False,
    on_frame: Report = lambda done, total: None,
    **options: Any,
) -> Converted:
    """A picture, a folder of pictures or a film through a translator, into the same kind.

    strength, style: see `Translator.translate`. smoothing: 0..1, how much films are calmed, see `Smoothed`.
    seed: names what is random in the network, the same for each picture. options go to the sink of a film (crf,
    preset, format, fps). Raises LatentartError; after Ctrl-C the film so far is kept.
    """
    if not callable(strength):
        check_strength(strength)
    described: dict[str, Any] = {
        "strength": None if callable(strength) else strength,
        "smoothing": check_smoothing(smoothing),
        "seed": seed,
    }
    described["style"] = None if style is None or style.ndim > 1 or len(style) > 128 else style.tolist()
    settings = provenance.record(device=T.device, translator=describe(T), translation=_given(described))
    change = _translation(T, strength, style, smoothing if makes_film(source, target) else 0.0, seed)
    return convert(
        change, source, target, size=size, settings=settings, overwrite=overwrite, on_frame=on_frame, **options
    )


def describe(T: Translator) -> dict[str, Any]:
    """What a settings record says of a translator."""
    facts = {"name": T.name, "family": T.family, "sha256": T.sha256, "licence": T.licence}
    return {**facts, "switches": list(T.inferred)}


def _translation(T: Translator, strength: Strength, style: Tensor | None, smoothing: float, seed: int) -> Then:
    played: Any = Smoothed(T, smoothing) if smoothing else T
    seeds.check(seed)

    def change(img: Tensor, u: NDArray[np.float64]) -> Tensor:
        amount = strength(float(u[0])) if callable(strength) else strength
        # Dropout that is the same in every frame does not flicker.
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(seed)
            made: Tensor = played.translate(img.to(T.device), amount, style=style)
        return made

    change.sees_alpha = T.in_channels == 4  # type: ignore[attr-defined]
    return change


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def convert(
    change: Then,
    source: str | Path,
    target: str | Path,
    *,
    size: Size = None,
    ground: str | None = None,
    settings: dict[str, Any] | None = None,
    overwrite: bool = False,
    on_frame: Report = lambda done, total: None,
    **options: Any,
) -> Converted:
    """Every picture of `source` as `change` makes it: picture to picture, folder to folder, film to film.

    A folder becomes a film where the target is one (fps: 30 by default). change: img [1, 3, H, W] in [-1, 1] and
    u [1], the part of the film that has passed -> img of any size. ground: a colour that transparent pictures are
    laid over first; None puts their alpha back behind the change (see `transparency`). Raises LatentartError.
    """
    behind = None if ground is None else transparency.colour(ground)
    change = _grounded(change, behind)
    source, kept = Path(source), {**(settings or {}), "source": Path(source).name}
    kept.update({} if behind is None else {"ground": transparency.spelled(behind)})
    if source.is_dir() and not _is_film(target):
        return _folder(change, source, Path(target), size=size, settings=kept, overwrite=overwrite, on_frame=on_frame)
    if makes_film(source, target) and Path(target).suffix.lower() not in (".png", ".jpg", ".jpeg"):
        return _film(
            change,
            source,
            str(target),
            size=size,
            settings=kept,
            overwrite=overwrite,
            on_frame=on_frame,
            options=options,
        )
    if not os.path.exists(source):
        open_picture(source, size)  # raises, and knows what its name may have meant
    made = Converted(check_still(target, overwrite=overwrite))
    _still(change, source, made, made.target, size=size, settings=kept, overwrite=overwrite)
    on_frame(1, 1)
    return made


def makes_film(source: str | Path, target: str | Path) -> bool:
    """Whether pictures follow each other: a film, an animated picture, or a folder that becomes a film."""
    return footage.moves(source) or (Path(source).is_dir() and _is_film(target))


def _is_film(target: str | Path) -> bool:
    ending = Path(target).suffix.lower()
    return ending in (*CONTAINERS, ".gif", ".webp") and not Path(target).is_dir() and not str(target).endswith("/")


def _grounded(change: Then, ground: transparency.Ground | None) -> Then:
    if ground is None:
        return transparency.kept(change)
    return lambda img, u: change(transparency.rgb(img, ground), u)


def open_picture(path: str | Path, size: Size = None) -> Tensor:
    """A picture file as [1, 3, H, W] in [-1, 1], or [1, 4, H, W] where it is transparent. Raises PictureError."""
    frame = pixels.open_image(path, "RGBA")
    opaque = bool((frame[:, :, 3] == 255).all())
    return sized(pixels.to_float(frame[:, :, :3] if opaque else frame), size)


def sized(img: Tensor, size: Size) -> Tensor:
    """img [N, C, H, W] in another size."""
    if size is None:
        return img
    return pixels.resize_straight(img, shape(size, (img.shape[-1], img.shape[-2]))).clamp(-1, 1)


def shape(size: Size, own: tuple[int, int]) -> tuple[int, int]:
    """(width, height) that a picture of the size `own` gets. Raises SettingsError."""
    if isinstance(size, AtMost):
        size = size.side if max(own) > size.side else None
    if size is None:
        return own
    if isinstance(size, tuple):
        return pixels.check_size(size)
    scale = pixels.check_size((size, size))[0] / max(own)
    return pixels.check_size((max(1, round(own[0] * scale)), max(1, round(own[1] * scale))))


def _still(
    change: Then,
    source: Path,
    made: Converted,
    target: Path,
    *,
    size: Size,
    settings: dict[str, Any],
    overwrite: bool,
) -> None:
    frame = pixels.to_uint8(change(open_picture(source, size), np.zeros(1)))[0]
    write_image(target, frame, settings, overwrite=overwrite)
    made.frames, made.size = made.frames + 1, (frame.shape[1], frame.shape[0])


def _folder(
    change: Then, source: Path, target: Path, *, size: Size, settings: dict[str, Any], overwrite: bool, on_frame: Report
) -> Converted:
    found = regular.listed(source, PICTURES)
    if not found:
        raise PictureError(f"there is no picture in {str(source)!r}: give {image_files.LISTED} files")
    _make_folder(target)
    places = _places(found, target)
    for place in () if overwrite else places:
        files.check_target(place)
    made = Converted(target)
    for number, (path, place) in enumerate(zip(found, places, strict=True), start=1):
        try:
            _still(
                change, path, made, place, size=size, settings={**settings, "source": path.name}, overwrite=overwrite
            )
        except PictureError as error:
            made.skipped.append(str(error))
        on_frame(number, len(found))
    if not made.frames:
        raise PictureError(f"no picture of {str(source)!r} could be used: {made.skipped[0]}")
    return made


def _make_folder(target: Path) -> None:
    with files.explained(target):
        if target.exists() and not target.is_dir():
            raise TargetError(f"cannot write pictures to {str(target)!r}: it is a file: give a folder")
        files.check_folder(target)
        target.mkdir(exist_ok=True)


def _places(found: list[Path], target: Path) -> list[Path]:
    """Where each picture goes: under its own name where that can be written, as PNG otherwise, none twice."""
    names: list[str] = []
    for path in found:
        own = path.name if path.suffix.lower() in STILLS else f"{path.stem}.png"
        names.append(own if own not in names else f"{path.stem}-{path.suffix[1:]}.png")
    return [target / name for name in names]


def _film(
    change: Then, source: Path, target: str, *, size: Size, settings: dict[str, Any], overwrite: bool, on_frame: Report,
    options: dict[str, Any],
) -> Converted:  # fmt: skip
    reader: Any = sequence if source.is_dir() else footage
    film = reader.open_footage(source, options.pop("fps", None))
    sink = open_sink(
        target, fps=film.fps, settings={**settings, "frames": film.frames}, overwrite=overwrite, **options,
        **_sound(film, target),
    )  # fmt: skip
    pictures = _changed(change, film, reader.read(film, None), size, _step(target, options.get("format")))
    made = write(sink, pictures, film.frames, on_frame)
    return Converted(made.target, made.frames, made.size, film.fps)


def _changed(
    change: Then, film: Footage, seen: Iterator[pixels.Frame], size: Size, step: int
) -> Iterator[pixels.Frame]:  # fmt: skip
    width, height = shape(size, film.size)
    # Cutting a row off is invisible; scaling by a pixel would soften everything.
    cut = (max(step, width - width % step), max(step, height - height % step))
    for number, frame in enumerate(seen):
        img = pixels.resize_straight(sized(pixels.to_float(frame), size), cut)
        u = min(1.0, number / film.frames) if film.frames else 0.0
        yield pixels.to_uint8(change(img, np.array([u])))[0]


def _step(target: str, format: str | None) -> int:
    """What the sides of a film must be multiples of."""
    ending = Path(target).suffix.lower()
    return 2 if ending in CONTAINERS and "420" in FORMATS[choose(ending, format)].pixels else 1


def _sound(film: Footage, target: str) -> dict[str, Path]:
    """The film's sound as an option of the sink, where the target can hold it."""
    ending = Path(target).suffix.lower()
    if not film.sound or ending not in CONTAINERS:
        return {}
    if codec := soundtrack.misfit(film.path, ending):
        log.warning("the sound (%s) does not go into %s: the film is silent; choose .mkv to keep it", codec, ending)
        return {}
    return {"sound": film.path}
