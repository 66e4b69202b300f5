"""One door for every checkpoint: a card's name or a file, known by its bytes and never by its extension."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import stat
from pathlib import Path
from typing import Protocol, cast

from latentart import folder, weights
from latentart.errors import WeightsError, unknown
from latentart.weights import cards, sniff
from latentart.weights.checkpoint import Checkpoint

HEAD = 4096


class Format(Protocol):
    """A module of this folder that reads one format."""

    SOURCE: str

    def matches(self, path: Path, head: bytes) -> bool:
        """Whether the file is of this format."""
        ...

    def read(self, path: Path) -> Checkpoint:
        """The checkpoint, without hash, name and card, which `open_checkpoint` adds."""
        ...


def open_checkpoint(name_or_path: str | Path) -> Checkpoint:
    """Reads the checkpoint of a card's name ('landscapes-256') or of a file.

    Raises WeightsError for an unknown name, a file that cannot be read or is no checkpoint, and its kind
    RefusedError for one that asks for code or for more than it holds. Nothing in a file is executed.
    """
    known = _named(name_or_path)
    path = known.path if known else Path(name_or_path)
    try:
        sha256 = _sha256(path)
        if known and sha256 != known.sha256:
            raise WeightsError(
                f"is not the file its card {known.name!r} describes: sha256 {sha256} (download it again)"
            )
        found = _format(path).read(path)
    except FileNotFoundError as error:
        raise WeightsError(f"cannot read {str(path)!r}: there is no such file (check the path)") from error
    except OSError as error:
        raise WeightsError(f"cannot read {str(path)!r}: {error.strerror or error} (check the file)") from error
    except WeightsError as error:
        raise type(error)(f"cannot read {str(path)!r}: {error}") from error
    return _labelled(dataclasses.replace(found, sha256=sha256, name=path.stem), known or cards.by_sha256(sha256))


def formats() -> list[Format]:
    """The modules of this folder that read a format: those that have `matches`."""
    found = [importlib.import_module(f"{weights.__name__}.{m}") for m in folder.modules(weights.__path__)]
    return [cast(Format, m) for m in found if hasattr(m, "matches")]


def _named(name_or_path: str | Path) -> cards.Card | None:
    """The card meant, or None for a path. A bare word that is neither is an unknown name."""
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or "\\" in text:
        return None
    if text in cards.names():
        return cards.card(text)
    if "." not in text and not Path(text).exists():
        raise WeightsError(unknown("checkpoint", text, cards.names()) + " and there is no such file")
    return None


def _sha256(path: Path) -> str:
    """Hash of a regular file, read in pieces. A pipe or device could last for ever: refused."""
    if "\0" in str(path):
        raise WeightsError("a path with a zero byte in it")
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise WeightsError("a folder, not a file" if stat.S_ISDIR(mode) else "neither a file nor a folder")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _format(path: Path) -> Format:
    with path.open("rb") as file:
        head = file.read(HEAD)
    found = [f for f in formats() if head and f.matches(path, head)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f.SOURCE for f in (found or formats()))
    if found:
        raise WeightsError(f"several formats claim the file: {known}")
    raise WeightsError(f"not a checkpoint: it looks like {sniff.describe(head)} (formats read: {known})")


def _labelled(found: Checkpoint, known: cards.Card | None) -> Checkpoint:
    if known is None:
        return found
    names = known.facts["class_names"]
    classes = found.config.get("c_dim", 0)
    if names and len(names) != classes:
        raise WeightsError(f"card {known.name!r} names {len(names)} classes, its tensors have {classes}")
    return dataclasses.replace(found, name=known.name, card=known.facts)
