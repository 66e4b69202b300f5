"""Reads the .pkl files of StyleGAN2 and StyleGAN2-ADA for TensorFlow; TensorFlow is not needed.

A file holds (G, D, Gs): networks with their keyword arguments, their parts, the source code that once built them
(never looked at here) and their variables. Kernels there are [height, width, in, out], and those of convolutions
that double the size are turned by half a turn.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights import stylegan2
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.inert_pickle import Budget, Record, Table, inert, refuse
from latentart.weights.inert_pickle import read as read_pickle
from latentart.weights.storage import Storage, StoredTensor, load, rebuild
from latentart.weights.torch_file import TABLE, ordered_dict, window

SOURCE = "tensorflow-pickle"
NETWORK = "dnnlib.tflib.network.Network"
MOST_VARIABLES, LONGEST_NAME = 5000, 200
FIRST_VERSION = 4
"""Networks of lower version are StyleGAN1's."""
_USUAL = {
    "normalize_latents": True,
    "mapping_nonlinearity": "lrelu",
    "nonlinearity": "lrelu",
    "resample_kernel": [1, 3, 3, 1],
}
"""Arguments that have one supported value."""


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a pickle of the TensorFlow era."""
    return head[:1] == b"\x80" and b"dnnlib.tflib" in head


def read(path: Path) -> Checkpoint:
    """The averaged generator of the file (Gs, the last network). Raises WeightsError, RefusedError."""
    data = window(path)
    document, _ = read_pickle(data, 0, _TABLE, Budget())
    network = _generator(document)
    stored, kwargs = _variables(network), _kwargs(network)
    blocks = _blocks(stored)
    renamed: dict[str, Tensor] = {}
    for name, tensor in load(stored, len(data)).items():
        for new, changed in _rename(name, tensor, blocks):
            if new in renamed:
                raise WeightsError(f"two of its variables are {new!r} in StyleGAN2")
            renamed[new] = changed
    parts = stylegan2.complete(renamed, _stated(kwargs, renamed))
    return Checkpoint(parts.tensors, parts.config, "", SOURCE, inferred=parts.inferred)


_TABLE: Table = {
    **TABLE,
    NETWORK: inert(NETWORK),
    "dnnlib.util.EasyDict": ordered_dict,
    "numpy.ndarray": None,
    "numpy.core.multiarray._reconstruct": inert("numpy.ndarray"),
    "numpy._core.multiarray._reconstruct": inert("numpy.ndarray"),
}


def _generator(document: object) -> Record:
    found = document[-1] if isinstance(document, (tuple, list)) and document else document
    if not isinstance(found, Record) or found.name != NETWORK or not isinstance(found.state, dict):
        raise WeightsError("a pickle of the TensorFlow era without a generator Gs")
    version = found.state.get("version")
    if type(version) is int and version < FIRST_VERSION:
        raise WeightsError("a StyleGAN1 (2018, progressive growing and AdaIN), which is another network: not supported")
    return found


def _parts(network: Record) -> dict[str, Record]:
    """The network itself under '', and its components."""
    found = network.state.get("components")
    components = found if isinstance(found, dict) else {}
    own = {k: v for k, v in components.items() if isinstance(v, Record) and isinstance(v.state, dict)}
    return {"": network, **{str(k)[:LONGEST_NAME]: v for k, v in own.items()}}


def _kwargs(network: Record) -> dict[str, Any]:
    """Keyword arguments of the network and its components."""
    found: dict[str, Any] = {}
    for part in _parts(network).values():
        kwargs = part.state.get("static_kwargs")
        found |= {str(k): v for k, v in kwargs.items()} if isinstance(kwargs, dict) else {}
    return found


def _variables(network: Record) -> dict[str, StoredTensor]:
    """Variables by name, those of components below the component's name."""
    found: dict[str, StoredTensor] = {}
    for prefix, part in _parts(network).items():
        listed = part.state.get("variables")
        for entry in listed if isinstance(listed, list) else []:
            match entry:
                case (str(name), Record("numpy.ndarray") | float() as value) if len(name) <= LONGEST_NAME:
                    full = f"{prefix}/{name}" if prefix else name
                case _:
                    refuse("a variable that is not a name and an array")
            if full in found or len(found) == MOST_VARIABLES:
                refuse(f"two variables named {full[:80]!r}, or more than {MOST_VARIABLES}")
            found[full] = _stored(value)
    return found


def _stored(value: Record | float) -> StoredTensor:
    """A numpy array as a view of its bytes, with every claim checked; TensorFlow gives single values as numbers."""
    if isinstance(value, float):
        return StoredTensor(Storage("<f8", 1, memoryview(struct.pack("<d", value))), 0, (), ())
    match value.state:
        case (_, tuple(shape), Record("numpy.dtype", (str(code), *_), (_, "<", *_)), fortran, memoryview() as raw):
            pass
        case _:
            refuse("an array without a shape, a type and bytes")
    if code not in ("f4", "f2", "f8", "i4", "i8"):
        refuse(f"an array of type {code!r}")
    numel = len(raw) // int(code[1])
    storage = Storage(f"<{code}", numel)
    storage.fill(raw)
    return rebuild((storage, 0, shape, _strides(shape, fortran is True)))


def _strides(shape: tuple[Any, ...], fortran: bool) -> tuple[int, ...]:
    if not all(type(n) is int and 0 <= n < 2**40 for n in shape) or len(shape) > 8:
        refuse("an array of an impossible shape")
    strides, step = [], 1
    for n in shape if fortran else reversed(shape):
        strides.append(step)
        step = min(step * n, 2**47)
    return tuple(strides if fortran else reversed(strides))


def _blocks(names: Mapping[str, object]) -> dict[str, str]:
    """'4x4', '8x8' ... or '4x6', '8x12' ... -> 'b4', 'b8' ..., by size."""
    found = {m[1]: int(m[2]) * int(m[3]) for n in names if (m := re.match(r"synthesis/((\d{1,5})x(\d{1,5}))/", n))}
    return {size: f"b{4 << i}" for i, size in enumerate(sorted(found, key=lambda s: found[s])[:16])}


def _kernel(tensor: Tensor) -> Tensor:
    """[height, width, in, out] -> [out, in, height, width]."""
    if tensor.ndim != 4:
        raise WeightsError(f"a kernel of shape {list(tensor.shape)}: 4 dimensions are wanted")
    return tensor.permute(3, 2, 0, 1).contiguous()


def _turned(tensor: Tensor) -> Tensor:
    return _kernel(tensor).flip(2, 3)


def _transposed(tensor: Tensor) -> Tensor:
    return tensor.t().contiguous() if tensor.ndim == 2 else tensor


_LAYERS = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}
_PARTS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "weight": ("weight", _kernel),
    "bias": ("bias", lambda t: t),
    "mod_weight": ("affine.weight", _transposed),
    "mod_bias": ("affine.bias", lambda t: t + 1),
    "noise_strength": ("noise_strength", lambda t: t.reshape(()) if t.numel() == 1 else t),
}


def _rename(name: str, tensor: Tensor, blocks: Mapping[str, str]) -> list[tuple[str, Tensor]]:
    """(NVIDIA's PyTorch name, tensor in its shape), or nothing for counters. Raises WeightsError for others."""
    if name in ("lod", "synthesis/lod"):
        return []
    if name == "dlatent_avg":
        return [("mapping.w_avg", tensor)]
    if match := re.fullmatch(r"mapping/Dense(\d{1,2})/(weight|bias)", name):
        return [(f"mapping.fc{match[1]}.{match[2]}", _transposed(tensor))]
    if match := re.fullmatch(r"mapping/LabelEmbed/(weight|bias)", name):
        return [(f"mapping.embed.{match[1]}", _transposed(tensor))]
    if name == "mapping/LabelConcat/weight":
        return [("mapping.concat.weight", tensor)]
    if match := re.fullmatch(r"synthesis/noise(\d{1,2})", name):
        return [(f"synthesis.{_noise(int(match[1]))}.noise_const", tensor.reshape(tensor.shape[-2:]))]
    if match := re.fullmatch(r"synthesis/(\d+x\d+)/Const/const", name):
        return [(stylegan2.FIRST_TENSOR, tensor[0] if tensor.ndim == 4 else tensor)]
    if match := re.fullmatch(r"synthesis/(\d+x\d+)/(\w+)/(\w+)", name):
        return [_layer(name, blocks[match[1]], match[2], match[3], tensor)]
    raise WeightsError(f"variable {name[:80]!r} is not one of StyleGAN2")


def _layer(name: str, block: str, layer: str, part: str, tensor: Tensor) -> tuple[str, Tensor]:
    layer = "ToRGB" if re.fullmatch(r"ToRGB_lod\d+", layer) else layer
    if layer not in _LAYERS or part not in _PARTS:
        raise WeightsError(f"variable {name[:80]!r} is not one of StyleGAN2")
    new, change = _PARTS[part]
    if part == "weight" and layer in ("Conv0_up", "Skip"):
        change = _turned
    return f"synthesis.{block}.{_LAYERS[layer]}.{new}", change(tensor)


def _noise(n: int) -> str:
    """noise0 is that of 4x4, then come two for each block."""
    return f"b{4 << (n + 1) // 2}.conv{1 if n % 2 == 0 else 0}"


def _stated(kwargs: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Switches that tensors do not tell. What truncation, training and old hardware needed is passed over."""
    for key, usual in _USUAL.items():
        found = kwargs.get(key, usual)
        found = list(found[:8]) if isinstance(found, tuple) else found
        if found is not None and found != usual:
            shown = found[:20] if isinstance(found, str) else type(found).__name__
            raise WeightsError(f"its {key} is {shown!r}: only {usual!r} is supported")
    stated: dict[str, Any] = {"mapping_lr_multiplier": kwargs.get("mapping_lrmul", 0.01)}
    stated |= {key: kwargs[key] for key in ("conv_clamp", "num_fp16_res") if key in kwargs}
    return {k: v for k, v in stated.items() if v is None or isinstance(v, (int, float))}
