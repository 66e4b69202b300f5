"""Any checkpoint that can be read -> our own format, checked before it gets its name."""

from __future__ import annotations

from pathlib import Path

import torch

from latentart import files
from latentart.errors import WeightsError
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.open import open_checkpoint


def convert(source: str | Path, target: str | Path, *, overwrite: bool = False, half: bool = False) -> Checkpoint:
    """Reads `source` (a card's name or a file), writes safetensors to `target` and returns what was written.

    The file is written beside the target, read again and compared before it is renamed, so a target is whole or
    absent. `half` stores tensors of two dimensions or more as float16.
    Raises WeightsError for the source, TargetError for a target that exists or cannot be written.
    """
    files.check_target(target, overwrite=overwrite)
    checkpoint = open_checkpoint(source)
    with files.part_file(target, overwrite=overwrite) as part:
        safe.write(part, checkpoint, half=half)
        _compare(checkpoint, safe.read(part), half=half)
    return open_checkpoint(Path(target))


def _compare(wanted: Checkpoint, written: Checkpoint, *, half: bool) -> None:
    """Raises WeightsError unless the file holds the tensors and config that were given to it."""
    for name, tensor in wanted.tensors.items():
        exact = safe.stored(name, tensor, half=half).to(tensor.dtype)
        if name not in written.tensors or not torch.equal(exact, written.tensors[name]):
            raise WeightsError(f"tensor {name!r} came back changed from the disk: check the disk, then convert again")
    if dict(written.config) != dict(wanted.config):
        raise WeightsError("the config came back changed from the disk: check the disk, then convert again")
