"""A network in several files of one folder: torch files, or one .npy for each tensor.

Tensors of torch files are called 'stem/name', 'decoder/1.weight' for '1.weight' in decoder.pth, so that families can
tell the files apart; those of .npy files by their stem alone, 'conv01_1.weight'. Folders within are looked into, and
those of TensorFlow.js among them are read, under their own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from latentart.errors import WeightsError
from latentart.files import regular
from latentart.weights import npy
from latentart.weights.checkpoint import Contents
from latentart.weights.containers import npz, tfjs, torch_dicts

SOURCE = "folder"
ENDINGS = (".pth", ".pt", ".tar", ".model", ".ckpt")
MOST_FILES, DEEPEST = 256, 2
HEAD, MOST_BYTES = 4096, 1 << 30
OTHERS = ("manifest.json", "model.json")
"""Files that say a folder is one of another container."""


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a folder with torch or .npy files in it, and not one of a container with a list of its own."""
    listed = any((path / name).exists() for name in OTHERS)
    return path.is_dir() and not listed and bool(_files(path) or _models(path))


def read(path: Path) -> Contents:
    """One group, '': name -> tensor. Raises WeightsError naming the file, RefusedError."""
    found: dict[str, Tensor] = {}
    files = _files(path)
    if len(files) > MOST_FILES:
        raise WeightsError(f"more than {MOST_FILES} files of tensors: give a folder with one network in it")
    for file in [*files, *_models(path)]:
        for name, tensor in (_one(file) if file.is_file() else tfjs.read(file).groups[""]).items():
            if name in found:
                raise WeightsError(f"two files bring a tensor {name!r}: give a folder with one network in it")
            found[name] = tensor
        if sum(tensor.nbytes for tensor in found.values()) > MOST_BYTES:
            raise WeightsError(f"its tensors take more than {MOST_BYTES} bytes: give a folder with one network in it")
    return Contents({"": found})


def by_file(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """File stem -> name there -> tensor; '' for tensors of no file."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        stem, slash, rest = name.partition("/")
        found.setdefault(stem if slash else "", {})[rest if slash else name] = tensor
    return found


def _files(folder: Path) -> list[Path]:
    """Torch and .npy files in the folder and in folders within, in the order of their names."""
    levels = [folder.glob("/".join(["*"] * (depth + 1))) for depth in range(DEEPEST)]
    known = [p for level in levels for p in level if p.suffix.lower() in (*ENDINGS, ".npy") and regular.is_file(p)]
    return sorted(known)


def _models(folder: Path) -> list[Path]:
    """Folders of TensorFlow.js within."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and tfjs.matches(p, b""))


def _one(file: Path) -> dict[str, Tensor]:
    """The tensors of one file, under the names that `read` gives them."""
    try:
        if file.suffix.lower() == ".npy":
            return {file.name.removesuffix(file.suffix): _array(file)}
        with regular.opened(file) as stream:
            if not torch_dicts.matches(file, stream.read(HEAD)):
                raise WeightsError("it is no torch file")
        groups = torch_dicts.read(file).groups
    except WeightsError as error:
        raise type(error)(f"file {file.name!r}: {error}") from error
    # A checkpoint of training holds several dictionaries; the network is the one with most in it.
    network: Mapping[str, Tensor] = max(groups.values(), key=len, default={})
    return {f"{file.name.partition('.')[0]}/{name}": tensor for name, tensor in network.items()}


def _array(file: Path) -> Tensor:
    try:
        return npz.tensor(npy.read_file(file))
    except npy.FAULTS as error:
        raise WeightsError(f"not a NumPy array that can be used: {' '.join(str(error).split())[:200]}") from error
