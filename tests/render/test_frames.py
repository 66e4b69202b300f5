import numpy as np
import pytest

from latentart import pixels, walks
from latentart.errors import SettingsError
from latentart.render.frames import frames


@pytest.fixture
def path(G):
    return walks.orbit(G, seeds=[1], seconds=1, fps=10)


def test_frames_are_uint8_pictures_in_order(G, path):
    made = list(frames(G, path))
    assert len(made) == 10
    assert made[0].dtype == np.uint8
    assert made[0].shape == (16, 16, 3)
    assert np.array_equal(made[3], pixels.to_uint8(G.synthesis(path(0.3)))[0])


@pytest.mark.parametrize("batch", [1, 3, 4])
def test_a_range_gives_the_same_pictures_as_the_whole_film(G, path, batch):
    whole = list(frames(G, path, batch=batch))
    part = list(frames(G, path, batch=batch, start=4, stop=9))
    assert all(np.array_equal(a, b) for a, b in zip(whole[4:9], part, strict=True))


def test_random_noise_is_named_by_seed_and_frame(G, path):
    whole = list(frames(G, path, noise_mode="random", noise_seed=1))
    again = list(frames(G, path, noise_mode="random", noise_seed=1, start=5, batch=3))
    other = list(frames(G, path, noise_mode="random", noise_seed=2))
    difference = np.abs(whole[5].astype(int) - again[0])
    assert difference.max() <= 1
    assert not np.array_equal(whole[5], other[5])
    assert not np.array_equal(whole[5], next(iter(frames(G, path, start=5))))


def test_a_size_is_kept_exactly(G, path):
    assert next(frames(G, path, size=(30, 20))).shape == (20, 30, 3)


def test_an_engine_may_draw(G, path):
    drawn = []

    def engine(ws, *, noise_mode="const", noise=None):
        drawn.append(len(ws))
        return G.synthesis(ws, noise_mode=noise_mode, noise=noise)

    list(frames(G, path, synthesis=engine, batch=4))
    assert drawn == [4, 4, 2]


@pytest.mark.parametrize("bad", [{"noise_mode": "loud"}, {"start": -1}, {"stop": 11}, {"start": 6, "stop": 5}])
def test_bad_settings_are_refused_before_the_first_frame(G, path, bad):
    with pytest.raises(SettingsError):
        frames(G, path, **bad)
