"""What every walk promises, over every file of the walks folder."""

from inspect import signature

import numpy as np
import pytest
import torch

from latentart import walks
from latentart.errors import SettingsError
from latentart.latent import path as paths

EVERY = pytest.mark.parametrize("name", walks.NAMES)


def walk(name, G, **settings):
    return getattr(walks, name)(G, **{"seeds": [3, 11, 20], "seconds": 2, "fps": 24, **settings})


@EVERY
def test_a_walk_makes_a_path_of_ws(name, G):
    path = walk(name, G)
    assert (path.num_frames, path.fps) == (48, 24)
    assert path(0.5).shape == (1, G.num_ws, G.w_dim)
    assert path(np.array([0.0, 0.3])).dtype == torch.float32


@EVERY
def test_it_closes_and_its_seam_is_no_larger_than_its_steps(name, G):
    path = walk(name, G)
    ws = path(path.phases())
    steps = (ws - ws.roll(1, 0)).flatten(1).norm(dim=1)
    assert steps[0] <= 1.5 * steps.median()
    assert torch.allclose(path(0.0), path(1.0))


@EVERY
def test_no_frame_is_shown_twice(name, G):
    ws = walk(name, G)(np.arange(48) / 48).flatten(1)
    apart = torch.cdist(ws, ws) + torch.eye(48) * 1e9
    assert apart.min() > 1e-4


@EVERY
def test_one_frame_alone_is_that_frame_in_sequence(name, G):
    path = walk(name, G)
    together = path(path.phases())
    assert torch.allclose(path(7 / 48)[0], together[7], atol=1e-6)


@EVERY
def test_the_same_seeds_give_the_same_path_and_others_another(name, G):
    first, again, other = (walk(name, G, seeds=s)(0.37) for s in ([1, 2, 3], [1, 2, 3], [4, 5, 6]))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


@EVERY
def test_psi_zero_stands_still_on_the_average(name, G):
    psi_zero = {"psi": 0.0}
    if "diameter" in signature(getattr(walks, name)).parameters:
        # A figure around a seed has no size where all seeds are one picture.
        with pytest.raises(SettingsError, match="the same picture"):
            walk(name, G, **psi_zero)
        return
    path = walk(name, G, **psi_zero)
    assert torch.allclose(path(0.4), G.w_avg.expand(1, G.num_ws, -1), atol=1e-6)


@EVERY
def test_a_class_is_needed_where_there_are_classes(name, G, G_classes):
    with pytest.raises(SettingsError, match="choose with --class"):
        walk(name, G_classes)
    with pytest.raises(SettingsError, match="has no classes"):
        walk(name, G, classes=[{0: 1.0}])
    a, b = (walk(name, G_classes, classes=[{index: 1.0}])(0.2) for index in (0, 1))
    assert not torch.allclose(a, b)


@EVERY
@pytest.mark.parametrize(
    "bad", [{"seconds": 0}, {"fps": 0}, {"psi": float("nan")}, {"seeds": []}, {"seeds": [-1]}, {"seeds": [2**32]}]
)
def test_bad_settings_get_one_line(name, bad, G):
    with pytest.raises(SettingsError) as caught:
        walk(name, G, **bad)
    assert "\n" not in str(caught.value)


@EVERY
def test_an_even_pace_closes_too(name, G):
    path = paths.even(G, walk(name, G))
    assert torch.allclose(path(0.0), path(1.0))
