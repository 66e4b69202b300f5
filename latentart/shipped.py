"""Folders that come with latentart beside its code: checkpoints, sketches."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]


def folders(name: str, holding: str) -> list[Path]:
    """`name` of a source tree, else where the installer put it. holding: a pattern of files right inside it."""
    if (ROOT / "pyproject.toml").is_file() and (ROOT / name).is_dir():
        return [ROOT / name]
    beside = ROOT / "share" / "latentart" / name  # where `pip install --target` puts them
    return sorted(folder for folder in {beside, *_recorded(f"latentart/{name}/{holding}")} if folder.is_dir())


def _recorded(pattern: str) -> set[Path]:
    """Folders of such files in the installer's list."""
    try:
        files = importlib.metadata.files("latentart") or []
    except importlib.metadata.PackageNotFoundError:
        return set()
    return {Path(str(f.locate())).resolve().parent for f in files if f.match(pattern)}
