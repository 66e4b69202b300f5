"""Any checkpoint that can be read -> our own format, checked before it gets its name."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from latentart.errors import TargetError, WeightsError
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.open import open_checkpoint


def convert(source: str | Path, target: str | Path, *, overwrite: bool = False, half: bool = False) -> Checkpoint:
    """Reads `source` (a card's name or a file), writes safetensors to `target` and returns what was written.

    The file is written beside the target, read again and compared before it is renamed, so a target is whole or
    absent. `half` stores tensors of two dimensions or more as float16.
    Raises WeightsError for the source, TargetError for a target that exists or cannot be written.
    """
    target = Path(target)
    if target.is_dir():
        raise TargetError(f"cannot write {str(target)!r}: it is a folder (give a file name)")
    if target.exists() and not overwrite:
        raise TargetError(f"{str(target)!r} exists already: choose another name or pass --overwrite")
    checkpoint = open_checkpoint(source)
    part = target.with_name(f"{target.name}.part")
    try:
        safe.write(part, checkpoint, half=half)
        _compare(checkpoint, safe.read(part), half=half)
        os.replace(part, target)
    except OSError as error:
        raise TargetError(f"cannot write {str(target)!r}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return open_checkpoint(target)


def _compare(wanted: Checkpoint, written: Checkpoint, *, half: bool) -> None:
    """Raises WeightsError unless the file holds the tensors and config that were given to it."""
    for name, tensor in wanted.tensors.items():
        exact = tensor.half().to(tensor.dtype) if half and tensor.ndim >= 2 and tensor.is_floating_point() else tensor
        if name not in written.tensors or not torch.equal(exact, written.tensors[name]):
            raise WeightsError(f"tensor {name!r} came back changed from the disk: is it failing?")
    if dict(written.config) != dict(wanted.config):
        raise WeightsError("the config came back changed from the disk: is it failing?")
