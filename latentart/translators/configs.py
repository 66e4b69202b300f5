"""The config of a network from a file, which may say anything, checked before a network is made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any, TypeVar

from latentart import pixels
from latentart.errors import WeightsError, unknown
from latentart.translators.layers import NORMS

MOST_CHANNELS, LONGEST_SHOWN = 1 << 14, 40
PICTURES = {1: "grey", 3: "RGB", 4: "RGBA"}
"""What a network's picture may be, by its number of channels."""
Checks = Mapping[str, Callable[[Any], bool]]
C = TypeVar("C")


def read(kind: Callable[..., C], stored: Mapping[str, Any], checks: Checks, what: str) -> C:
    """A config class from a file's own config, every value checked.

    What a file of an earlier version does not say has the class's default. Raises WeightsError for a value that makes
    no sense, one that is missing and has no default, and one that no such network has.
    """
    for key in stored.keys() - checks.keys() - {"family"}:
        raise WeightsError(unknown(f"setting in the config of a {what}", key[:LONGEST_SHOWN], checks))
    known = signature(kind).parameters
    for key, fits in checks.items():
        if key in stored and not fits(stored[key]):
            raise WeightsError(f"{key} {str(stored[key])[:LONGEST_SHOWN]!r} makes no sense in the config of a {what}")
        if key not in stored and known[key].default is Parameter.empty:
            raise WeightsError(f"the config of a {what} does not say its {key} (convert the original file again)")
    given = {key: stored[key] for key in checks if key in stored}
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})


def stated(config: object) -> dict[str, Any]:
    """A config class in JSON types, as a `Checkpoint` holds it."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(config).items()}


def is_truth(value: object) -> bool:
    """Whether a config value is True or False."""
    return type(value) is bool


def is_count(value: object) -> bool:
    """A number of channels that some network may have."""
    return type(value) is int and 1 <= value <= MOST_CHANNELS


def is_channels(value: object) -> bool:
    """A number of channels that makes a picture."""
    return type(value) is int and value in PICTURES


def is_norm(value: object) -> bool:
    """The name of a kind of normalisation."""
    return type(value) is str and value in NORMS


def is_epsilon(value: object) -> bool:
    """Whether a config value can be an epsilon: a small number above 0."""
    return type(value) is float and 0 < value <= 0.1


def is_side(value: object) -> bool:
    """The side of a picture in pixels, or 0."""
    return type(value) is int and 0 <= value <= pixels.LARGEST_SIDE


def is_few(value: object) -> bool:
    """A number of layers of one kind."""
    return type(value) is int and 0 <= value <= 64


def are_counts(value: object, most: int) -> bool:
    """A list of numbers of channels, one at least."""
    return isinstance(value, list) and 1 <= len(value) <= most and all(map(is_count, value))


def are_numbers(value: object, most: int) -> bool:
    """A list, perhaps empty, of different numbers below `most`."""
    numbers = isinstance(value, list) and all(type(v) is int and 0 <= v < most for v in value)
    return numbers and len(set(value)) == len(value)  # type: ignore[arg-type, call-overload]
