"""What each walk does that the others do not."""

import numpy as np
import pytest
import torch

from latentart import walks
from latentart.errors import SettingsError
from latentart.latent import space


def ws_of(G, seed, **options):
    return space.to_ws(G, space.z_of(G, [seed]), **options)


@pytest.mark.parametrize("where", ["w", "z"])
@pytest.mark.parametrize("interp", ["linear", "slerp", "cubic"])
def test_keyframes_shows_each_seed_on_time(G, where, interp):
    path = walks.keyframes(G, seeds=[5, 6, 7, 8], seconds=1, fps=8, psi=0.7, interp=interp, space=where)
    assert torch.allclose(path(0.5), ws_of(G, 7, psi=0.7), atol=1e-5)


def test_saved_latents_are_keyframes_that_psi_leaves_alone(G):
    ws = np.random.RandomState(0).randn(2, G.num_ws, G.w_dim)
    path = walks.keyframes(G, latents=ws, seconds=1, fps=8, psi=0.1)
    assert np.allclose(path(0.5).numpy(), ws[1:], atol=1e-6)
    with pytest.raises(SettingsError, match="leave out"):
        walks.keyframes(G, latents=ws, seeds=[1], seconds=1)


def test_one_seed_walks_through_many_classes(G_classes):
    letters = space.parse_classes(G_classes, "a-d")
    path = walks.keyframes(G_classes, seeds=[9], classes=letters, seconds=1, fps=8, psi=1)
    c = space.c_of(G_classes, [{2: 1.0}])
    assert torch.allclose(path(0.5), ws_of(G_classes, 9, c=c), atol=1e-5)


def test_seeds_and_classes_that_do_not_pair_are_counted(G_classes):
    with pytest.raises(SettingsError, match="3 seeds and 2 classes"):
        walks.keyframes(G_classes, seeds=[1, 2, 3], classes=[{0: 1.0}, {1: 1.0}], seconds=1)


def test_class_weights_stay_a_mix_in_z(G_classes):
    path = walks.keyframes(
        G_classes,
        seeds=[1, 2],
        classes=space.parse_classes(G_classes, "a,b"),
        seconds=1,
        psi=1,
        space="z",
        interp="linear",
    )
    z = space.z_of(G_classes, [1, 2]).mean(0, keepdims=True)
    expected = space.to_ws(G_classes, z, space.c_of(G_classes, [{0: 1.0, 1: 1.0}]))
    assert torch.allclose(path(0.25), expected, atol=1e-5)


def test_an_unknown_space_is_named(G):
    with pytest.raises(SettingsError, match="unknown space 'x'"):
        walks.keyframes(G, seeds=[1], space="x")


def test_an_orbit_is_a_circle_of_the_stated_diameter(G):
    path = walks.orbit(G, seeds=[1, 2, 3], seconds=1, fps=60, psi=1, diameter=0.8)
    centre, towards = ws_of(G, 1), ws_of(G, 2)
    radii = (path(path.phases()) - centre).flatten(1).norm(dim=1)
    assert torch.allclose(radii, 0.4 * (towards - centre).norm().expand(60), rtol=1e-4)
    steps = (path(path.phases()) - path(path.phases() + 1 / 60)).flatten(1).norm(dim=1)
    assert steps.max() / steps.min() < 1.001


@pytest.mark.parametrize("diameter", [0, -1, float("nan"), float("inf")])
def test_an_orbit_needs_a_size(G, diameter):
    with pytest.raises(SettingsError, match="diameter"):
        walks.orbit(G, seeds=[1], diameter=diameter)


def test_an_orbit_of_one_seed_three_times_is_refused(G):
    with pytest.raises(SettingsError, match="the same picture"):
        walks.orbit(G, seeds=[1, 1, 1])


def test_drift_is_as_probable_as_a_seed_everywhere(G):
    from sys import modules

    from latentart.walks import drift as _  # noqa: F401

    waves = modules["latentart.walks.drift"]._waves(4000, 5, [3])(np.linspace(0, 1, 7))
    assert waves.std(axis=1) == pytest.approx(np.ones(7), abs=0.05)
    assert waves.mean(axis=1) == pytest.approx(np.zeros(7), abs=0.06)


def test_a_short_reach_stays_near_the_first_seed(G):
    home = ws_of(G, 3)
    near, far = (walks.drift(G, seeds=[3], seconds=1, reach=r)(np.linspace(0, 0.9, 10)) for r in (0.1, 1.0))
    assert (near - home).norm() < 0.5 * (far - home).norm()


@pytest.mark.parametrize("bad", [{"reach": 0}, {"reach": 1.1}, {"reach": float("nan")}, {"turns": 0}, {"turns": 101}])
def test_a_drift_needs_room_and_time(G, bad):
    with pytest.raises(SettingsError):
        walks.drift(G, seeds=[3], **bad)


@pytest.mark.parametrize("name", ["orbit", "drift"])
def test_one_class_where_several_have_no_meaning(G_classes, name):
    with pytest.raises(SettingsError, match="keeps one class"):
        getattr(walks, name)(G_classes, seeds=[1], classes=[{0: 1.0}, {1: 1.0}])
