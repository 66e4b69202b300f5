"""The protocol of outputs, and the error for a missing package."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

from latentart.errors import LatentartError
from latentart.pixels import Frame

NAME = "latentart"


class OutputError(LatentartError):
    """An output that cannot be opened here."""


class Output(Protocol):
    """The verbs of a sink, for frames that are seen and not kept."""

    def write(self, frame: Frame) -> None:
        """Shows one frame, uint8 [H, W, 3]."""
        ...

    def close(self) -> None:
        """Closes the output; no frame follows."""
        ...


def extra(module: str, what: str, name: str) -> Any:
    """The module of an extra. Raises OutputError with the line that installs it."""
    try:
        return import_module(module)
    except (ImportError, OSError) as error:
        # OSError: the package is there and a library that it needs is not.
        raise OutputError(f"{what} needs {module.split('.')[0]}: pip install 'latentart[{name}]' ({error})") from error
