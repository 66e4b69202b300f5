"""An opened score: models loaded, voices ready, a canvas that is drawn frame by frame and cut into screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels
from latentart.engine import stream
from latentart.errors import SettingsError
from latentart.exhibition import envelopes, sound, validate
from latentart.exhibition.score import Score, Screen, Tile
from latentart.exhibition.timeline import Instant, Voice, open_voices
from latentart.media import transparency
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.translators.upscale import upscaling
from latentart.translators.upscale.esrgan import Upscaler

Pictures = tuple[pixels.Frame | pixels.Deep, ...]
Drawn = dict[tuple[Any, ...], Tensor]
"""Pictures of a frame, which tiles may share: by voice, shift, size and fit."""
BAND = 256
"""Rows of a picture that are rounded at a time, so that floats of a whole canvas are never there."""


@dataclass(frozen=True, eq=False)
class Found:
    """What opening a score found out and other workers need not find out again: what is heard, and for sections of
    even pace the table of their speed, by voice and place."""

    hearing: envelopes.Envelopes | None
    tables: Mapping[tuple[str, int], NDArray[np.float64]]


class OpenedScore:
    """An opened score."""

    def __init__(
        self,
        score: Score,
        models: dict[str, Generator],
        found: Found | None = None,
        upscaler: Upscaler | None = None,
    ) -> None:
        self.score, self.models, self.upscaler = score, models, upscaler
        self.hearing = found.hearing if found else None
        enlarged = upscaling.resize_by(upscaler) if upscaler else pixels.resize_straight
        tables = found.tables if found else {}
        self.voices: dict[str, Voice] = open_voices(score.voices(), models, str(score.rate), enlarged, tables)
        self.tiles, self.screens, self.depths = score.tiles(), score.screens(), validate.depths(score)
        self.device = next(iter(models.values())).device
        self._check_morphs()

    @property
    def found(self) -> Found:
        """What took a while to find out, for those who open the same score again."""
        tables = {(name, n): part.table for name, voice in self.voices.items() for n, part in enumerate(voice.parts)}
        return Found(self.hearing, {place: table for place, table in tables.items() if table is not None})

    def pictures(self, number: int) -> Pictures:
        """Frame `number`, one picture [H, W, 3] (or 4) for each screen, in each depth that is wanted."""
        return self.begin(number)()

    def begin(self, number: int) -> Callable[[], Pictures]:
        """What waits for frame `number` and gives its `pictures`; a GPU is at them from now on."""
        drawn: Drawn = {}
        if stream.beside(self.device):
            with torch.inference_mode():
                for tile in self.tiles:
                    self._picture(tile, number, drawn)
        return partial(self._screened, number, drawn)

    def canvas(self, number: int) -> pixels.Frame:
        """The whole canvas of a frame, uint8 [H, W, 3], or [H, W, 4] with alpha."""
        canvas: pixels.Frame = self._canvases(number, [8], {})[0]
        return canvas

    def _screened(self, number: int, drawn: Drawn) -> Pictures:
        canvases = self._canvases(number, self.depths, drawn)
        # Who asked for the frame may hold on to the question while it is encoded.
        drawn.clear()
        return tuple(_cut(canvas, screen) for canvas in canvases for screen in self.screens)

    def _canvases(self, number: int, depths: Sequence[int], drawn: Drawn) -> list[Any]:
        """The whole canvas of a frame in each depth, [H, W, 3 or 4]. Every picture is rounded once, from floats."""
        canvases = [self._ground(depth) for depth in depths]
        with torch.inference_mode():
            for tile in self.tiles:
                img, place = self._picture(tile, number, drawn), self._place(tile)
                for canvas, depth in zip(canvases, depths, strict=True):
                    _lay(_mirrored(canvas[place], tile.mirror)[..., :3], img, stream.DEPTHS[depth], tile.colours)
        if self.score.alpha == "luma":
            for canvas in canvases:
                transparency.freed(canvas)
        return canvases

    def _ground(self, depth: int) -> Any:
        width, height = self.score.size
        colour = torch.tensor(transparency.colour(self.score.background)) / 127.5 - 1
        rounded = stream.DEPTHS[depth](colour[None, :, None, None])
        canvas = np.empty((height, width, 4 if self.score.alpha == "luma" else 3), rounded.dtype)
        canvas[..., :3] = rounded[0]
        return canvas

    def _picture(self, tile: Tile, number: int, drawn: Drawn) -> Tensor:
        size = self._size(tile)
        key = (tile.voice, tile.shift, size, tile.fit)
        if key not in drawn:
            drawn[key] = self.voices[tile.voice].picture(self._instant(number, tile.shift), size, tile.fit)
        return drawn[key]

    def _size(self, tile: Tile) -> tuple[int, int]:
        return tile.size or (self.score.size[0] - tile.at[0], self.score.size[1] - tile.at[1])

    def _place(self, tile: Tile) -> tuple[slice, slice]:
        (x, y), (width, height) = tile.at, self._size(tile)
        return slice(y, y + height), slice(x, x + width)

    def _instant(self, number: int, shift: float) -> Instant:
        fps, frames = self.score.rate, self.score.frames
        own = (number + round(shift * float(fps))) % frames
        seconds = float(own / fps)
        known = {"t": seconds, "u": own / frames, "s": 0.0}
        # What is heard belongs to this moment, wherever the tile is in its own time.
        return Instant(seconds, own, {**known, **(self.hearing.at(number) if self.hearing else {})})

    def _check_morphs(self) -> None:
        for name, voice in self.voices.items():
            for part, before in zip(voice.parts, [voice.parts[-1], *voice.parts], strict=False):
                if part.section.transition.kind == "morph" and not part.morphs_from(before):
                    models = f"{before.G.name} to {part.G.name}"
                    why = "" if part.G is not before.G else ", which is drawn in other ways"
                    raise SettingsError(
                        f"voice {name!r} cannot morph from {models}{why}: use kind = 'fade', or leave it out"
                    )


@dataclass(frozen=True)
class Exhibit:
    """A score as a job draws it: small enough to travel to workers, which open it at their first frame."""

    score: Score
    device: str | None = None
    found: Found | None = None
    """Envelopes and tables from an earlier opening of the score, if any."""

    def frames(self, start: int, stop: int) -> Iterator[Pictures]:
        """See `jobs.plan.Source`."""
        opened = self.open()
        yield from stream.ahead(map(opened.begin, range(start, stop)), opened.device)

    def sound(self) -> sound.Sound | None:
        """The sound of one round of the loop, if there is any."""
        return _sound(self.score)

    def open(self) -> OpenedScore:
        """The opened score, kept for the next chunk."""
        return _open(self.score, self.device, self.found)


@lru_cache(maxsize=1)
def _open(score: Score, device: str | None, found: Found | None) -> OpenedScore:
    networks = {section.film.network for section in score.section}
    models = {name: load(name, device) for name in sorted(networks)}
    heard = _sound(score) if found is None and _listens(score) else None
    if heard:
        found = Found(envelopes.listen(heard, score.frames, score.rate), {})
    upscaler = upscaling.load_upscaler(score.upscale, device) if score.upscale else None
    return OpenedScore(score, models, found, upscaler)


@lru_cache(maxsize=1)
def _sound(score: Score) -> sound.Sound | None:
    return sound.of(score.audio, Fraction(score.frames) / score.rate) if score.audio else None


def _listens(score: Score) -> bool:
    return any(section.play for section in score.section)


def _cut(canvas: Any, screen: Screen) -> Any:
    x, y = screen.at
    width, height = screen.size or (canvas.shape[1] - x, canvas.shape[0] - y)
    return np.ascontiguousarray(canvas[y : y + height, x : x + width])


def _mirrored(place: Any, mirror: str) -> Any:
    """[H, W, C] -> the same memory, seen from the other side."""
    return place[:: -1 if "y" in mirror else 1, :: -1 if "x" in mirror else 1]


def _lay(place: Any, img: Tensor, rounded: Callable[[Tensor], Any], colours: tuple[str, ...]) -> None:
    """Rounds a picture [1, 1, 3 or 4, H, W] into its place on a canvas, [H, W, 3], over what is there already."""
    for top in range(0, len(place), BAND):
        band = img[..., top : top + BAND, :]
        if img.shape[1] == 4:
            band = transparency.over_picture(band, _floats(place[top : top + BAND]).to(img))
        place[top : top + BAND] = rounded(_coloured(band, colours) if colours else band)[0]


def _floats(place: Any) -> Tensor:
    """A part of a canvas, [H, W, 3] of 8 or 16 bits -> [1, 3, H, W] in [-1, 1]."""
    values = torch.from_numpy(place.astype(np.float32) / (np.iinfo(place.dtype).max / 2) - 1)
    return values.permute(2, 0, 1)[None]


def _coloured(img: Tensor, colours: tuple[str, ...]) -> Tensor:
    """Brightness (BT.709 weights) -> a course through colours; img [1, 3, H, W] in [-1, 1]."""
    table = torch.tensor([transparency.colour(text) for text in colours], dtype=torch.float32) / 127.5 - 1
    weights = torch.tensor([0.2126, 0.7152, 0.0722]).to(img)
    place = ((img * weights[:, None, None]).sum(1) + 1).div(2).clamp(0, 1) * (len(colours) - 1)
    first = place.floor().long().clamp(max=len(colours) - 2)
    table = table.to(img)
    mixed = torch.lerp(table[first], table[first + 1], (place - first)[..., None])
    return mixed.permute(0, 3, 1, 2)
