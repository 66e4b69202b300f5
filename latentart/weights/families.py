"""The table of families: which module reads and builds the networks of which name.

A family is a module of `latentart.models` (generators) or below `latentart.translators` that is called like it
('pix2pix-resnet' is pix2pix_resnet.py), so a name leads to its module without importing the others: adding a family
is adding its file. The others are imported only when a file states no family and its tensors have to be recognised.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal, Protocol, cast

from torch import Tensor

from latentart import folder
from latentart.weights.checkpoint import Checkpoint, Origin, Parts

Kind = Literal["generator", "translator"]
PACKAGES: dict[Kind, str] = {"generator": "latentart.models", "translator": "latentart.translators"}


class Family(Protocol):
    """A module that describes one family. Generators have `complete` and `facts_shown` too."""

    FAMILY: str
    LOOKS_FOR: str
    """The tensors by which its files are known, for error messages."""

    def matches(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether a group of tensors, in the names of any project that is read, is of this family."""
        ...

    def convert(self, tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
        """Tensors in our own names, the config and what had to be inferred. Raises WeightsError naming tensors."""
        ...

    def build(self, checkpoint: Checkpoint) -> Any:
        """The network of a checkpoint. Raises WeightsError."""
        ...


class GeneratorFamily(Family, Protocol):
    """A family of generators: it also reads our own files of any version, and describes itself for `inspect`."""

    def complete(self, tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
        """Tensors in our own names and a config -> the same with every field of `Config`. Raises WeightsError."""
        ...

    def facts_shown(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """What `inspect` shows beside the config: resolution [height, width], num_ws, widths by layer."""
        ...


def kind_of(name: str) -> Kind | None:
    """'generator' or 'translator', None for a name of neither. Imports no family."""
    return next((kind for kind in PACKAGES if _file_name(name) in _places(kind)), None)


def find(name: str) -> Family | None:
    """The family of that name, None when there is none. Imports its module only."""
    kind = kind_of(name)
    if kind is None:
        return None
    module = import_module(f"{PACKAGES[kind]}.{_places(kind)[_file_name(name)]}")
    return cast(Family, module) if getattr(module, "FAMILY", None) == name else None


def generator(name: str) -> GeneratorFamily | None:
    """The family of generators of that name, None when there is none. Imports its module only."""
    return cast(GeneratorFamily | None, find(name)) if kind_of(name) == "generator" else None


def families(kind: Kind | None = None) -> dict[str, Family]:
    """Name -> family of that kind, or of both. Imports all of them."""
    found = [
        import_module(f"{PACKAGES[each]}.{place}")
        for each in PACKAGES
        if kind in (None, each)
        for place in _places(each).values()
    ]
    return {module.FAMILY: cast(Family, module) for module in found if hasattr(module, "FAMILY")}


def _file_name(name: str) -> str:
    return name.replace("-", "_")


def _places(kind: Kind) -> dict[str, str]:
    """Name of a module -> its place in the package: 'stylegan2' -> 'stylegan2', 'adain' -> 'style.adain'."""
    package = import_module(PACKAGES[kind])
    if kind == "generator":  # a family of several files is a package of its own
        return {m.name: m.name for m in pkgutil.iter_modules(package.__path__)}
    return {name.rpartition(".")[2]: name for name in folder.modules_below(package.__path__)}
