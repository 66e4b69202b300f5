"""One door for writing a network in another format: what is written is read back and compared before it is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from latentart import exports, files, folder
from latentart.errors import SettingsError, unknown

TOLERANCE = 1e-3
"""Largest difference of a picture on a scale of 0 .. 1, for formats that keep the weights as they are."""


@dataclass(frozen=True)
class Exported:
    """What was written: the file or folder, the largest difference against PyTorch (0 .. 1), and words about it."""

    path: Path
    difference: float
    words: tuple[str, ...] = ()


class Format(Protocol):
    """A module of this folder that writes one format."""

    KIND: str
    IS_FOLDER: bool

    def write(self, network: str | Path, target: Path, **options: Any) -> tuple[float, tuple[str, ...]]:
        """Writes the network to `target`; (largest difference on 0 .. 1, words for people). Raises LatentartError.

        options: those named in the module's OPTIONS, where it has any.
        """
        ...


def export(
    network: str | Path, target: str | Path, to: str = "onnx", *, overwrite: bool = False, **options: Any
) -> Exported:
    """Writes a translator or generator (a name or file) as `to`: 'onnx', 'ml5' (a folder) or 'pict'.

    The result is run again and compared with PyTorch; more than 1e-3 on a scale of 0 .. 1 (0.1 for the eight bits of a
    .pict) is an error and nothing is left. options: of the format, see its module; None and empty ones are left out.
    Raises SettingsError for a format or an option that does not fit, WeightsError, TargetError.
    """
    known = formats()
    if to not in known:
        raise SettingsError(unknown("export format", to, known))
    given = {name: value for name, value in options.items() if value}
    for name in given:
        if name not in getattr(known[to], "OPTIONS", ()):
            raise SettingsError(f"--to {to} takes no {name}: leave it out, or export --to page")
    path = Path(target)
    write = partial(_checked, known[to], network, path, options=given)
    if known[to].IS_FOLDER:
        return _into_folder(path, write)
    with files.part_file(path, overwrite=overwrite) as part:
        return write(part)


def formats() -> dict[str, Format]:
    """Name -> module, of those that write a format."""
    found = [import_module(f"{exports.__name__}.{name}") for name in folder.modules(exports.__path__)]
    return {module.KIND: cast(Format, module) for module in found if hasattr(module, "KIND")}


def _checked(format: Format, network: str | Path, path: Path, part: Path, *, options: Mapping[str, Any]) -> Exported:
    """Written to `part`, for `path`. Raises SettingsError when it draws something else."""
    difference, words = format.write(network, part, **options)
    allowed = getattr(format, "TOLERANCE", TOLERANCE)
    if not difference <= allowed:
        raise SettingsError(
            f"{str(path)!r} would draw other pictures: a difference of {difference:.1e}, {allowed:.0e} is allowed"
        )
    return Exported(path, difference, words)


def _into_folder(path: Path, write: Callable[[Path], Exported]) -> Exported:
    """A folder that is not there yet: several files have no one name under which they could be replaced."""
    if path.exists():
        raise SettingsError(f"{str(path)!r} exists already: name a new folder")
    files.check_target(path)
    part = files.part_of(path)
    part.mkdir()
    try:
        written = write(part)
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return written
