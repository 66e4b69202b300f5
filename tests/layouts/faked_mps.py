"""The limits of Apple's GPU, faked on a processor: no float64, only operators that PyTorch has Metal kernels for."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torchgen
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

CONVERTS = {"_to_copy", "detach", "alias", "lift_fresh", "view", "select", "slice", "unsqueeze"}
"""What may still touch float64, on the processor, before a tensor is sent to the device as float32."""


class Unsupported(RuntimeError):
    """What a Mac could not have done."""


class FakedMps(TorchDispatchMode):
    """Raises Unsupported where a Mac would: arithmetic in float64, or an operator without a Metal kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # In inference mode operators made of others arrive whole.
        with self:
            parts = func.decompose(*args, **(kwargs or {}))
        if parts is not NotImplemented:
            return parts
        out = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::")
        self.seen.add(name)
        if name not in CONVERTS and any(map(is_double, tree_flatten([args, kwargs, out])[0])):
            raise Unsupported(f"{name} computes in float64, which MPS does not have")
        if name == "_to_copy" and any(map(is_double, tree_flatten(out)[0])):
            raise Unsupported("a tensor is made float64, which MPS does not have")
        overload = func._schema.overload_name
        if func.namespace == "aten" and not has_kernel(f"{name}.{overload}" if overload else name):
            raise Unsupported(f"{name} has no MPS kernel")
        return out


def is_double(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype in (torch.float64, torch.complex128)


def has_kernel(operator: str) -> bool:
    """Whether MPS runs 'add.Tensor', by PyTorch's own table of operators: itself, or composed of others."""
    keys, delegate = operators().get(operator, (set(), None))
    if delegate:
        return has_kernel(delegate)
    return not keys or any("MPS" in key or key.startswith("Composite") for key in keys)


@cache
def operators() -> dict[str, tuple[set[str], str | None]]:
    """Operator -> the backends it has kernels for, and the operator that implements it if another does."""
    table = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"
    found = {}
    for entry in re.split(r"^- func: ", table.read_text(), flags=re.MULTILINE)[1:]:
        name = entry.split("(", 1)[0]
        block = re.search(r"^  dispatch:\n((?:    .*\n|\s*#.*\n)+)", entry, re.MULTILINE)
        lines = re.findall(r"^    ([\w, ]+):", block[1], re.MULTILINE) if block else []
        keys = {key.strip() for line in lines for key in line.split(",")}
        delegate = re.search(r"^  structured_delegate: (\S+)", entry, re.MULTILINE)
        found[name] = (keys, delegate[1] if delegate else None)
    return found
