"""Names that come from outside: looked up in a listing, or encoded, before they become part of a path."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from latentart.errors import SettingsError, unknown

LONGEST_TITLE = 64
LONGEST_STEM = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(what: str, name: Any) -> str:
    """Returns `name`, or raises SettingsError when it is not letters, digits, '.', '_', '-', 64 at most."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingsError(
            f"{what} {str(name)[:64]!r} is no name: use letters, digits, '.', '_' and '-', 64 at most, no folders"
        )
    return name


def check_title(what: str, title: Any) -> str:
    """Returns a name that people give, without blanks around it: 1 to 64 printable characters. Raises SettingsError."""
    text = title.strip() if isinstance(title, str) else ""
    if not text or len(text) > LONGEST_TITLE or not text.isprintable():
        raise SettingsError(f"{what} {str(title)[:64]!r}: give 1 to {LONGEST_TITLE} printable characters")
    return text


def file_stem(title: str) -> str:
    """A file name without ending for a title: '/' and what file systems disagree about are percent-encoded."""
    stem = quote(title, safe=" -_").replace("~", "%7E")
    stem = f"%2E{stem[1:]}" if stem.startswith(".") else stem
    if len(stem) <= LONGEST_STEM:
        return stem
    return f"{quote(title[:8], safe='')}~{hashlib.sha256(title.encode()).hexdigest()[:16]}"


def choose(what: str, name: Any, names: Iterable[str]) -> str:
    """Returns `name` when it is one of `names`; raises SettingsError otherwise."""
    known = list(names)
    if check_name(what, name) not in known:
        raise SettingsError(unknown(what, name, known))
    return str(name)


def inside(folder: Path, name: str) -> Path:
    """`folder / name` for a name that was checked, and only if links do not lead out of the folder."""
    path = (folder / name).resolve()
    if path.parent != folder.resolve():
        raise SettingsError(f"{name!r} leads out of {folder.name!r}: remove the link")
    return path
