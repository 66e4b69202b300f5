"""StyleGAN2 as the route `cuda` sees it; `alias_free.kind` is the same for StyleGAN3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch

from latentart.engine import graph
from latentart.engine.fused import forms, plain, plan
from latentart.engine.fused.forms import Stopwatch
from latentart.engine.fused.network import Network, Passes
from latentart.engine.request import Request
from latentart.models.base import Generator
from latentart.models.stylegan2 import Config, StyleGAN2

KERNELS = "latentart.engine.fused.kernels"
PLAIN: Passes = plain
refusal = plan.refusal


class Kind(Protocol):
    """What this module and `alias_free.kind` have in common; see there."""

    KERNELS: str
    PLAIN: Any

    def refusal(self, G: Generator) -> str: ...

    def candidates(self, G: Generator, dtype: torch.dtype, passes: Any) -> Mapping[str, Sequence[str]]: ...

    def choose(
        self, G: Generator, dtype: torch.dtype, batch: int, passes: Any, stopwatch: Stopwatch
    ) -> dict[str, str]: ...

    def network(
        self, G: Generator, request: Request, dtype: torch.dtype, chosen: Mapping[str, str], passes: Any
    ) -> tuple[graph.Function, Callable[[], None]]: ...

    def shape(self, G: Generator) -> dict[str, Any]: ...

    def like(self, config: dict[str, Any], shape: Mapping[str, Any]) -> Generator: ...


def candidates(G: Generator, dtype: torch.dtype, passes: Any) -> Mapping[str, Sequence[str]]:
    """Name of each layer -> the forms worth measuring."""
    own = _known(G)
    return {name: forms.candidates(own, name, dtype, passes) for name in own.synthesis.layers()}


def choose(G: Generator, dtype: torch.dtype, batch: int, passes: Any, stopwatch: Stopwatch) -> dict[str, str]:
    """Name of each layer that has a choice -> its fastest form."""
    return forms.choose(_known(G), dtype, batch, passes, stopwatch)


def network(
    G: Generator, request: Request, dtype: torch.dtype, chosen: Mapping[str, str], passes: Any
) -> tuple[graph.Function, Callable[[], None]]:
    """What draws, and what is to be called before each picture: nothing."""
    made = plan.make(_known(G), dtype, noise=request.noise_mode == "const", chosen=chosen)
    names = tuple(G.noise_shapes) if request.noise_inputs else ()
    return Network(made, passes, uint8=request.output == "uint8", names=names), lambda: None


def shape(G: Generator) -> dict[str, Any]:
    """What `like` needs besides the config: nothing."""
    return {}


def like(config: dict[str, Any], shape: Mapping[str, Any]) -> StyleGAN2:
    """A generator with weights that do not matter."""
    return StyleGAN2(Config(**config))


def _known(G: Generator) -> StyleGAN2:
    assert isinstance(G, StyleGAN2)  # as `refusal` found
    return G
