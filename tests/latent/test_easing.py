import numpy as np
import pytest

from latentart.errors import SettingsError
from latentart.latent.easing import EASINGS, easing


@pytest.mark.parametrize("name", sorted(set(EASINGS) - {"hold"}))
def test_a_curve_runs_from_0_to_1_without_turning_back(name):
    values = easing(name)(np.linspace(0, 1, 101))
    assert values[0] == pytest.approx(0, abs=1e-12)
    assert values[-1] == pytest.approx(1)
    assert (np.diff(values) >= -1e-12).all()


def test_hold_stays_on_the_keyframe():
    assert (easing("hold")(np.linspace(0, 1, 11)) == 0).all()


def test_an_unknown_curve_gets_a_suggestion():
    with pytest.raises(SettingsError, match="did you mean smooth"):
        easing("smoth")
