"""Centres, layers and pulsation."""

import numpy as np
import pytest
import torch

from latentart.errors import SettingsError
from latentart.latent import space, truncation
from latentart.render import film as films

ZERO = np.zeros(1)


@pytest.fixture(scope="module")
def ws(G):
    return space.to_ws(G, space.z_of(G, [5]))


def test_the_mean_by_one_number_is_psi(G, ws):
    made = truncation.Truncation(G, ["mean=0.6"])(ws, ZERO)
    assert torch.allclose(made, space.to_ws(G, space.z_of(G, [5]), psi=0.6), atol=1e-6)


def test_layers_and_time(G, ws):
    pulse = truncation.Truncation(G, ["mean=1..0@0-1", "seed:9=0@3"])
    begin, half = pulse(ws, ZERO), pulse(ws, np.array([0.5]))
    assert torch.allclose(begin[:, :3], ws[:, :3])
    assert torch.allclose(half[:, :2], G.w_avg.expand(1, 2, -1), atol=1e-6)
    assert torch.allclose(half[:, 3], space.to_ws(G, space.z_of(G, [9]))[:, 3], atol=1e-6)
    assert torch.equal(half[:, 4:], ws[:, 4:])


def test_modes_pull_to_the_nearest_and_a_walk_does_not_jump(G):
    centres = truncation.modes(G, 4, samples=2000)
    ws = centres[:, None].expand(-1, G.num_ws, -1)
    assert torch.allclose(truncation.nearest(ws, ws), ws, atol=0.2)
    line = torch.lerp(ws[:1], ws[1:2], torch.linspace(0, 1, 200)[:, None, None])
    steps = truncation.nearest(line, ws).diff(dim=0).norm(dim=(1, 2))
    assert steps.max() < 0.2 * (ws[1] - ws[0]).norm()


def test_modes_are_where_many_latents_are(G):
    w = torch.cat(list(truncation.pca.ws_stream(G, 1000, seed=4)))
    to_modes = torch.cdist(w, truncation.modes(G, 8, samples=4000)).amin(dim=1).mean()
    assert to_modes < torch.cdist(w, w.mean(dim=0, keepdim=True)).mean()


def test_a_class_and_a_file_are_centres(G_classes, tmp_path):
    mean = truncation.centre(G_classes, "class:b")
    other = truncation.centre(G_classes, "class:c")
    assert mean.shape == (1, G_classes.num_ws, G_classes.w_dim)
    assert not torch.allclose(mean, other)
    np.save(tmp_path / "home.npy", mean[0].numpy())
    assert torch.allclose(truncation.centre(G_classes, str(tmp_path / "home.npy")), mean)


@pytest.mark.parametrize("text", ["middle=1", "modes:1=0.5", "modes:9999=0.5", "mean=x", "class:a=1", "seed:1=1@99"])
def test_wrong_lines_are_said(G, text):
    with pytest.raises(SettingsError):
        truncation.Truncation(G, [text])


def test_a_film_pulsates(G):
    film = films.Film(seeds=(1, 2), seconds=1, fps="4", psi=0.3, truncate=("mean=1..0",))
    ws = films.make_path(film, G)(np.array([0.0, 0.5]))
    assert torch.allclose(ws[0], space.to_ws(G, space.z_of(G, [1]))[0], atol=1e-5)
    assert torch.allclose(ws[1], G.w_avg.expand(G.num_ws, -1), atol=1e-5)
