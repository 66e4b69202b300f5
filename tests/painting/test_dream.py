"""Dreams: more of what is seen, evenly, in the picture's colours; flights that close."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from latentart.errors import LatentartError, PictureError, SettingsError
from latentart.features.load import vgg16
from latentart.painting.dream import Dreamer, DreamSettings, _palette, dream, equalize_bands, octaves
from latentart.painting.dream_films import FilmDreamer, moved, zoom
from tests.painting.test_gatys import scene, waves

QUICK = DreamSettings(layer="relu2_2", octaves=2, steps=2)


def seen(img: Tensor, channels: slice = slice(None)) -> float:
    (x,) = vgg16()(img, [QUICK.layer])
    return float(x[:, channels].square().mean())


def test_there_is_more_of_what_was_seen() -> None:
    img = scene()
    made = dream(img, QUICK)
    assert made.shape == img.shape
    assert float(made.abs().max()) <= 1
    assert seen(made) > 1.3 * seen(img)


def test_channels_are_chosen() -> None:
    img = scene()
    one = dream(img, DreamSettings(layer="relu2_2", octaves=1, steps=4, channels=(7,)))
    other = dream(img, DreamSettings(layer="relu2_2", octaves=1, steps=4, channels=(90,)))
    assert seen(one, slice(7, 8)) > seen(other, slice(7, 8))
    assert seen(other, slice(90, 91)) > seen(one, slice(90, 91))


def test_a_guide_is_followed() -> None:
    img, guide = scene(), waves(turn=0.8)
    made = dream(img, DreamSettings(layer="relu2_2", octaves=1, steps=6), guide=guide)
    (a,), (b,), (c,) = (vgg16()(x, ["relu2_2"]) for x in (made, img, guide))
    near = [float(torch.cosine_similarity(x.mean((2, 3)), c.mean((2, 3)))) for x in (a, b)]
    assert near[0] > near[1]


def test_a_dream_is_seeded() -> None:
    first, again = (dream(scene(), QUICK) for _ in range(2))
    assert torch.equal(first, again)
    other = dream(scene(), DreamSettings(layer="relu2_2", octaves=2, steps=2, seed=1))
    assert not torch.equal(first, other)


def test_tiles_see_what_the_whole_sees() -> None:
    img = scene(96)
    whole, tiled = (dream(img, DreamSettings(layer="relu1_2", octaves=1, steps=1, bands=0, tile=t)) for t in (512, 64))
    assert float((whole - tiled).abs().mean()) < 0.1 * float((whole - img).abs().mean())


def test_even_bands() -> None:
    generator = torch.Generator().manual_seed(0)
    fine = torch.randn(1, 3, 64, 64, generator=generator)
    coarse = torch.nn.functional.interpolate(torch.randn(1, 3, 4, 4, generator=generator), (64, 64), mode="bicubic")
    blurred = torch.nn.functional.avg_pool2d(equalize_bands(coarse * 20 + fine, 3), 8)
    # What was twenty times as strong is no longer.
    assert float(blurred.std()) < 1.6
    assert torch.equal(equalize_bands(fine, 0), fine)


def test_the_pictures_colours_are_kept() -> None:
    grey = scene().mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    free, own = (dream(grey, DreamSettings(layer="relu2_2", octaves=1, steps=3, colour=c)) for c in (0.0, 1.0))
    colourful = [float((img - img.mean(1, keepdim=True)).abs().mean()) for img in (free, own)]
    assert colourful[1] < 0.05 * colourful[0]
    torch.testing.assert_close(_palette(grey, 0.0), torch.eye(3))


def test_octaves_end_with_the_picture() -> None:
    assert octaves((100, 200), 3, 2.0) == [(50, 100), (100, 200)]
    assert octaves((100, 200), 1, 1.4) == [(100, 200)]


@pytest.mark.parametrize(
    "values", [{"octaves": 0}, {"ratio": 1.0}, {"steps": 0}, {"rate": float("nan")}, {"colour": 2.0}, {"tile": 1},
               {"layer": "relu9_1"}, {"channels": (999,)}, {"seed": -1}],
)  # fmt: skip
def test_bad_settings_say_so(values: dict) -> None:
    with pytest.raises(SettingsError) as caught:
        Dreamer(DreamSettings(**values))
    assert "\n" not in str(caught.value)


def test_too_small_a_picture_says_so() -> None:
    with pytest.raises(PictureError, match="too small to dream"):
        dream(scene(16), QUICK)


def test_moved_is_nearer_and_back() -> None:
    img = scene(64)
    assert torch.allclose(moved(img, 1.0, 0.0), img, atol=1e-4)
    there = moved(moved(img, 1.2, 0.1), 1 / 1.2, -0.1)
    assert float((there - img)[..., 16:-16, 16:-16].abs().mean()) < 0.02
    # A point right of the middle goes further right.
    dot = torch.full((1, 3, 33, 33), -1.0)
    dot[..., 16, 20] = 1
    assert int(moved(dot, 1.5, 0.0)[0, 0].argmax()) % 33 == 22


def test_a_flight_is_a_zoom_and_a_loop_closes() -> None:
    img = scene()
    quick = DreamSettings(layer="relu1_2", octaves=1, steps=1, rate=0.01)
    frames = list(zoom(img, quick, frames=5, rate=1.05))
    assert len(frames) == 5
    assert float((moved(frames[0], 1.05, 0) - frames[1]).abs().mean()) < float((frames[0] - frames[1]).abs().mean())
    round_trip = list(zoom(img, quick, frames=8, rate=1.05, loop=True))
    steps = [float((moved(a, 1.05, 0) - b).abs().mean()) for a, b in pairwise(round_trip)]
    seam = float((moved(round_trip[-1], 1.05, 0) - round_trip[0]).abs().mean())
    assert seam < 1.5 * max(steps)
    with pytest.raises(LatentartError):
        next(zoom(img, quick, frames=0))


def test_a_dreamt_film_holds_its_dream() -> None:
    frames = [scene(), scene(shift=0.5)]
    dreamer = FilmDreamer(QUICK)
    first, second = (dreamer(frame, np.zeros(1)) for frame in frames)
    alone = dream(frames[1], QUICK)
    assert float((second - first).abs().mean()) < float((alone - first).abs().mean()) * 1.5
    assert seen(second) > 1.3 * seen(frames[1])
