"""Models of TensorFlow.js: model.json and its shards, layers models and graph models alike.

`weightsManifest` lists groups of shards; the bytes of a group, end to end, are its tensors one after the other,
little-endian. Quantised ones are float16, or 8 or 16 bits with value = q * scale + min.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.files import regular
from latentart.weights.checkpoint import Contents
from latentart.weights.containers import ml5, raw
from latentart.weights.pickle.inert_pickle import refuse

SOURCE = "tfjs model"
MODEL = "model.json"
LARGEST_NUMBER = 1e30
PART = 1 << 20
_DTYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint16": "<u2", "uint8": "|u1", "bool": "|b1"}


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a folder with a model.json, or a JSON file that is no manifest of ml5."""
    if path.is_dir():
        return (path / MODEL).is_file() and not (path / ml5.MANIFEST).is_file()
    return path.suffix == ".json" and path.name != ml5.MANIFEST and head.lstrip()[:1] == b"{"


def read(path: Path) -> Contents:
    """One group, '': name -> tensor, quantised ones as float32. Raises WeightsError, RefusedError."""
    path = path / MODEL if path.is_dir() else path
    model = raw.read_json(path)
    groups = model.get("weightsManifest")
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        kind = (
            "is the architecture of a Keras model (Keras.js?), without weights"
            if _is_keras(model)
            else "has no weightsManifest"
        )
        raise WeightsError(f"{path.name!r} {kind}: give the model.json of a TensorFlow.js model")
    _check_groups(groups)
    found: dict[str, Tensor] = {}
    for group in groups:
        for name, tensor in _group(path.parent, group):
            if name in found:
                raise WeightsError(f"the tensor {name[:80]!r} stands twice in {path.name!r}")
            found[name] = tensor
    constants = _constants(found) if _is_graph(model) else set()
    return Contents({"": {name: tensor for name, tensor in found.items() if name not in constants}})


def _is_keras(model: Mapping[str, Any]) -> bool:
    return "keras_version" in model or ("class_name" in model and "config" in model)


def _is_graph(model: Mapping[str, Any]) -> bool:
    topology = model.get("modelTopology")
    return model.get("format") == "graph-model" or (isinstance(topology, dict) and "node" in topology)


def _constants(tensors: Mapping[str, Tensor]) -> set[str]:
    """Names of what a graph stores beside its weights: shapes, sizes, the bounds of slices, single factors."""
    return {name for name, tensor in tensors.items() if tensor.ndim == 0 or not tensor.is_floating_point()}


def _check_groups(groups: list[Mapping[str, Any]]) -> None:
    """Raises WeightsError, RefusedError for lists that are none, shards listed twice and more than memory is for."""
    for group in groups:
        if not isinstance(group.get("paths"), list) or not isinstance(group.get("weights"), list):
            raise WeightsError("a group of weights without a list of paths and a list of weights")
    paths = [str(path) for group in groups for path in group["paths"]]
    if len(set(paths)) < len(paths):
        refuse("a shard that is listed twice")
    raw.check_total(_described(weight)[2] for group in groups for weight in group["weights"])


def _group(folder: Path, group: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of one group."""
    paths, weights = group["paths"], group["weights"]
    files = [raw.beside(folder, name) for name in paths]
    sizes = [math.prod(shape) * np.dtype(dtype).itemsize for _, dtype, shape in map(_described, weights)]
    raw.check_size(files, sum(sizes), f"the shards {', '.join(map(str, paths))[:80]}")
    data = memoryview(b"".join(regular.content(file, sum(sizes)) for file in files))
    at = 0
    for weight, size in zip(weights, sizes, strict=True):
        name, dtype, shape = _described(weight)
        yield name, _restored(weight, raw.numbers(name, data[at : at + size], dtype, shape))
        at += size


def _described(weight: object) -> tuple[str, str, tuple[int, ...]]:
    """Name, NumPy type as stored, and shape."""
    if not isinstance(weight, dict) or not isinstance(weight.get("name"), str):
        raise WeightsError("a weight without a name")
    name, kind = weight["name"], str(weight.get("dtype"))
    stored = _quantization(weight).get("dtype", kind)
    if kind not in ("float32", "float16", "int32", "uint8", "bool") or str(stored) not in _DTYPES:
        raise WeightsError(f"tensor {name[:80]!r} has type {str(stored)[:40]!r}, which no network here uses")
    return name, _DTYPES[str(stored)], raw.check_shape(name, weight.get("shape"))


def _restored(weight: Mapping[str, Any], stored: Tensor) -> Tensor:
    """Numbers in place of codes; float16 as float32."""
    quantized = _quantization(weight)
    if quantized.get("dtype") in ("uint8", "uint16"):
        scale, lowest = (_number(weight["name"], quantized.get(key)) for key in ("scale", "min"))
        # A part at a time: as doubles all of it would take eight times its room.
        flat = stored.flatten()
        parts = [flat[at : at + PART].double() * scale + lowest for at in range(0, len(flat), PART)]
        whole = weight["dtype"] == "int32"
        made = [part.round().int() if whole else part.float() for part in parts]
        stored = torch.cat(made).view(stored.shape) if made else stored.float()
    return stored.float() if stored.is_floating_point() else stored


def _number(name: str, value: object) -> float:
    if isinstance(value, (int, float)) and abs(value) < LARGEST_NUMBER:
        return float(value)
    raise WeightsError(f"tensor {name[:80]!r} is quantised without a scale and a min")


def _quantization(weight: Mapping[str, Any]) -> Mapping[str, Any]:
    found = weight.get("quantization") or {}
    if not isinstance(found, dict):
        raise WeightsError(f"tensor {weight['name'][:80]!r} has a quantization that is no object")
    return found
