"""StyleGAN3 as the route `cuda` sees it; `fused.kind` is the same for StyleGAN2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from latentart.engine import graph
from latentart.engine.fused.alias_free import forms, plain, plan
from latentart.engine.fused.alias_free.network import Network, Passes
from latentart.engine.fused.forms import Stopwatch
from latentart.engine.request import Request
from latentart.models.base import Generator
from latentart.models.stylegan3 import Config, StyleGAN3
from latentart.models.stylegan3.network import InputPlan, LayerPlan

KERNELS = "latentart.engine.fused.alias_free.kernels"
PLAIN: Passes = plain
refusal = plan.refusal


def candidates(G: Generator, dtype: torch.dtype, passes: Any) -> Mapping[str, Sequence[str]]:
    """Name of each layer -> the forms it can have."""
    return forms.candidates(_known(G), dtype, passes)


def choose(G: Generator, dtype: torch.dtype, batch: int, passes: Any, stopwatch: Stopwatch) -> dict[str, str]:
    """Name of each layer that has a choice -> its fastest form."""
    return forms.choose(_known(G), dtype, batch, passes, stopwatch)


def network(
    G: Generator, request: Request, dtype: torch.dtype, chosen: Mapping[str, str], passes: Any
) -> tuple[graph.Function, Callable[[], None]]:
    """What draws, and what is to be called before each picture: the transform that G has then is drawn."""
    own = _known(G)
    made = plan.make(own, dtype, chosen)

    def follow() -> None:
        with torch.inference_mode():
            made.start.transform.copy_(own.synthesis.input.transform)

    return Network(made, passes, uint8=request.output == "uint8"), follow


def shape(G: Generator) -> dict[str, Any]:
    """What `like` makes a generator of the same shapes from: its filters decide how many products there are."""
    layers = [*_known(G).synthesis.layers().items()][:-1]
    return {name: [layer.up_filter.tolist(), layer.down_filter.tolist()] for name, layer in layers}


def like(config: dict[str, Any], filters: Mapping[str, Any]) -> StyleGAN3:
    """A generator with weights that do not matter."""
    layers = tuple(LayerPlan(**each) for each in config.pop("layers"))
    G = StyleGAN3(Config(**{**config, "layers": layers, "input": InputPlan(**config["input"])}))
    for name, layer in [*G.synthesis.layers().items()][:-1]:
        for own, taps in zip((layer.up_filter, layer.down_filter), filters[name], strict=True):
            own.copy_(torch.tensor(taps))
    return G


def _known(G: Generator) -> StyleGAN3:
    assert isinstance(G, StyleGAN3)  # as `refusal` found
    return G
