"""What a network is to answer to, made from what it is to draw: edges, ink, posterised, blank, grey.

Each maker takes a picture and gives one of the same size, so that a folder of photographs becomes a folder of pairs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from latentart import seeds
from latentart.errors import PictureError, SettingsError, unknown
from latentart.pixels import Frame

Plane = NDArray[np.float64]
Maker = Callable[[Frame, np.random.RandomState], Frame]
SMALLEST = 8
"""Shortest side of a picture that a maker takes, in pixels."""
FAINTEST = 24.0
"""Sobel gradients below this (three levels of 255 a pixel) are grain, not edges."""


def make(name: str, frame: Frame, *seed: int) -> Frame:
    """The answer of maker `name` to a picture, uint8 [H, W, 3] -> [H, W, 3].

    seed: names what is random ('blank' only). Raises SettingsError for an unknown maker, PictureError for a picture
    of less than 8 pixels a side.
    """
    maker = check(name)
    if min(frame.shape[:2]) < SMALLEST:
        raise PictureError(f"a picture of {frame.shape[1]}x{frame.shape[0]} is too small: give {SMALLEST} or more")
    return maker(frame, seeds.stream(*seed or (0,)))


def check(name: str) -> Maker:
    """The maker of that name. Raises SettingsError."""
    if name not in MAKERS:
        raise SettingsError(unknown("pair maker", name, MAKERS))
    return MAKERS[name]


def edges(frame: Frame, rng: np.random.RandomState) -> Frame:
    """Thin black lines on white where brightness or colour changes: Canny 1986, thresholds from the picture itself.

    The strong threshold is the 90th percentile of the gradients along ridges, the weak one 0.4 of it.
    """
    size, along = _gradient(_smooth(frame, min(frame.shape[:2]) / 200 + 0.8))
    ridge = np.where(_is_ridge(size, along), size, 0)
    strong = np.quantile(ridge[ridge > 0], 0.9) if (ridge > 0).any() else np.inf
    strong = max(float(strong), FAINTEST)
    groups, _ = ndimage.label(ridge > 0.4 * strong, np.ones((3, 3)))
    kept = np.isin(groups, np.unique(groups[ridge > strong])) & (groups > 0)
    return _grey(np.where(kept, 0, 255))


def ink(frame: Frame, rng: np.random.RandomState) -> Frame:
    """Brush lines and black areas: extended difference of Gaussians (Winnemöller 2011, equations 5 and 7)."""
    sharpness, level, softness, wider = 18.0, 0.62, 8.0, 1.6
    luma = _luma(frame) / 255
    sigma = min(frame.shape[:2]) / 240 + 0.6
    fine, coarse = ndimage.gaussian_filter(luma, sigma), ndimage.gaussian_filter(luma, wider * sigma)
    drawn = (1 + sharpness) * fine - sharpness * coarse
    return _grey(255 * np.where(drawn >= level, 1.0, 1 + np.tanh(softness * (drawn - level))))


def posterise(frame: Frame, rng: np.random.RandomState) -> Frame:
    """Flat areas of few colours: smoothed, then six levels a channel, small specks removed."""
    smooth = _smooth(frame, min(frame.shape[:2]) / 100 + 0.5)
    flat = np.round(smooth / 51) * 51
    size = max(3, min(frame.shape[:2]) // 40)
    return np.stack([ndimage.median_filter(plane, size) for plane in np.moveaxis(flat, 2, 0)], axis=2).astype(np.uint8)


def blank(frame: Frame, rng: np.random.RandomState) -> Frame:
    """The picture with a white hole, for the network to fill: a rectangle of a quarter to a half of each side."""
    height, width = frame.shape[:2]
    tall, wide = (int(side * rng.uniform(0.25, 0.5)) for side in (height, width))
    top, left = rng.randint(0, height - tall + 1), rng.randint(0, width - wide + 1)
    holed = frame.copy()
    holed[top : top + tall, left : left + wide] = 255
    return holed


def grey(frame: Frame, rng: np.random.RandomState) -> Frame:
    """Without its colours: the network learns to colour."""
    return _grey(_luma(frame))


MAKERS: dict[str, Maker] = {"edges": edges, "ink": ink, "posterise": posterise, "blank": blank, "grey": grey}


def _luma(frame: Frame) -> Plane:
    """Brightness 0..255, [H, W] (ITU-R BT.709)."""
    return np.asarray(frame[:, :, :3] @ np.array([0.2126, 0.7152, 0.0722]))


def _grey(plane: NDArray[np.generic]) -> Frame:
    return np.repeat(np.clip(np.round(plane.astype(np.float64)), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _smooth(frame: Frame, sigma: float) -> Plane:
    return np.asarray(ndimage.gaussian_filter(frame[:, :, :3].astype(np.float64), (sigma, sigma, 0)))


def _gradient(planes: Plane) -> tuple[Plane, NDArray[np.int64]]:
    """Of the channel that changes most: size [H, W], and its direction in eighths of a turn, 0..3."""
    down, right = ndimage.sobel(planes, 0), ndimage.sobel(planes, 1)
    sizes = np.hypot(down, right)
    most = sizes.argmax(axis=2)[:, :, None]
    dy, dx = (np.take_along_axis(part, most, 2)[:, :, 0] for part in (down, right))
    along = np.round(np.arctan2(dy, dx) / (np.pi / 4)).astype(np.int64) % 4
    return sizes.max(axis=2), along


def _is_ridge(size: Plane, along: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the gradient is larger than at its two neighbours across the edge."""
    padded = np.pad(size, 1)
    height, width = size.shape
    steps = ((0, 1), (1, 1), (1, 0), (1, -1))

    def moved(y: int, x: int) -> Plane:
        return padded[1 + y : 1 + y + height, 1 + x : 1 + x + width]

    # Larger than one, at least as large as the other: on a plateau one of the two pixels stays.
    best = [(size > moved(y, x)) & (size >= moved(-y, -x)) for y, x in steps]
    return np.choose(along, best)
