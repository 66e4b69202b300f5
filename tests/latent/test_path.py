from fractions import Fraction

import numpy as np
import pytest
import torch

from latentart import walks
from latentart.errors import SettingsError
from latentart.latent import path as paths


@pytest.mark.parametrize(
    ("seconds", "fps", "expected"), [(4, 30, 120), (1, "23.976", 24), (0.5, Fraction(60), 30), (10, "24000/1001", 240)]
)
def test_a_clock_counts_frames(seconds, fps, expected):
    assert paths.clock(seconds, fps)[0] == expected


@pytest.mark.parametrize(
    ("seconds", "fps"),
    [(0, 30), (-1, 30), (float("nan"), 30), (float("inf"), 30), ("4", 30), (1, 0), (1, "x"), (1e-9, 30), (1e12, 30)],
)
def test_a_film_without_frames_is_refused(seconds, fps):
    with pytest.raises(SettingsError):
        paths.clock(seconds, fps)


def test_phases_leave_out_the_end():
    path = paths.Path(lambda u: torch.from_numpy(u), 4, Fraction(30))
    assert path.phases().tolist() == [0, 0.25, 0.5, 0.75]
    assert path(1.25).tolist() == [0.25]
    assert path.seconds == Fraction(4, 30)


def test_map_changes_every_ws():
    path = paths.Path(lambda u: torch.from_numpy(u), 4, Fraction(30)).map(lambda ws, u: ws * 2)
    assert path(0.25).tolist() == [0.5]


def speeds(G, path, samples=96):
    return paths._picture_steps(G, path, samples, 64)


def test_an_even_pace_changes_the_picture_at_constant_speed(G):
    uneven = walks.keyframes(G, seeds=[1, 2, 3], seconds=2, fps=48, easing="smoother", interp="linear")
    even = paths.even(G, uneven)
    before, after = speeds(G, uneven), speeds(G, even)
    assert before.std() / before.mean() > 0.5
    assert after.std() / after.mean() < 0.1
    assert torch.allclose(even(0.0), uneven(0.0), atol=1e-6)


def test_a_picture_that_never_changes_keeps_its_pace(G):
    still = walks.keyframes(G, seeds=[1], seconds=1, fps=10)
    assert torch.equal(paths.even(G, still)(0.3), still(0.3))


def test_even_keeps_the_clock(G):
    path = paths.even(G, walks.orbit(G, seeds=[1], seconds=1, fps="29.97"))
    assert (path.num_frames, path.fps) == (30, Fraction(30000, 1001))
    assert np.isfinite(path(0.999).numpy()).all()
