"""The only source of randomness: a seed is an integer that names a z, a noise field or a stream of numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from latentart.errors import SettingsError

LARGEST = 2**32 - 1
MOST_SEEDS = 100_000


def check(seed: int) -> int:
    """Returns `seed`, or raises SettingsError when it is not in 0 .. 2^32-1."""
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or not 0 <= seed <= LARGEST:
        raise SettingsError(f"seed {seed!r} is out of range: give an integer from 0 to {LARGEST}")
    return int(seed)


def stream(*seeds: int) -> np.random.RandomState:
    """A private stream of numbers named by one or more seeds (for example a film's seed and a frame index)."""
    return np.random.RandomState([check(s) for s in seeds] if len(seeds) > 1 else check(seeds[0]))


def z(seed: int, z_dim: int) -> NDArray[np.float64]:
    """The latent a seed names, [1, z_dim] float64: `RandomState(seed).randn(1, z_dim)`, NVIDIA's recipe bit for bit."""
    return np.random.RandomState(check(seed)).randn(1, z_dim)


def noise(shapes: Mapping[str, tuple[int, int]], *seed: int) -> dict[str, NDArray[np.float32]]:
    """Standard normal noise maps, one per layer name, [H, W] float32 each; the same seeds give the same maps."""
    rng = stream(*seed)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def parse(text: str) -> list[int]:
    """'1,4-7' -> [1, 4, 5, 6, 7]; order and repeats are kept, '7-4' counts down. Raises SettingsError."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if not match:
            raise SettingsError(f"cannot read seeds {text!r}: {part!r} is neither a number nor a range like 4-7")
        first = check(int(match[1]))
        last = check(int(match[2] or first))
        if len(found) + abs(last - first) >= MOST_SEEDS:
            raise SettingsError(f"seeds {text!r} name more than {MOST_SEEDS} pictures: give fewer")
        step = 1 if last >= first else -1
        found.extend(range(first, last + step, step))
    return found
