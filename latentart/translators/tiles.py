"""Pictures larger than memory: drawn in tiles, with the normalisation of the whole picture.

A network of convolutions sees as far as their kernels reach, so a tile with that much of its surroundings comes out as
it would within the picture. Instance normalisation reaches everywhere: its statistics are those of the whole picture,
and are fixed before the tiles are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from latentart.errors import SettingsError, unknown
from latentart.media.transparency import rgb
from latentart.translators.base import Style, Translator, Wrapper, check_strength, pad
from latentart.translators.layers import InstanceNorm, Statistics, fixed, norms
from latentart.translators.layers import statistics as statistics_of
from latentart.translators.receptive_field import reaches

STATISTICS = ("exact", "sample")
SAMPLES, SAMPLE_SIDE = 4, 256
"""Parts across and down whose statistics "sample" takes for the whole, and their sides in pixels."""
SMALLEST_TILE = 16
Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Tile:
    """A rectangle of the picture that is drawn, and the one around it that the network sees, in pixels."""

    top: int
    left: int
    bottom: int
    right: int
    margin: int
    height: int
    width: int
    """Of the whole picture."""

    @property
    def seen(self) -> tuple[slice, slice]:
        """Rows and columns of the picture: the tile and its margin, as far as the picture goes."""
        rows = slice(max(0, self.top - self.margin), min(self.height, self.bottom + self.margin))
        return rows, slice(max(0, self.left - self.margin), min(self.width, self.right + self.margin))

    @property
    def drawn(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that it fills."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def core(self, x: Tensor) -> Tensor:
        """The part of x [N, C, h, w], made from what is seen at any scale, that lies in the tile itself."""
        rows, columns = (
            _scaled(drawn, seen, side) for drawn, seen, side in zip(self.drawn, self.seen, x.shape[-2:], strict=True)
        )
        return x[..., rows, columns]


def translate_tiled(
    T: Translator, img: Tensor, tile: int = 512, strength: float = 1.0, *, style: Tensor | None = None,
    statistics: str = "exact", progress: Progress | None = None,
) -> Tensor:  # fmt: skip
    """What `T.translate` gives, drawn in tiles: img [N, 1, 3 or 4, H, W] in [-1, 1] -> [N, 3, H, W].

    Memory beside the two pictures is that of one tile (`tile` pixels and its margin). statistics: "exact" streams the
    tiles once through the network for every normalisation, each time up to it, and gives the whole picture's result up
    to rounding; "sample" takes them from 16 parts of the picture together, one pass more, and comes near it.
    progress is called with (tiles done, tiles in all). Raises SettingsError for a network that needs the whole picture.
    """
    check_strength(strength)
    _check(T, tile, statistics)
    pictures = [
        _one(T, img[[row]], tile, _Settings(strength, _row(style, row), statistics, progress))
        for row in range(len(img))
    ]
    return torch.cat(pictures)


class Tiled(Wrapper):
    """Draws what T draws, larger pictures in tiles. Raises SettingsError for a network that needs the whole picture."""

    def __init__(self, T: Translator, tile: int = 512, statistics: str = "exact") -> None:
        super().__init__(T)
        _check(T, tile, statistics)
        self.tile, self.statistics = tile, statistics

    def translate(self, img: Tensor, strength: float = 1.0, *, style: Style | None = None) -> Tensor:
        """As `Translator.translate`."""
        vector = self.plain.style_as_vector(style)
        return translate_tiled(self.plain, img, self.tile, strength, style=vector, statistics=self.statistics)


def tiles(height: int, width: int, size: int, reach: int) -> list[Tile]:
    """The tiles of a picture, row by row: `size` pixels a side, the last ones smaller."""
    corners = [(top, left) for top in range(0, height, size) for left in range(0, width, size)]
    return [
        Tile(top, left, min(top + size, height), min(left + size, width), reach, height, width) for top, left in corners
    ]


@dataclass(frozen=True)
class _Settings:
    strength: float
    style: Tensor | None
    statistics: str
    progress: Progress | None


def _one(T: Translator, img: Tensor, tile: int, settings: _Settings) -> Tensor:
    """One picture [1, C, H, W]."""
    height, width = img.shape[-2:]
    if settings.strength == 0 or max(height, width) <= tile:
        return T.translate(img, settings.strength, style=settings.style)
    padded = pad(rgb(img) if T.in_channels == 3 else img, T.multiple)
    seen, margin = reaches(T, settings.style)
    plan = tiles(padded.shape[-2], padded.shape[-1], max(T.multiple, tile - tile % T.multiple), margin)
    with torch.no_grad():
        return _drawn(T, padded, plan, seen, settings)[..., :height, :width]


def _drawn(T: Translator, img: Tensor, plan: list[Tile], seen: dict[InstanceNorm, int], settings: _Settings) -> Tensor:
    exact = settings.statistics == "exact"
    step = _counter(settings.progress, len(plan) * (len(seen) * exact + 1))
    known: dict[InstanceNorm, Statistics] = {}
    with fixed(known):
        if exact:
            _fix_in_turn(T, img, plan, seen, settings, known=known, step=step)
        else:
            _sample(T, img, settings, known)
        made = img.new_empty(0)
        for tile in plan:
            part = tile.core(_draw(T, img, tile, settings))
            made = made if len(made) else img.new_empty(1, part.shape[1], *img.shape[-2:])
            made[..., *tile.drawn] = part
            step()
    return made


def _fix_in_turn(
    T: Translator, img: Tensor, plan: list[Tile], seen: dict[InstanceNorm, int], settings: _Settings,
    *, known: dict[InstanceNorm, Statistics], step: Callable[[], None],
) -> None:  # fmt: skip
    """Finds and fixes the whole picture's statistics of one normalisation after the other, in the network's order."""
    for layer, margin in seen.items():
        sums = _Sums()
        for tile in plan:
            near = replace(tile, margin=margin)
            with _stopped_at(layer, sums, near):
                _draw(T, img, near, settings)
            step()
        known[layer] = sums.statistics()
        layer.fix(known[layer])


def _draw(T: Translator, img: Tensor, tile: Tile, settings: _Settings) -> Tensor:
    return T.translate(img[..., *tile.seen], settings.strength, style=settings.style)


class _Sums:
    """Mean and variance of each channel over parts that arrive one by one."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | None = None
        self.off: Tensor | None = None
        """Sum of squared distances to the mean (Chan et al. 1979), in double precision as the mean."""

    def add(self, x: Tensor) -> None:
        """x [1, C, h, w]."""
        count = x.shape[-2] * x.shape[-1]
        var, mean = torch.var_mean(x.double(), dim=(0, 2, 3), correction=0)
        if self.mean is None or self.off is None:
            self.count, self.mean, self.off = count, mean, var * count
            return
        apart = mean - self.mean
        share = count / (self.count + count)
        self.off = self.off + var * count + apart.square() * (self.count * share)
        self.mean, self.count = self.mean + apart * share, self.count + count

    def statistics(self) -> Statistics:
        """(mean, variance), [C] each, float32."""
        if self.mean is None or self.off is None:
            raise SettingsError("a normalisation that no tile reached: the network needs the whole picture")
        return self.mean.float(), (self.off / self.count).float()


class _Enough(Exception):
    """The layer that was waited for has been reached: nothing after it matters."""


@contextmanager
def _stopped_at(layer: InstanceNorm, sums: _Sums, tile: Tile) -> Iterator[None]:
    """Within the block a pass ends at this layer, and what came to it, within the tile, is counted."""

    def count(_: InstanceNorm, inputs: tuple[Tensor, ...]) -> None:
        sums.add(tile.core(inputs[0]))
        raise _Enough

    hook = layer.register_forward_pre_hook(count)
    try:
        yield
    except _Enough:
        pass
    finally:
        hook.remove()


def _sample(T: Translator, img: Tensor, settings: _Settings, known: dict[InstanceNorm, Statistics]) -> None:
    """Fixes the statistics that parts of the picture, evenly spread, have together; each layer's as it is reached."""

    def fix(layer: InstanceNorm, inputs: tuple[Tensor, ...]) -> None:
        known[layer] = statistics_of(inputs[0])
        layer.fix(known[layer])

    hooks = [layer.register_forward_pre_hook(fix) for layer in norms(T)]
    try:
        T.translate(_parts(img), settings.strength, style=settings.style)
    finally:
        for hook in hooks:
            hook.remove()


def _parts(img: Tensor) -> Tensor:
    """[N, C, side, side] of img [1, C, H, W]: the middles of SAMPLES x SAMPLES fields, or all of a small picture."""
    if img.shape[-2] * img.shape[-1] <= (SAMPLES * SAMPLE_SIDE) ** 2:
        return img
    rows, columns = (_middles(side) for side in img.shape[-2:])
    return torch.cat([img[..., row, column] for row in rows for column in columns])


def _middles(side: int) -> list[slice]:
    """SAMPLE_SIDE pixels around the middle of each field, or as many as there are."""
    part = min(SAMPLE_SIDE, side)
    middles = (side * (2 * i + 1) // (2 * SAMPLES) for i in range(SAMPLES))
    starts = (min(max(0, at - part // 2), side - part) for at in middles)
    return [slice(start, start + part) for start in starts]


def _scaled(drawn: slice, seen: slice, side: int) -> slice:
    """The rows (or columns) `drawn` of a map of `side` rows that was made from the rows `seen` of a picture."""
    length = seen.stop - seen.start
    start, stop = ((at - seen.start) * side for at in (drawn.start, drawn.stop))
    if start % length or stop % length:
        raise SettingsError(f"a layer of {side} rows for a tile of {length}: such a network needs the whole picture")
    return slice(start // length, stop // length)


def _check(T: Translator, tile: int, statistics: str) -> None:
    if T.trained_at:
        raise SettingsError(
            f"{T.name} draws at {T.trained_at} pixels, whatever the picture's size: leave out the tiles"
        )
    if not T.tiles:
        raise SettingsError(f"{T.name} cannot draw in tiles: a {T.family} network needs the whole picture")
    if tile < SMALLEST_TILE:
        raise SettingsError(f"tiles of {tile!r} pixels are too small: give {SMALLEST_TILE} or more, such as 512")
    if statistics not in STATISTICS:
        raise SettingsError(unknown("statistics", statistics, STATISTICS))


def _row(style: Tensor | None, row: int) -> Tensor | None:
    return style[row] if style is not None and style.ndim == 2 else style


def _counter(progress: Progress | None, total: int) -> Callable[[], None]:
    done = iter(range(1, total + 1))

    def step() -> None:
        if progress is not None:
            progress(next(done), total)

    return step
