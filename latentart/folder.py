"""The whole plug-in mechanism: a listing of a package's folder."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable


def modules(path: Iterable[str]) -> list[str]:
    """Names of the modules in a package's `__path__`, sorted, without private ones."""
    return sorted(m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_"))
