"""Cards: the TOML files that name a checkpoint, its hash, its licence and where it came from."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentart import cache, shipped
from latentart.errors import WeightsError, unknown
from latentart.files import toml

FOLDER_VARIABLE = "LATENTART_CHECKPOINTS"
"""Environment variable naming a folder of the user's own cards and weights."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Card:
    """One checkpoint with a name: `path` is its file, `facts` everything the TOML says."""

    name: str
    path: Path
    sha256: str
    facts: Mapping[str, Any]


def names() -> list[str]:
    """Names of all cards, sorted."""
    return sorted(_found())


def card(name: str) -> Card:
    """The card of that name. Raises WeightsError for an unknown name or a card that makes no sense."""
    found = _found()
    if name not in found:
        raise WeightsError(unknown("checkpoint", name, found))
    return _read(found[name])


def by_sha256(sha256: str) -> Card | None:
    """The card of the file with this hash. A card that cannot be read is passed over with a warning."""
    return next((found for found in readable() if found.sha256 == sha256), None)


def readable() -> Iterator[Card]:
    """The cards, sorted by name. One that cannot be read is passed over with a warning."""
    for _, path in sorted(_found().items()):
        try:
            yield _read(path)
        except WeightsError as error:
            _log.warning("%s", error)


def folders() -> list[Path]:
    """Where cards are looked for: what came with latentart, what was pulled, the user's own folder."""
    own = os.environ.get(FOLDER_VARIABLE)
    if own and not Path(own).is_dir():
        raise WeightsError(f"{FOLDER_VARIABLE} is {own!r}, which is not a folder: name one, or unset it")
    pulled = cache.root() / "checkpoints"
    return [
        *shipped.folders("checkpoints", "*.toml"),
        *([pulled] if pulled.is_dir() else []),
        *([Path(own)] if own else []),
    ]


def _found() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob("*.toml")):
            if path.stem in found:
                raise WeightsError(f"two cards named {path.stem!r}: {str(found[path.stem])!r} and {str(path)!r}")
            found[path.stem] = path
    return found


def _read(path: Path) -> Card:
    try:
        facts = toml.read(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise WeightsError(f"cannot read card {str(path)!r}: {reason}") from error
    for key, pattern in (("name", re.escape(path.stem)), ("file", r"[^/\\\0:]*[^/\\\0:.]"), ("sha256", "[0-9a-f]{64}")):
        if not isinstance(facts.get(key), str) or not re.fullmatch(pattern, facts[key]):
            raise WeightsError(f"card {str(path)!r} has {key} {facts.get(key)!r}: {_WANTED[key]} is wanted")
    facts["class_names"] = _class_names(path, facts.get("class_names", []))
    return Card(facts["name"], path.parent / facts["file"], facts["sha256"], facts)


def _class_names(path: Path, value: object) -> list[str]:
    """One text per class: a list of texts, or one text with a character for each."""
    if isinstance(value, str):
        return list(value)
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return value
    raise WeightsError(f"card {str(path)!r} has class_names that are neither a text nor a list of texts")


_WANTED = {
    "name": "the name of the card's own file",
    "file": "the plain name of a file beside the card",
    "sha256": "64 lowercase hexadecimal digits",
}
