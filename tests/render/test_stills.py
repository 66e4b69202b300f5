import numpy as np
import pytest

from latentart.errors import SettingsError
from latentart.render import stills
from latentart.render.stills import Stills


def test_each_seed_is_a_picture_with_its_own_record(G):
    made = list(stills.pictures(G, Stills(seeds=(3, 4), psi=0.7)))
    assert [name for name, _, _ in made] == ["seed0003", "seed0004"]
    assert made[0][1].shape == (16, 16, 3)
    assert made[1][2]["stills"]["seeds"] == [4]
    assert not np.array_equal(made[0][1], made[1][1])


def test_a_class_for_each_seed_or_one_for_all(G_classes):
    one = [frame for _, frame, _ in stills.pictures(G_classes, Stills(seeds=(1, 1), classes="b"))]
    two = [frame for _, frame, _ in stills.pictures(G_classes, Stills(seeds=(1, 1), classes="b,c"))]
    assert np.array_equal(one[0], one[1])
    assert np.array_equal(one[0], two[0])
    assert not np.array_equal(two[0], two[1])
    with pytest.raises(SettingsError, match="3 seeds and 2 classes"):
        list(stills.pictures(G_classes, Stills(seeds=(1, 2, 3), classes="b,c")))


def test_saved_latents_are_drawn(G, tmp_path):
    np.save(tmp_path / "w.npy", np.random.RandomState(0).randn(2, G.num_ws, G.w_dim))
    made = list(stills.pictures(G, Stills(latents=(str(tmp_path / "w.npy"),))))
    assert [name for name, _, _ in made] == ["proj00", "proj01"]
    with pytest.raises(SettingsError, match="one or the other"):
        list(stills.pictures(G, Stills(latents=(str(tmp_path / "w.npy"),), seeds=(1,))))


def test_random_noise_is_the_same_each_time(G):
    first, again = (next(stills.pictures(G, Stills(seeds=(1,), noise_mode="random")))[1] for _ in range(2))
    const = next(stills.pictures(G, Stills(seeds=(1,))))[1]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, const)
