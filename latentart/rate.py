"""Frames per second as an exact fraction."""

from __future__ import annotations

from fractions import Fraction

from latentart.errors import SettingsError

Rate = Fraction | int | float | str
FASTEST = 1000

# The broadcast rates, which people write rounded: '23.976' means 24000/1001.
_BROADCAST = {round(whole * 1000 / 1001, digits): Fraction(whole * 1000, 1001)
              for whole in (24, 30, 48, 60, 120) for digits in (2, 3)}  # fmt: skip


def fps(value: Rate) -> Fraction:
    """30, 29.97, '23.976', '24000/1001' or a Fraction -> frames per second, exactly. Raises SettingsError."""
    advice = f"give frames per second from 1/1000 to {FASTEST}, such as 30, '29.97' or '24000/1001'"
    try:
        exact = Fraction(str(value).strip()) if isinstance(value, (str, float)) else Fraction(value)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        raise SettingsError(f"fps {value!r} is not a rate: {advice}") from None
    exact = _BROADCAST.get(float(exact), exact) if exact < FASTEST * 10 else exact
    if not Fraction(1, 1000) <= exact <= FASTEST:
        raise SettingsError(f"fps {value!r} is out of range: {advice}")
    return exact.limit_denominator(100_000)
