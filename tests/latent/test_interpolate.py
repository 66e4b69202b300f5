import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentart.errors import SettingsError
from latentart.latent.easing import easing
from latentart.latent.interpolate import INTERPOLATIONS, loop, slerp

LINEAR = easing("linear")


def keys(count, seed=0, dims=6):
    return np.random.RandomState(seed).randn(count, dims)


@pytest.mark.parametrize("interp", INTERPOLATIONS)
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_loop_passes_every_key_on_time_and_closes(interp, count):
    points = keys(count)
    around = loop(points, interp, LINEAR)
    assert around(np.arange(count) / count) == pytest.approx(points)
    assert around(np.array([1 - 1e-12])) == pytest.approx(points[:1], abs=1e-8)


@pytest.mark.parametrize("interp", INTERPOLATIONS)
def test_w_plus_keys_keep_their_shape(interp):
    points = np.random.RandomState(1).randn(3, 5, 6)
    assert loop(points, interp, LINEAR)(np.linspace(0, 0.9, 4)).shape == (4, 5, 6)


def test_slerp_keeps_equal_lengths():
    a, b = (v / np.linalg.norm(v) for v in keys(2))
    t = np.linspace(0, 1, 9)
    between = slerp(np.broadcast_to(a, (9, 6)), np.broadcast_to(b, (9, 6)), t)
    assert np.linalg.norm(between, axis=1) == pytest.approx(np.ones(9))
    angles = np.arccos(np.clip((between[1:] * between[:-1]).sum(1), -1, 1))
    assert angles == pytest.approx(np.full(8, angles[0]))


@given(st.floats(0, 1))
def test_slerp_of_parallel_vectors_is_a_straight_line(t):
    a = np.array([[1.0, 2.0, 3.0]])
    assert slerp(a, 3 * a, np.array([t])) == pytest.approx(a * (1 + 2 * t))
    assert np.isfinite(slerp(a, -a, np.array([t]))).all()
    assert np.isfinite(slerp(a, 0 * a, np.array([t]))).all()


def test_a_cubic_loop_has_no_corner_at_a_key_and_a_linear_one_has():
    step = 1e-5

    def corner(interp):
        around = loop(keys(4), interp, LINEAR)
        before = around(np.array([0.25 - step])) - around(np.array([0.25 - 2 * step]))
        after = around(np.array([0.25 + 2 * step])) - around(np.array([0.25 + step]))
        return np.abs(after - before).max() / step

    assert corner("cubic") < 1e-2
    assert corner("linear") > 1


def test_an_unknown_interpolation_is_named():
    with pytest.raises(SettingsError, match="'cubik': did you mean cubic"):
        loop(keys(2), "cubik", LINEAR)
