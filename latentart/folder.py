"""The whole plug-in mechanism: a listing of a package's folder."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable


def modules(path: Iterable[str]) -> list[str]:
    """Names of the modules in a package's `__path__`, sorted, without private ones and sub-packages."""
    return sorted(m.name for m in pkgutil.iter_modules(path) if not m.ispkg and not m.name.startswith("_"))


def modules_below(path: Iterable[str]) -> list[str]:
    """Dotted names of the modules in a package's `__path__` and in its sub-packages: 'tiles', 'style.adain'."""
    found = modules(path)
    for place in path:
        for m in pkgutil.iter_modules([place]):
            if m.ispkg and not m.name.startswith("_"):
                found += [f"{m.name}.{inner}" for inner in modules_below([f"{place}/{m.name}"])]
    return sorted(found)
