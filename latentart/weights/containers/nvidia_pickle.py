"""Reads the .pkl files of StyleGAN2-ADA, StyleGAN3 and their forks.

Each network in them is one record: a class name, the source code of the class (never looked at here) and the
object's attributes. Tensors are collected from the records' parameters and buffers; the attributes of all modules are
stated as they are, for the families to read.
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
from latentart.weights.checkpoint import Contents
from latentart.weights.pickle.inert_pickle import Budget, Record, Table, refuse
from latentart.weights.pickle.inert_pickle import read as read_pickle
from latentart.weights.pickle.storage import StoredGroup, StoredTensor, load
from latentart.weights.pickle.torch_file import LEGACY_HEAD, NUMBERS, TABLE, raw_bytes, read_legacy, window
from latentart.weights.shapes import LARGEST_NUMBER

SOURCE = "nvidia-pickle"
DEEPEST, MOST_MODULES, MOST_TENSORS, MOST_ATTRIBUTES = 16, 5000, 20_000, 1000
LARGEST_ARRAY = 64
LONGEST_NAME = 200


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a pickle that is neither torch's nor of the TensorFlow era."""
    return head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5") and not (
        head.startswith(LEGACY_HEAD) or b"dnnlib.tflib" in head or b"tfutil" in head
    )  # fmt: skip


def read(path: Path) -> Contents:
    """One group: 'G_ema', the averaged generator, else 'G', '' for a file that is one network. Raises WeightsError,
    RefusedError.

    `stated` holds 'class', the name of the generator's class, and 'modules', name -> attributes ('' is the generator).
    """
    data, document = _document(path)
    return contents_of(document, len(data))


def contents_of(document: object, size: int) -> Contents:
    """What a document of `size` bytes holds, see `read`: torch files can hold whole networks, too."""
    key, generator = _generator(document)
    modules = _network(generator)
    unknown = f"its generator is a {_kind(generator)}: only StyleGAN2 and StyleGAN3 are known"
    groups = {key: StoredGroup(_tensors(modules), size)}
    return Contents(groups, {"class": generator.name, "modules": modules}, unknown=unknown)


def holds_network(document: object) -> bool:
    """Whether a document is a network or names one as its generator."""
    found = [document, *(document.get(key) for key in ("G_ema", "G"))] if isinstance(document, dict) else [document]
    return any(isinstance(each, Record) and "_modules" in _state(each) for each in found)


def _state(record: Record) -> Mapping[Any, Any]:
    return record.state if isinstance(record.state, dict) else {}


def _kind(generator: Record) -> str:
    """The family of a generator that is not read, as far as its classes tell it."""
    inner = [generator, *nested(_state(generator), "_modules").values()]
    if any(isinstance(module, Record) and module.name.startswith("R3GAN.") for module in inner):
        return "R3GAN (Huang et al. 2025)"
    return repr(generator.name[:80])


def read_raw(path: Path) -> dict[str, Tensor]:
    """The generator's tensors of the last step (G, else G_ema), to train on. Raises WeightsError, RefusedError."""
    data, document = _document(path)
    return load(_tensors(_network(_generator(document, ("G", "G_ema"))[1])), len(data))


def read_critic(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, config) of the discriminator D. Raises WeightsError when the file has none, RefusedError."""
    data, document = _document(path)
    found = document.get("D") if isinstance(document, dict) else None
    if not isinstance(found, Record):
        raise WeightsError(f"{str(path)!r} holds no discriminator D: look through another network")
    modules = _network(found)
    # The layers that judge in the end are not read.
    read = (".conv0", ".conv1", ".fromrgb", ".skip")
    check_activation({name: state for name, state in modules.items() if name.endswith(read)})
    blocks = [state for name, state in modules.items() if name.startswith("b") and "." not in name]
    layers = [state for name, state in modules.items() if name.startswith("b") and ".conv" in name]
    stated = agreed(blocks, "architecture") | agreed(layers, "conv_clamp")
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
        "torch.storage._load_from_bytes": lambda args: _storage(args, budget),
    }


def _storage(args: tuple[Any, ...], budget: Budget) -> Any:
    """The storage inside a byte string, which is a small torch file of its own."""
    match args:
        case (memoryview() as content,):
            return read_legacy(content, 0, budget)[0]
    refuse("a storage that is not bytes")


def _generator(document: object, wanted: tuple[str, ...] = ("G_ema", "G")) -> tuple[str, Record]:
    """(its name in the file, the generator)."""
    if isinstance(document, Record):
        return "", document
    found = document if isinstance(document, dict) else {}
    for key in wanted:
        if isinstance(found.get(key), Record):
            return key, found[key]
    keys = ", ".join(str(k)[:40] for k in list(found)[:8])
    raise WeightsError(f"a pickle without a generator G_ema (it holds {keys or type(document).__name__!r})")


def _modules(module: Record, prefix: str, depth: int) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """(name, attributes) of a module and all below it: '' first, then 'mapping', 'mapping.fc0' ..."""
    if depth > DEEPEST or len(prefix) > LONGEST_NAME:
        refuse(f"a network nested more than {DEEPEST} deep, or names of more than {LONGEST_NAME} letters")
    if not isinstance(module.state, dict) or len(module.state) > MOST_ATTRIBUTES:
        refuse(f"a module without attributes, or with more than {MOST_ATTRIBUTES}")
    yield prefix, module.state
    for name, child in nested(module.state, "_modules").items():
        if isinstance(child, Record):
            yield from _modules(child, f"{prefix}.{name}" if prefix else str(name), depth + 1)


def nested(state: Mapping[Any, Any], key: str) -> dict[Any, Any]:
    """The dictionary at this key, {} when there is none."""
    found = state.get(key)
    return found if isinstance(found, dict) else {}


def _tensors(modules: Mapping[str, Mapping[Any, Any]]) -> dict[str, StoredTensor]:
    """Parameters and buffers by full name: layers frozen in training keep their weights as buffers."""
    found: dict[str, StoredTensor] = {}
    for prefix, state in modules.items():
        for name, value in [*nested(state, "_parameters").items(), *nested(state, "_buffers").items()]:
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


def scalars(state: Mapping[Any, Any]) -> dict[Any, Any]:
    """Numbers and text only: printing or comparing nested values takes a time that their file decides."""
    return {k: v for k, v in state.items() if v is None or isinstance(v, (bool, int, float, str))}


def agreed(modules: list[Mapping[Any, Any]], key: str) -> dict[str, Any]:
    """{key: value} if the modules that have the attribute agree on it."""
    values = [m[key] for m in map(scalars, modules) if key in m]
    if any(v != values[0] for v in values):
        raise WeightsError(f"its blocks differ in {key}: {', '.join(str(v)[:20] for v in values[:9])}")
    return {key: values[0]} if values else {}


def check_activation(modules: Mapping[str, Mapping[Any, Any]]) -> None:
    """Raises WeightsError for a module with another activation than StyleGAN2's and StyleGAN3's."""
    for name, state in modules.items():
        usual = "linear" if name.endswith((".affine", ".embed", ".skip")) else "lrelu"
        found = state.get("activation", usual)
        if found != usual:
            shown = found[:20] if isinstance(found, str) else type(found).__name__
            raise WeightsError(f"{name!r} has activation {shown!r}: only {usual!r} is supported")


def multiplier(fc0: Mapping[Any, Any], tensors: Mapping[str, Any]) -> dict[str, float]:
    """The mapping's learning rate multiplier: a layer's bias gain, and its weight gain times sqrt(inputs)."""
    gains = {k: float(v) for k, v in fc0.items() if isinstance(v, (int, float)) and abs(v) < LARGEST_NUMBER}
    if "bias_gain" in gains:
        return {"mapping_lr_multiplier": gains["bias_gain"]}
    if "weight_gain" in gains and "mapping.fc0.weight" in tensors:
        return {"mapping_lr_multiplier": gains["weight_gain"] * math.sqrt(tensors["mapping.fc0.weight"].shape[-1])}
    return {}


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
        case (
            _,
            (int(count),),
            Record("numpy.dtype", (str(code), *_)),
            _,
            memoryview() | bytes() | str() as stored,
        ) if 0 <= count <= LARGEST_ARRAY and len(raw := raw_bytes(stored)) == count * struct.calcsize(NUMBERS[code]):
            return list(struct.unpack(f"<{count}{NUMBERS[code][1]}", raw))
    return NotImplemented
