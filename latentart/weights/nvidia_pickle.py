"""Reads the .pkl files of StyleGAN2-ADA, StyleGAN3 and their forks.

Each network in them is one record: a class name, the source code of the class (never looked at here) and the
object's attributes. Tensors are collected from the records' parameters and buffers, switches from their attributes.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights import stylegan2, stylegan3
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.inert_pickle import Budget, Record, Table, inert, refuse
from latentart.weights.inert_pickle import read as read_pickle
from latentart.weights.storage import StoredTensor, load
from latentart.weights.torch_file import LEGACY_HEAD, NUMBERS, TABLE, ordered_dict, read_legacy, window

SOURCE = "nvidia-pickle"
DEEPEST, MOST_MODULES, MOST_TENSORS, MOST_ATTRIBUTES, MOST_LAYERS = 16, 5000, 20_000, 1000, 64
LARGEST_ARRAY = 64
LONGEST_NAME = 200


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a pickle that is neither torch's nor of the TensorFlow era."""
    return head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5") and not (
        head.startswith(LEGACY_HEAD) or b"dnnlib.tflib" in head or b"tfutil" in head
    )  # fmt: skip


def read(path: Path) -> Checkpoint:
    """The averaged generator of the file (G_ema, else G). Raises WeightsError, RefusedError."""
    return _read(path, ("G_ema", "G"))


def read_raw(path: Path) -> Checkpoint:
    """The generator's weights of the last step (G, else G_ema), to train on. Raises WeightsError, RefusedError."""
    return _read(path, ("G", "G_ema"))


def _read(path: Path, keys: tuple[str, ...]) -> Checkpoint:
    data, document = _document(path)
    generator, notes = _generator(document, keys)
    modules = _network(generator)
    tensors = load(_tensors(modules), len(data))
    if stylegan2.FIRST_TENSOR in tensors:
        tensors, config, inferred = stylegan2.complete(tensors, _stylegan2_stated(modules, tensors))
        notes += inferred
    elif generator.name == "SuperresGenerator" or "synthesis.input.freqs" not in tensors:
        raise WeightsError(f"its generator is a {_kind(generator.name)}: only StyleGAN2 and StyleGAN3 are known")
    else:
        tensors, config, inferred = stylegan3.complete(tensors, _stylegan3_stated(modules))
        notes += inferred
    return Checkpoint(tensors, config, "", SOURCE, inferred=notes)


def read_critic(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, config) of the discriminator D. Raises WeightsError when the file has none, RefusedError."""
    data, document = _document(path)
    found = document.get("D") if isinstance(document, dict) else None
    if not isinstance(found, Record):
        raise WeightsError(f"{str(path)!r} holds no discriminator D: look through another network")
    modules = _network(found)
    # The layers that judge in the end are not read.
    read = (".conv0", ".conv1", ".fromrgb", ".skip")
    _check_activation({name: state for name, state in modules.items() if name.endswith(read)})
    blocks = [state for name, state in modules.items() if name.startswith("b") and "." not in name]
    layers = [state for name, state in modules.items() if name.startswith("b") and ".conv" in name]
    stated = _same(blocks, "architecture") | _same(layers, "conv_clamp")
    return load(_tensors(modules), len(data)), stated


def _document(path: Path) -> tuple[memoryview, object]:
    """(the file's bytes, what is pickled in them)."""
    data = window(path)
    budget = Budget()
    return data, read_pickle(data, 0, _table(budget), budget)[0]


def _network(module: Record) -> dict[str, Mapping[Any, Any]]:
    """The modules of a network by name, see `_modules`."""
    modules = dict(itertools.islice(_modules(module, "", 0), MOST_MODULES + 1))
    if len(modules) > MOST_MODULES:
        refuse(f"a network of more than {MOST_MODULES} modules")
    return modules


def _table(budget: Budget) -> Table:
    return {
        **TABLE,
        "torch_utils.persistence._reconstruct_persistent_obj": _persistent_object,
        "torch.storage._load_from_bytes": lambda args: _storage(args, budget),
        "dnnlib.util.EasyDict": ordered_dict,
        "numpy.ndarray": None,
        "numpy.core.multiarray._reconstruct": inert("numpy.ndarray"),
        "numpy._core.multiarray._reconstruct": inert("numpy.ndarray"),
    }


def _persistent_object(args: tuple[Any, ...]) -> Record:
    match args:
        case ({"type": "class", "class_name": str(name), "state": dict(state)},):
            return Record(name, state=state)
    refuse("a persistent object without a class name and a state")


def _storage(args: tuple[Any, ...], budget: Budget) -> Any:
    """The storage inside a byte string, which is a small torch file of its own."""
    match args:
        case (memoryview() as content,):
            return read_legacy(content, 0, budget)[0]
    refuse("a storage that is not bytes")


def _generator(document: object, wanted: tuple[str, ...]) -> tuple[Record, tuple[str, ...]]:
    if isinstance(document, Record):
        return document, ()
    found = document if isinstance(document, dict) else {}
    for key in wanted:
        if isinstance(found.get(key), Record):
            note = () if key == "G_ema" else ("the weights of G: the file has no averaged G_ema",)
            return found[key], note
    keys = ", ".join(str(k)[:40] for k in list(found)[:8])
    raise WeightsError(f"a pickle without a generator G_ema (it holds {keys or type(document).__name__!r})")


def _kind(name: str) -> str:
    if name == "SuperresGenerator":
        return "StyleGAN-XL ('SuperresGenerator', a chain of growing networks with a pretrained class embedding)"
    return repr(name[:80])


def _modules(module: Record, prefix: str, depth: int) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """(name, attributes) of a module and all below it: '' first, then 'mapping', 'mapping.fc0' ..."""
    if depth > DEEPEST or len(prefix) > LONGEST_NAME:
        refuse(f"a network nested more than {DEEPEST} deep, or names of more than {LONGEST_NAME} letters")
    if not isinstance(module.state, dict) or len(module.state) > MOST_ATTRIBUTES:
        refuse(f"a module without attributes, or with more than {MOST_ATTRIBUTES}")
    yield prefix, module.state
    for name, child in _dict(module.state, "_modules").items():
        if isinstance(child, Record):
            yield from _modules(child, f"{prefix}.{name}" if prefix else str(name), depth + 1)


def _dict(state: Mapping[Any, Any], key: str) -> dict[Any, Any]:
    found = state.get(key)
    return found if isinstance(found, dict) else {}


def _tensors(modules: Mapping[str, Mapping[Any, Any]]) -> dict[str, StoredTensor]:
    """Parameters and buffers by full name: layers frozen in training keep their weights as buffers."""
    found: dict[str, StoredTensor] = {}
    for prefix, state in modules.items():
        for name, value in [*_dict(state, "_parameters").items(), *_dict(state, "_buffers").items()]:
            full = f"{prefix}.{name}" if prefix else str(name)
            if len(full) > LONGEST_NAME:
                refuse(f"a tensor's name of more than {LONGEST_NAME} letters")
            if full in found:
                refuse(f"two tensors named {full[:80]!r}")
            if len(found) == MOST_TENSORS:
                refuse(f"a network of more than {MOST_TENSORS} tensors")
            if isinstance(value, StoredTensor):
                found[full] = value
    return found


def _stylegan2_stated(modules: Mapping[str, Mapping[Any, Any]], tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Switches from keyword arguments, then from the attributes that the classes made of them."""
    top, mapping = modules[""], modules.get("mapping", {})
    kwargs = _kwargs(top)
    stated = {k: kwargs[k] for k in ("architecture", "conv_clamp", "num_fp16_res") if k in kwargs}
    if "lr_multiplier" in kwargs:
        stated["mapping_lr_multiplier"] = kwargs["lr_multiplier"]
    stated |= {k: top[k] for k in ("z_dim", "c_dim", "w_dim", "img_channels") if type(top.get(k)) is int}
    if type(mapping.get("num_layers")) is int:
        stated["mapping_layers"] = mapping["num_layers"]
    blocks = [s for n, s in modules.items() if n.startswith("synthesis.b") and n.count(".") == 1]
    layers = [s for n, s in modules.items() if n.startswith("synthesis.b") and ".conv" in n and n.count(".") == 2]
    stated |= _same(blocks, "architecture") | _same(layers, "conv_clamp")
    if all("use_fp16" in b for b in blocks):
        stated["num_fp16_res"] = sum(b["use_fp16"] is True for b in blocks)
    _check_activation(modules)
    return stated | _multiplier(modules.get("mapping.fc0", {}), tensors)


def _kwargs(top: Mapping[Any, Any]) -> dict[Any, Any]:
    """Keyword arguments in one dict: StyleGAN2-ADA nests those of the two halves, StyleGAN3's repository does not."""
    kwargs = _dict(top, "_init_kwargs")
    return _scalars(kwargs) | _scalars(_dict(kwargs, "mapping_kwargs")) | _scalars(_dict(kwargs, "synthesis_kwargs"))


def _scalars(state: Mapping[Any, Any]) -> dict[Any, Any]:
    """Numbers and text only: printing or comparing nested values takes a time that their file decides."""
    return {k: v for k, v in state.items() if v is None or isinstance(v, (bool, int, float, str))}


def _same(modules: list[Mapping[Any, Any]], key: str) -> dict[str, Any]:
    """{key: value} if the modules that have the attribute agree on it."""
    values = [m[key] for m in map(_scalars, modules) if key in m]
    if any(v != values[0] for v in values):
        raise WeightsError(f"its blocks differ in {key}: {', '.join(str(v)[:20] for v in values[:9])}")
    return {key: values[0]} if values else {}


def _check_activation(modules: Mapping[str, Mapping[Any, Any]]) -> None:
    for name, state in modules.items():
        usual = "linear" if name.endswith((".affine", ".embed", ".skip")) else "lrelu"
        found = state.get("activation", usual)
        if found != usual:
            shown = found[:20] if isinstance(found, str) else type(found).__name__
            raise WeightsError(f"{name!r} has activation {shown!r}: only {usual!r} is supported")


def _multiplier(fc0: Mapping[Any, Any], tensors: Mapping[str, Any]) -> dict[str, float]:
    """The mapping's learning rate multiplier: a layer's bias gain, and its weight gain times sqrt(inputs)."""
    gains = {k: float(v) for k, v in fc0.items() if isinstance(v, (int, float)) and abs(v) < stylegan2.LARGEST_NUMBER}
    if "bias_gain" in gains:
        return {"mapping_lr_multiplier": gains["bias_gain"]}
    if "weight_gain" in gains and "mapping.fc0.weight" in tensors:
        return {"mapping_lr_multiplier": gains["weight_gain"] * math.sqrt(tensors["mapping.fc0.weight"].shape[-1])}
    return {}


def _stylegan3_stated(modules: Mapping[str, Mapping[Any, Any]]) -> dict[str, Any]:
    """What the classes computed for their layers, so that nothing has to be computed again."""
    top, network, start = (plain(modules.get(name, {})) for name in ("", "synthesis", "synthesis.input"))
    layers = {n: s for n, s in modules.items() if n.startswith("synthesis.L") and n.count(".") == 1}
    if len(layers) > MOST_LAYERS:
        refuse(f"a synthesis network of more than {MOST_LAYERS} layers")
    return {
        **{k: top[k] for k in ("z_dim", "c_dim", "w_dim", "num_ws", "img_channels") if k in top},
        **{k: network[k] for k in ("output_scale",) if k in network},
        **_same(list(layers.values()), "conv_clamp"),
        **_multiplier(modules.get("mapping.fc0", {}), {}),
        "input": _renamed(start, {"size": "size", "sampling_rate": "sampling_rate", "bandwidth": "bandwidth"}),
        "layers": [_renamed(plain(layers[n]), _LAYER) for n in sorted(layers, key=_index)],
    }


_LAYER = {
    "in_size": "in_size", "out_size": "out_size", "up_factor": "up", "down_factor": "down", "padding": "padding",
    "use_fp16": "fp16",
}  # fmt: skip


def _index(name: str) -> tuple[int, str]:
    """Place of 'synthesis.L12_1044_32' in the network."""
    digits = name.removeprefix("synthesis.L").partition("_")[0]
    return (int(digits) if digits.isdecimal() and len(digits) < 3 else 100), name


def _renamed(found: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The attributes of these names; NVIDIA's sizes are (width, height)."""
    chosen = {new: found[old] for old, new in names.items() if old in found}
    return {k: v[::-1] if k.endswith("size") and isinstance(v, list) else v for k, v in chosen.items()}


def plain(state: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes that are numbers, text, or short lists of them; modules, tensors and private ones are left out."""
    found = {str(k): _value(v) for k, v in state.items() if not str(k).startswith("_")}
    return {k: v for k, v in found.items() if v is not NotImplemented}


def _value(value: object) -> Any:
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, (list, tuple)) and all(type(v) in (int, float, str) for v in value[:LARGEST_ARRAY]):
        return list(value[:LARGEST_ARRAY])
    return _array(value) if isinstance(value, Record) and value.name == "numpy.ndarray" else NotImplemented


def _array(record: Record) -> Any:
    """A small one-dimensional numpy array as a list."""
    match record.state:
        case (_, (int(count),), Record("numpy.dtype", (str(code), *_)), _, memoryview() | bytes() as raw) if (
            0 <= count <= LARGEST_ARRAY and len(raw) == count * struct.calcsize(NUMBERS[code])
        ):
            return list(struct.unpack(f"<{count}{NUMBERS[code][1]}", raw))
    return NotImplemented
