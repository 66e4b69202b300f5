"""The spelling of amounts over time."""

import numpy as np
import pytest

from latentart.errors import SettingsError
from latentart.latent import automation


def at(text, *u):
    return automation.parse_amount(text)(np.array(u)).tolist()


def test_a_number_is_the_same_all_the_time():
    note = automation.parse(" pca:3 = -2.5 @ 4-7 ")
    assert (note.name, note.where, note.amount.moves) == ("pca:3", "4-7", False)
    assert at("-2.5", 0, 0.3, 0.99) == [-2.5] * 3
    assert automation.still(note) == -2.5


def test_keys_are_reached_exactly_and_the_loop_closes():
    assert at("0..2.5..0", 0, 0.5, 1) == [0, 2.5, 0]
    assert at("0..2.5", 0, 0.5, 1) == [0, 2.5, 0]
    assert at("1..2..4", 0, 1 / 3, 2 / 3, 0.9999999) == pytest.approx([1, 2, 4, 1], abs=1e-5)


def test_the_way_between_keys_is_eased():
    quarter, half = at("0..1", 0.125, 0.25)
    assert half == pytest.approx(0.5)
    assert quarter < 0.25
    assert np.diff(at("0..1", *np.linspace(0, 0.5, 50))).min() >= 0


def test_keys_mean_the_same_in_a_film_and_in_a_section():
    places = np.linspace(0, 1, 33)
    section = automation.parse_keys("0..2..0 sine")
    assert np.array_equal(section(places), automation.parse_amount("0..2..0 sine")(places))
    assert list(automation.parse_keys("0..2")(np.array([0.0, 0.5, 1.0]))) == [0, 1, 2]
    assert at("0..2 sine", 0, 0.25, 0.5, 1) == pytest.approx([0, 1, 2, 0])
    with pytest.raises(SettingsError, match="unknown easing"):
        automation.parse_amount("0..2 sinus")


@pytest.mark.parametrize("text", ["", "pca", "pca=", "=2", "pca=x", "pca=1..", "pca=inf", "pca=1@", "pca=nan"])
def test_what_cannot_be_read_is_said_in_one_line(text):
    with pytest.raises(SettingsError) as said:
        automation.parse(text)
    assert "\n" not in str(said.value)


def test_a_still_refuses_what_moves():
    with pytest.raises(SettingsError, match="changes over time"):
        automation.still(automation.parse("dusk=0..1"))
