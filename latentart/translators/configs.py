"""The config of a network from a file, which may say anything, checked before a network is made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from latentart.errors import WeightsError
from latentart.translators.layers import NORMS

MOST_CHANNELS = 1 << 14
PICTURES = {1: "grey", 3: "RGB", 4: "RGBA"}
"""What a network's picture may be, by its number of channels."""
Checks = Mapping[str, Callable[[Any], bool]]
C = TypeVar("C")


def read(kind: Callable[..., C], stored: Mapping[str, Any], checks: Checks, what: str) -> C:
    """A config class from a file's own config, every value checked. Raises WeightsError."""
    for key, fits in checks.items():
        if key not in stored or not fits(stored[key]):
            raise WeightsError(f"{key} {str(stored.get(key))[:40]!r} makes no sense in the config of a {what}")
    return kind(**{key: tuple(v) if isinstance(v := stored[key], list) else v for key in checks})


def stated(config: object) -> dict[str, Any]:
    """A config class in JSON types, as a `Checkpoint` holds it."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(config).items()}


def is_truth(value: object) -> bool:
    """True or False."""
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
    """A small number above 0."""
    return type(value) is float and 0 < value <= 0.1


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
