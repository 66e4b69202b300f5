"""The errors a user can meet. Each states what happened, the value, and what to do, in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


class LatentartError(Exception):
    """Anything that is the input's or the machine's fault, not a bug: the CLI prints its text and exits 1.

    Its text is one that a terminal can be given: messages quote names out of files, see `printable`.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


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


def printable(text: str) -> str:
    """The text in one line, with escapes for what a terminal or a log would obey: ESC, BEL, changes of direction."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(letter: str) -> str:
    if letter in " \t\r\n":
        return " "
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's and NumPy's, PyTorch's on a processor or a GPU."""
    name, text = type(error).__name__, str(error)
    return isinstance(error, MemoryError) or name == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and ("allocate memory" in text or "out of memory" in text)
    )  # fmt: skip
