"""Safetensors: our own format, with the config as JSON in its metadata, and those of other projects without one."""

from __future__ import annotations

from pathlib import Path

from latentart.weights import safe
from latentart.weights.checkpoint import Contents

SOURCE = safe.SOURCE
matches = safe.matches


def read(path: Path) -> Contents:
    """One group, '': name -> tensor, floating ones as float32; `stated` is our config. Raises WeightsError,
    RefusedError."""
    found = safe.read(path)
    return Contents({"": found.tensors}, found.config, found.card)
