"""Frame rates: exact, whatever way people write them."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentart import rate
from latentart.errors import SettingsError


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        (30, Fraction(30)),
        ("30", Fraction(30)),
        (" 25 ", Fraction(25)),
        ("23.976", Fraction(24000, 1001)),
        (23.976, Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        (24000 / 1001, Fraction(24000, 1001)),
        (Fraction(60000, 1001), Fraction(60000, 1001)),
        ("12.5", Fraction(25, 2)),
        (0.5, Fraction(1, 2)),
    ],
)
def test_a_rate_is_exact(written: Any, exact: Fraction) -> None:
    assert rate.fps(written) == exact


@pytest.mark.parametrize(
    "written",
    ["", "fast", 0, -1, "0/0", "1/0", "nan", "inf", float("nan"), float("inf"), 1001, "1e400", 1e-9, None, [30]],
)
def test_nonsense_is_told_with_its_value(written: Any) -> None:
    with pytest.raises(SettingsError, match=r"^fps .*: give frames per second") as told:
        rate.fps(written)
    assert repr(written) in str(told.value)


@settings(max_examples=40)
@given(st.fractions(Fraction(1, 1000), 1000, max_denominator=1001))
def test_fractions_are_kept(exact: Fraction) -> None:
    assert rate.fps(exact) in (exact, rate.fps(str(float(exact))))
    assert rate.fps(str(exact)) == rate.fps(exact)
