"""Where things are kept that can be made or fetched again: pulled feature networks, sample banks, encoders."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from latentart.errors import TargetError


def place(*names: str) -> Path:
    """The user's cache folder / names..., with its folder made. LATENTART_CACHE, when set, names the folder itself.

    Raises TargetError when the folder cannot be made.
    """
    path = root().joinpath(*names)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(
            f"cannot make the cache folder {str(path.parent)!r} ({error.strerror}): set LATENTART_CACHE to a folder"
        ) from error
    return path


def root() -> Path:
    """LATENTART_CACHE, or the platform's own place for caches."""
    if given := os.environ.get("LATENTART_CACHE"):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "latentart"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "latentart"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "latentart"
