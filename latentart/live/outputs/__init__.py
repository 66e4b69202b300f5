"""Where live pictures can go besides the browser. One file, one output; each is an extra, imported when asked for."""

from __future__ import annotations

from importlib import import_module

from latentart.errors import SettingsError, unknown
from latentart.folder import modules
from latentart.live.outputs._output import Output


def names() -> list[str]:
    """Names of the available outputs."""
    return modules(__path__)


def open_output(name: str, size: tuple[int, int], fps: float) -> Output:
    """Opens an output for frames of (width, height). Raises SettingsError, OutputError."""
    if name not in names():
        raise SettingsError(unknown("output", name, names()))
    found: Output = import_module(f"{__name__}.{name}").open_output(size, fps)
    return found
