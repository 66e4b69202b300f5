import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentart import seeds
from latentart.errors import SettingsError


def test_seed_zero_is_the_z_that_every_tool_draws():
    assert seeds.z(0, 512).shape == (1, 512)
    assert np.round(seeds.z(0, 512)[0, :3], 8).tolist() == [1.76405235, 0.40015721, 0.97873798]


@given(st.integers(0, seeds.LARGEST))
def test_a_seed_is_its_random_state(seed):
    assert np.array_equal(seeds.z(seed, 5), np.random.RandomState(seed).randn(1, 5))


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "7", True, None])
def test_a_seed_out_of_range_is_named(seed):
    with pytest.raises(SettingsError, match=r"seed .* is out of range"):
        seeds.z(seed, 4)


@pytest.mark.parametrize(
    ("text", "expected"), [("1,4-7", [1, 4, 5, 6, 7]), ("3", [3]), ("7-5,5", [7, 6, 5, 5]), (" 1 , 2 - 3 ", [1, 2, 3])]
)
def test_seeds_are_read_as_lists_and_ranges(text, expected):
    assert seeds.parse(text) == expected


@pytest.mark.parametrize("text", ["", "a", "1,,2", "1-", "-1", "1.5", "0-4294967295", "4294967296"])
def test_text_that_names_no_seeds_is_quoted(text):
    with pytest.raises(SettingsError):
        seeds.parse(text)


def test_noise_is_named_by_its_seeds():
    shapes = {"b4.conv1": (4, 4), "b8.conv0": (8, 8)}
    first, again, other = (seeds.noise(shapes, 3, frame) for frame in (5, 5, 6))
    assert all(np.array_equal(first[name], again[name]) for name in shapes)
    assert not np.array_equal(first["b8.conv0"], other["b8.conv0"])
    assert first["b8.conv0"].shape == (8, 8)
