"""Styles for files: painted step by step after pictures, or drawn by a network; pictures, folders and films."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels, provenance
from latentart.engine.translators import compile_translator
from latentart.errors import PictureError, SettingsError
from latentart.media import transparency
from latentart.models.device import choose_device
from latentart.painting.films import FilmPainter
from latentart.painting.gatys import Step, StyleOptimizer, nothing
from latentart.painting.goal import PaintingSettings, Style
from latentart.render import convert
from latentart.render.convert import Converted, Report, Size
from latentart.render.frames import Then
from latentart.sinks.sink import open_sink
from latentart.translators import chain
from latentart.translators.base import check_strength
from latentart.translators.smoothing import calmed, check_smoothing
from latentart.translators.tiles import Tiled

LARGEST = convert.AtMost(512)
"""Of a painting, where no size is asked for."""
FILM_FRAMES, FILM_FPS = 150, 25


def share(spec: str) -> tuple[str, float]:
    """'a.jpg=0.7' -> ('a.jpg', 0.7), 'a.jpg' -> ('a.jpg', 1.0). Raises SettingsError."""
    name, equals, amount = spec.rpartition("=")
    if not equals or Path(spec).exists():
        return spec, 1.0
    try:
        found = float(amount)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise SettingsError(f"cannot read the share {amount!r} in {spec!r}: write {name}=0.7")
    return name, found


def is_picture(spec: str) -> bool:
    """Whether a style is a picture to paint after; otherwise it names a network."""
    if Path(spec).exists():
        return Path(spec).suffix.lower() in convert.PICTURES
    name = spec.rpartition("=")[0] or spec
    # 'magenta:sea.jpg' is a network and its style; 'C:/sea.jpg' is a place.
    return name.find(":") < 2 and Path(name).suffix.lower() in convert.PICTURES


def read_styles(specs: Sequence[str], masks: Sequence[str | Path] = ()) -> list[Style]:
    """Pictures with shares ('a.jpg=0.7'), and the masks of the first of them. Raises LatentartError."""
    if len(masks) > len(specs):
        raise SettingsError(f"{len(masks)} masks for {len(specs)} styles: give a --mask for each style, in their order")
    pairs = [share(spec) for spec in specs]
    regions = [_mask(path) for path in masks] + [None] * (len(specs) - len(masks))
    return [
        Style(transparency.rgb(convert.open_picture(path)), amount, mask, Path(path).name)
        for (path, amount), mask in zip(pairs, regions, strict=True)
    ]


def _mask(path: str | Path) -> Tensor:
    return (pixels.to_float(pixels.open_mask(path)) + 1) / 2


def paint_file(
    styles: Sequence[Style],
    source: str | Path,
    target: str | Path,
    settings: PaintingSettings | None = None,
    *,
    size: Size = None,
    device: str | torch.device | None = None,
    overwrite: bool = False,
    on_frame: Report = lambda done, total: None,
    on_step: Step = nothing,
    **options: Any,
) -> Converted:
    """A picture, a folder of pictures or a film painted after `styles`; LARGEST without `size`.

    on_step is called within each picture. Of a film, each frame is painted from the one before. options go to the
    sink of a film. Raises LatentartError; after Ctrl-C what was painted so far is written, and KeyboardInterrupt says
    where.
    """
    settings, place = settings or PaintingSettings(), choose_device(device)
    if convert.makes_film(source, target):
        painting: Then | PicturePainter = FilmPainter(styles, settings, device=place, on_step=on_step)
    else:
        painting = PicturePainter(styles, settings, place, on_step)
    shown = [{"name": style.name, "share": style.share, "mask": style.mask is not None} for style in styles]
    record = provenance.record(device=place, painting={**asdict(settings), "styles": shown})
    made = convert.convert(
        painting,
        source,
        target,
        size=size or LARGEST,
        settings=record,
        overwrite=overwrite,
        on_frame=on_frame,
        **options,
    )
    if isinstance(painting, PicturePainter) and painting.stopped:
        raise KeyboardInterrupt(f"interrupted: {str(made.target)!r} holds the painting after {painting.stopped} steps")
    return made


class PicturePainter:
    """Paints pictures one by one; after Ctrl-C it gives the painting so far, and refuses the next."""

    def __init__(
        self, styles: Sequence[Style], settings: PaintingSettings, device: torch.device, on_step: Step
    ) -> None:
        self.styles, self.settings, self.device, self.on_step = styles, settings, device, on_step
        self.stopped = ""
        """'120 of 200' after Ctrl-C."""

    def __call__(self, img: Tensor, u: NDArray[np.float64]) -> Tensor:
        """img [1, 3 or 4, H, W] -> [1, 3, H, W]."""
        if self.stopped:
            raise KeyboardInterrupt
        height, width = img.shape[-2:]
        for style in self.styles:
            _check_mask(style, width, height)
        painter = StyleOptimizer(img, self.styles, self.settings, self.device)
        try:
            return painter.run(self.on_step)
        except KeyboardInterrupt:
            if not painter.done:
                raise
            self.stopped = f"{painter.done} of {painter.total}"
            return painter.picture


def _check_mask(style: Style, width: int, height: int) -> None:
    if style.mask is None:
        return
    high, wide = style.mask.shape[-2:]
    if abs(wide * height / (high * width) - 1) > 0.03:
        raise PictureError(
            f"the mask of {style.name!r} is {wide}x{high}, the picture {width}x{height}: give the same proportions"
        )
    if not float(style.mask.max()) > 0:
        raise PictureError(f"the mask of {style.name!r} is black everywhere: paint white where the style goes")


def draw_file(
    spec: str,
    source: str | Path,
    target: str | Path,
    *,
    strength: float = 1.0,
    smoothing: float = 0.0,
    tile: int | None = None,
    size: Size = None,
    device: str | torch.device | None = None,
    overwrite: bool = False,
    on_frame: Report = lambda done, total: None,
    **options: Any,
) -> Converted:
    """The same through a network: 'mosaic26:7', 'mosaic26:3..7', 'my-style.pth', 'adain/:painting.jpg'.

    smoothing: 0..1, how much films are calmed. tile: side of the tiles in which larger pictures are drawn, for those
    that do not fit in memory. Raises LatentartError.
    """
    if not spec:
        raise SettingsError("a style without a name: give a picture, or a network and its style, such as mosaic26:7")
    check_strength(strength)
    check_smoothing(smoothing)
    drawn = compile_translator if tile is None else partial(Tiled, tile=tile)
    links = chain.Chain([f"style:{spec}@{strength:g}"], choose_device(device), drawn)
    moving = convert.makes_film(source, target)
    record = provenance.record(
        device=choose_device(device), then=links.record(), smoothing=smoothing if moving else 0.0, tile=tile
    )
    change = calmed(links, smoothing, held=not links.links[0].moves) if smoothing and moving else links
    return convert.convert(
        change, source, target, size=size, settings=record, overwrite=overwrite, on_frame=on_frame, **options
    )


@contextmanager
def filmed(target: str | Path, steps: int, *, overwrite: bool = False) -> Iterator[Callable[..., None]]:
    """Yields an on_step that puts the search into a film of about six seconds, its end held for one."""
    every = max(1, steps // FILM_FRAMES)
    seen: list[pixels.Frame] = []
    record = provenance.record(search={"steps": steps})
    with open_sink(target, fps=FILM_FPS, settings=record, overwrite=overwrite) as sink:

        def on_step(done: int, total: int, draw: Callable[[], Tensor]) -> None:
            if done % every == 0 or done == total:
                seen[:] = [crop_to_even(pixels.to_uint8(draw())[0])]
                sink.write(seen[0])

        yield on_step
        for frame in seen * FILM_FPS:
            sink.write(frame)


def crop_to_even(frame: pixels.Frame) -> pixels.Frame:
    """The frame without its last row or column where films need even sides."""
    height, width = frame.shape[:2]
    return np.ascontiguousarray(frame[: height - height % 2, : width - width % 2])
