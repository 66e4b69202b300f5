"""Compositions without a seam, wider pictures, and tiles that repeat."""

import numpy as np
import pytest
import torch
from conftest import tiny

from latentart.errors import SettingsError
from latentart.latent import composition, space
from latentart.render import film as films
from latentart.render.frames import frames


@pytest.fixture(scope="module")
def large():
    return tiny("large", resolution=64, widths={4: 16, 8: 16, 16: 16, 32: 16, 64: 16})


def ws_of(G, *names):
    return space.to_ws(G, space.z_of(G, list(names)), psi=0.6)


def step_ratio(img, axis, at):
    """The step over a border, against the median step along that axis."""
    others = [i for i in range(4) if i != axis]
    steps = (img.roll(-1, axis) - img).abs().mean(dim=others)
    return float(steps[at] / steps.median())


def test_one_latent_everywhere_is_its_picture(G):
    ws = ws_of(G, 1)
    with torch.inference_mode():
        assert torch.equal(composition.compose(G, ws), G.synthesis(ws))
        assert torch.equal(composition.compose(G, ws, noise_mode="none"), G.synthesis(ws, noise_mode="none"))
        twice = composition.compose(G, ws.repeat(2, 1, 1), composition.grid(1, 2))
        assert torch.allclose(twice, G.synthesis(ws), atol=1e-4)


def test_a_mask_decides_whose_picture_it_is(G):
    ws = ws_of(G, 1, 2)
    with torch.inference_mode():
        own = G.synthesis(ws)
        only = composition.compose(G, ws, torch.stack([torch.zeros(4, 4), torch.ones(4, 4)]))
    assert torch.allclose(only, own[1:], atol=1e-4)


@pytest.mark.parametrize("tiles", [(1, 1), (1, 2), (2, 1)])
def test_a_repeating_tile_has_no_seam(large, tiles):
    tile = composition.compose(large, ws_of(large, 3), tiles=tiles, wrap=(True, True))
    assert tile.shape == (1, 3, 64 * tiles[0], 64 * tiles[1])
    assert step_ratio(tile, 3, -1) <= 1.5
    assert step_ratio(tile, 2, -1) <= 1.5


def test_without_wrapping_there_is_a_seam(large):
    """The check above can fail."""
    plain = composition.compose(large, ws_of(large, 3))
    assert max(step_ratio(plain, 3, -1), step_ratio(plain, 2, -1)) > 1.5


def test_a_repeating_tile_is_the_same_picture_from_any_start(large):
    """Twice the tile is the tile twice: nothing at a border is drawn otherwise than in the middle."""
    once = composition.compose(large, ws_of(large, 3), wrap=(False, True))
    twice = composition.compose(large, ws_of(large, 3), tiles=(1, 2), wrap=(False, True))
    assert torch.allclose(twice, once.repeat(1, 1, 1, 2), atol=1e-3)


def test_a_panorama_of_three_has_no_seam(large):
    masks = composition.grid(1, 3, soft=1.0, wrap=(False, True))
    wide = composition.compose(large, ws_of(large, 1, 2, 3), masks, tiles=(1, 3), wrap=(False, True))
    assert wide.shape[-1] == 192
    assert max(step_ratio(wide, 3, at) for at in (63, 127, -1)) <= 1.5


def test_grids_share_every_place():
    for options in ({}, {"soft": 0.0}, {"soft": 1.0, "wrap": (True, True)}):
        masks = composition.grid(2, 3, size=8, **options)
        assert masks.shape == (6, 16, 24)
        assert masks.sum(dim=0).min() > 0.4
    hard = composition.grid(1, 2, size=4, soft=0.0)[0]
    assert torch.allclose(hard, torch.tensor([1.0] * 4 + [0.0] * 4).expand(4, 8), atol=1e-6)


NOT_NUMBERS = torch.full((2, 4, 4), float("nan"))
UNSHARED = [None, torch.ones(3, 4, 4), torch.ones(2, 4), torch.zeros(2, 4, 4), -torch.ones(2, 4, 4), NOT_NUMBERS]


@pytest.mark.parametrize("masks", UNSHARED)
def test_masks_that_share_nothing_are_refused(G, masks):
    with pytest.raises(SettingsError):
        composition.compose(G, ws_of(G, 1, 2), masks)


def test_limits(G):
    with pytest.raises(SettingsError, match="tiles"):
        composition.compose(G, ws_of(G, 1), tiles=(0, 1))
    with pytest.raises(SettingsError, match="soft"):
        composition.grid(1, 2, soft=2)
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in G.synthesis.modules())


def test_a_film_is_wider_than_its_model_and_closes(G):
    film = films.Film(seeds=(1, 2), seconds=1, fps="4", tiles=(3, 1), wrap="across", psi=0.6)
    path = films.make_path(film, G)
    shown = list(frames(G, path, scene=films.make_scene(film, G, path)))
    assert [frame.shape for frame in shown] == [(16, 48, 3)] * 4
    # A third of the loop later, each part shows what its left neighbour showed.
    film = films.Film(seeds=(1, 2), seconds=1, fps="3", tiles=(3, 1), wrap="across", psi=0.6)
    path = films.make_path(film, G)
    first, second, _ = frames(G, path, scene=films.make_scene(film, G, path))
    assert np.abs(first[:, 16:].astype(int) - second[:, :32]).max() <= 6
    assert np.abs(first.astype(int) - second).max() > 20


def test_a_film_of_tiles_in_its_file(G, tmp_path):
    film = films.Film(seeds=(1,), seconds=0.5, fps="4", tiles=(2, 1))
    made = films.render(film, tmp_path / "wide.gif", G=G)
    assert made.size == (32, 16)
    assert films.like(tmp_path / "wide.gif")[0].tiles == (2, 1)


@pytest.mark.parametrize(
    "options",
    [{"wrap": "up", "tiles": (1, 1)}, {"wrap": "across"}, {"tiles": (0, 1)}, {"tiles": (2, 1), "noise_mode": "random"},
     {"tiles": (2, 1), "bends": ("gain=1@all",)}],
)  # fmt: skip
def test_tiles_that_make_no_sense_are_refused(options):
    with pytest.raises(SettingsError):
        films.check(films.Film(seeds=(1,), **options))
