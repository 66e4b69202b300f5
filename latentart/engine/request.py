"""What is asked of an engine, and the contract of the routes that may answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.errors import LatentartError, SettingsError, unknown
from latentart.models.base import Generator

Output = Literal["float", "uint8", "yuv420"]
Precision = Literal["master", "live"]
OUTPUTS = ("float", "uint8", "yuv420")
PRECISIONS = ("master", "live")
NOISE_MODES = ("const", "none")

log = logging.getLogger("latentart.engine")

Run = Callable[[Tensor, Mapping[str, Tensor] | None], "Tensor | NDArray[Any]"]
"""ws [batch, num_ws, w_dim] and noise maps by layer name -> float [batch, C, H, W] or frames of `Request.output`."""


class RouteError(LatentartError):
    """A route that cannot run a generator here."""


@dataclass(frozen=True)
class Request:
    """What an engine is to do.

    batch: pictures drawn at a time. output: "float" [N, C, H, W], "uint8" [N, H, W, C], or "yuv420", the planes that
    8-bit films are encoded from, uint8 [N, 3 H / 2, W] (see `planes`).
    precision: "master" is float32; "live" may round more, when no one can see it.
    noise_mode: "const" or "none", fixed in the engine; with noise_inputs maps may be given at each call.
    compiler: whether torch.compile may be tried, which needs a C++ compiler and a slow first start.
    """

    batch: int = 1
    output: str = "float"
    precision: str = "master"
    noise_mode: str = "const"
    noise_inputs: bool = False
    compiler: bool = False

    def check(self) -> None:
        """Raises SettingsError for a value that does not exist."""
        if self.batch < 1:
            raise SettingsError(f"a batch of {self.batch!r} pictures: give 1 or more")
        for what, value, known in (
            ("output", self.output, OUTPUTS),
            ("precision", self.precision, PRECISIONS),
            ("noise mode of an engine", self.noise_mode, NOISE_MODES),
        ):
            if value not in known:
                raise SettingsError(unknown(what, value, known))


def hooked(modules: Iterable[torch.nn.Module]) -> bool:
    """Whether something outside changes what layers do, as network bending does; a graph would not know of it."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in modules)


class Route(Protocol):
    """One way to run `G.synthesis`: a module of `latentart.engine.routes`."""

    def choices(self, G: Generator, request: Request) -> dict[str, str]:
        """Names of what this route offers for the request -> why it cannot be had here ('' when it can)."""
        ...

    def prepare(self, G: Generator, request: Request, name: str, fingerprint: str) -> Run:
        """Makes one of the choices ready; `fingerprint` names G's weights. Raises RouteError."""
        ...
