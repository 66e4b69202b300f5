"""Reads torch files that hold a generator's state dict under NVIDIA's own tensor names."""

from __future__ import annotations

from pathlib import Path

from latentart.errors import WeightsError
from latentart.weights import stylegan2
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.storage import load
from latentart.weights.torch_file import find, is_torch, open_torch

SOURCE = "torch-state"


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a torch file with StyleGAN2's first tensor."""
    return is_torch(head) and find(open_torch(path), stylegan2.FIRST_TENSOR) is not None


def read(path: Path) -> Checkpoint:
    """The generator in the file. Raises WeightsError."""
    found = find(open_torch(path), stylegan2.FIRST_TENSOR)
    if found is None:
        raise WeightsError(f"no tensor {stylegan2.FIRST_TENSOR!r}")
    stored, _ = found
    parts = stylegan2.complete(load(stored, path.stat().st_size), {})
    return Checkpoint(parts.tensors, parts.config, "", SOURCE, inferred=parts.inferred)
