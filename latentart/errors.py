"""The errors a user can meet. Each states what happened, the value, and what to do, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


class LatentartError(Exception):
    """Anything that is the input's or the machine's fault, not a bug: the CLI prints its text and exits 1."""


class SettingsError(LatentartError):
    """A value that makes no sense: psi that is not a number, zero seconds, an unknown walk."""


class WeightsError(LatentartError):
    """A checkpoint that cannot be read or is of no known family."""


class RefusedError(WeightsError):
    """A file that asks for something no checkpoint needs: code, a nested pickle, more bytes than it has."""


class PictureError(LatentartError):
    """A picture that cannot be used: NaN pixels, a damaged or oversized image file."""


class TargetError(LatentartError):
    """A picture or film that cannot be written where it was asked for."""


def unknown(what: str, value: object, choices: Iterable[str]) -> str:
    """'unknown walk 'orbt': did you mean orbit? (one of drift, keyframes, orbit)'."""
    names = sorted(choices)
    close = difflib.get_close_matches(str(value), names, n=1)
    hint = f": did you mean {close[0]}?" if close else ""
    return f"unknown {what} {value!r}{hint} ({'one of ' + ', '.join(names) if names else 'there are none'})"


def check_limits(settings: object, limits: Mapping[str, tuple[float, float]]) -> None:
    """Raises SettingsError for an attribute that is no number from its least to its most; NaN never is."""
    for name, (least, most) in limits.items():
        value = getattr(settings, name)
        if not isinstance(value, int | float) or not least <= value <= most:
            raise SettingsError(f"{name} {value!r} is out of range: give {least:.10g} to {most:.10g}")
