"""Our own format: safetensors with the config as JSON in its metadata."""

from __future__ import annotations

import errno
import json
import os
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.files import regular
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.pickle.inert_pickle import refuse

SOURCE = "safetensors"
KEY = "latentart"
LARGEST_HEADER = 2 << 20


def matches(path: Path, head: bytes) -> bool:
    """Whether it opens as safetensors do: the length of a JSON object, then the object."""
    return head[8:9] == b"{" and any(byte < 9 or byte > 126 for byte in head[:8])


def read(path: Path) -> Checkpoint:
    """Tensors (floating ones as float32) and the config as the file states it, {} for safetensors of other projects.

    Raises WeightsError, RefusedError.
    """
    metadata = _metadata(_header(path))
    try:
        with safetensors.safe_open(path, "pt") as file:
            tensors = {name: copied(name, file.get_tensor(name)) for name in file.keys()}
    except (safetensors.SafetensorError, ValueError, TypeError) as error:
        raise WeightsError(f"broken safetensors: {_line(error)}") from error
    stated = parse_json(metadata.get(KEY, "{}").encode(), "config")
    card = {"license": metadata["license"]} if "license" in metadata else {}
    return Checkpoint(tensors, stated, "", SOURCE, card=card)


def copied(name: str, tensor: Tensor) -> Tensor:
    """A copy that does not need the file. Types of less than two bytes would grow fourfold or more as float32."""
    if tensor.is_complex() or (tensor.is_floating_point() and tensor.element_size() < 2):
        raise WeightsError(f"tensor {name[:80]!r} has type {tensor.dtype}, which no model here uses")
    return tensor.to(torch.float32, copy=True) if tensor.is_floating_point() else tensor.clone()


def write(path: Path, checkpoint: Checkpoint, *, half: bool = False) -> None:
    """Writes our format; `half` stores tensors of two dimensions or more as float16 (half the size).

    Raises WeightsError for values that float16 cannot hold, OSError for a file that cannot be written.
    """
    tensors = {name: stored(name, tensor, half=half) for name, tensor in checkpoint.tensors.items()}
    metadata = {KEY: json.dumps(dict(checkpoint.config), allow_nan=False)}
    if checkpoint.sha256:
        metadata["converted_from"] = f"{checkpoint.source}, sha256 {checkpoint.sha256}"
    if "license" in checkpoint.card:
        metadata["license"] = str(checkpoint.card["license"])
    try:
        safetensors.torch.save_file(tensors, path, metadata)
    except safetensors.SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))  # it wraps what the system said
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, os.strerror(code) if number else _line(error)) from error


def stored(name: str, tensor: Tensor, *, half: bool) -> Tensor:
    """The tensor as it stands in the file. Raises WeightsError for values that float16 cannot hold."""
    if not half or tensor.ndim < 2 or not tensor.is_floating_point():
        return tensor.contiguous()
    small = tensor.to(torch.float16)
    if not bool(torch.isfinite(small).all()):
        raise WeightsError(f"tensor {name!r} holds values beyond float16's 65504: convert without --half")
    return small.contiguous()


def _header(path: Path) -> dict[str, Any]:
    """The JSON header, read by ourselves first: its length, repeated names and numbers JSON does not have."""
    with regular.opened(path) as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if length > LARGEST_HEADER:
            refuse(f"a safetensors header of {length} bytes")
        raw = file.read(length)
    if len(raw) < length:
        raise WeightsError("the file ends inside its header (download it again)")
    return parse_json(raw, "header")


def _metadata(header: Mapping[str, Any]) -> dict[str, str]:
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise WeightsError("safetensors metadata that is not text by name")
    return metadata


def parse_json(raw: bytes, what: str) -> dict[str, Any]:
    """A JSON object without NaN, Infinity or repeated names. Raises WeightsError."""
    try:
        value = json.loads(raw, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"the {what} is not JSON: {_line(error)}") from error
    if not isinstance(value, dict):
        raise WeightsError(f"the {what} is a JSON {type(value).__name__}, an object is wanted")
    return value


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise WeightsError(f"the name {twice[:80]!r} stands twice in the header")
    return found


def _no_constant(text: str) -> NoReturn:
    raise WeightsError(f"the number {text} in its JSON, which no config needs")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
