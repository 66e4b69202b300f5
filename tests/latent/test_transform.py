"""Pictures moved and turned inside the network, over the loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layouts.random_stylegan3 import random_state

from latentart.errors import SettingsError
from latentart.latent import transform
from latentart.models.base import placed
from latentart.models.load import build
from latentart.render import film as films
from latentart.render.frames import frames
from latentart.weights.checkpoint import Checkpoint


@pytest.fixture(scope="module")
def G3():
    tensors, config = random_state(resolution=16)
    return build(Checkpoint(tensors, config, "0" * 64, "random", "three"), "cpu")


def test_still_amounts_are_where_they_say():
    found = transform.parse("0.25,-0.5", "30").at(0.7)
    assert torch.equal(found, placed((0.25, -0.5), 30))
    assert torch.equal(transform.parse(None, None).at(0.3), placed())


def test_amounts_move_and_close():
    moved = transform.parse("0..0.5..0,0", None)
    assert torch.equal(moved.at(0), placed())
    assert torch.allclose(moved.at(0.5), placed((0.5, 0)))


TURNS = [("0..360", 0.25, 90), ("0..360", 0.999, 359.64), ("90..-270", 0.5, -90), ("0..20..0", 0.5, 20)]


@pytest.mark.parametrize(("text", "u", "wanted"), TURNS)
def test_a_whole_turn_goes_round_and_a_part_comes_back(text, u, wanted):
    assert transform.parse(None, text).degrees(u) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("translate", "rotate"), [("1", None), ("1,2,3", None), ("a,b", None), (None, "nan"), ("inf,0", None)]
)
def test_what_cannot_be_read(translate, rotate):
    with pytest.raises(SettingsError):
        films.check(films.Film(translate=translate, rotate=rotate))


def test_a_film_turns(G3):
    film = films.Film(seeds=(1,), seconds=1, fps="4", rotate="0..360", psi=1.0)
    path = films.make_path(film, G3)
    made = list(frames(G3, path, scene=films.make_scene(film, G3, path)))
    assert len({frame.tobytes() for frame in made}) == 4
    plain = next(iter(frames(G3, path)))
    assert np.array_equal(made[0], plain)


def test_other_models_say_so_and_other_scenes_do_not_mix(G):
    film = films.Film(seeds=(1,), translate="0.1,0")
    with pytest.raises(SettingsError, match="only StyleGAN3"):
        films.make_scene(film, G, films.make_path(film, G))
    with pytest.raises(SettingsError, match="leave one out"):
        films.check(films.Film(rotate="5", bends=("rotate=1@all",)))
