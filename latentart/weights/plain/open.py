"""One door for files of other projects' networks: known by their bytes, read as plain tensors."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from torch import Tensor

from latentart import folder
from latentart.errors import WeightsError
from latentart.weights import plain, sniff

HEAD = 4096
MOST_FILES = 4096


@dataclass(frozen=True)
class Plain:
    """Tensors by group ('' for the file's own, 'netG' for those under that name), the container, and its hash."""

    groups: Mapping[str, Mapping[str, Tensor]]
    source: str
    sha256: str


class Container(Protocol):
    """A module of this folder that reads one container."""

    SOURCE: str

    def matches(self, path: Path, head: bytes) -> bool:
        """Whether the file (or folder: `head` is empty) is of this kind."""
        ...

    def read(self, path: Path) -> Mapping[str, Mapping[str, Tensor]]:
        """Group -> name -> tensor. Raises WeightsError."""
        ...


def open_plain(path: Path) -> Plain:
    """The tensors of a file or of a folder of files. Raises WeightsError, RefusedError; nothing is executed."""
    if "\0" in str(path):
        raise WeightsError(f"cannot read {str(path)!r}: a path with a zero byte in it")
    try:
        head = b"" if path.is_dir() else _head(path)
        container = _container(path, head)
        return Plain(container.read(path), container.SOURCE, sha256_of(path))
    except OSError as error:
        raise WeightsError(f"cannot read {str(path)!r}: {error.strerror or error} (check the path)") from error
    except WeightsError as error:
        raise type(error)(f"cannot read {str(path)!r}: {error}") from error


def containers() -> list[Container]:
    """The modules of this folder that read a container."""
    found = [importlib.import_module(f"{plain.__name__}.{m}") for m in folder.modules(plain.__path__)]
    return [cast(Container, m) for m in found if hasattr(m, "matches")]


def sha256_of(path: Path) -> str:
    """Hash of a file, or of all files in a folder with their names, in the order of their names."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    inside = sorted(p for p in path.rglob("*") if p.is_file())[:MOST_FILES]
    lines = "".join(f"{p.relative_to(path).as_posix()} {sha256_of(p)}\n" for p in inside)
    return hashlib.sha256(lines.encode()).hexdigest()


def _head(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise WeightsError("neither a file nor a folder")
    with path.open("rb") as file:
        return file.read(HEAD)


def _container(path: Path, head: bytes) -> Container:
    found = [c for c in containers() if c.matches(path, head)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(c.SOURCE for c in (found or containers()))
    if found:
        raise WeightsError(f"several containers claim it: {known}")
    looks = "a folder" if path.is_dir() else sniff.describe(head)
    raise WeightsError(f"no network in a container that is read here: it looks like {looks} (containers: {known})")
