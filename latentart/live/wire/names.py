"""Names that come from outside: looked up in a listing, never made into a path."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from latentart.errors import SettingsError, unknown

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(what: str, name: Any) -> str:
    """Returns `name`, or raises SettingsError when it is not letters, digits, '.', '_', '-', 64 at most."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingsError(
            f"{what} {str(name)[:64]!r} is no name: use letters, digits, '.', '_' and '-', 64 at most, no folders"
        )
    return name


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
