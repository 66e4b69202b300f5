"""Reads torch files that hold a generator's state dict under NVIDIA's own tensor names."""

from __future__ import annotations

from pathlib import Path

from latentart.errors import WeightsError
from latentart.weights import families, stylegan2, stylegan3
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.storage import StoredTensor, load
from latentart.weights.torch_file import find, is_torch, open_torch

SOURCE = "torch-state"


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a torch file with the first tensor of StyleGAN2 or StyleGAN3."""
    return is_torch(head) and _find(open_torch(path)) is not None


def read(path: Path) -> Checkpoint:
    """The generator in the file. Raises WeightsError."""
    found = _find(open_torch(path))
    if found is None:
        raise WeightsError(f"no tensor {stylegan2.FIRST_TENSOR!r}")
    tensors = load(found, path.stat().st_size)
    family = stylegan3.FAMILY if stylegan3.FIRST_TENSOR in tensors else stylegan2.FAMILY
    parts = families.complete(family, tensors, {})
    return Checkpoint(parts.tensors, parts.config, "", SOURCE, inferred=parts.inferred)


def _find(document: object) -> dict[str, StoredTensor] | None:
    for first in (stylegan2.FIRST_TENSOR, stylegan3.FIRST_TENSOR):
        if found := find(document, first):
            return found[0]
    return None
