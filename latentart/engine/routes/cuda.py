"""CUDA: a whole drawing as one graph; for StyleGAN2's skip generator with fused layers (`latentart.engine.fused`).

Written against Triton's interpreter and a fake of `torch.cuda`, not yet run on a GPU: a choice whose pictures are not
those of float32 is refused like any other.
"""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor

from latentart.engine import graph, precision, stream, timings
from latentart.engine.drawing import Drawing, example, finished, own_noise
from latentart.engine.fused import forms, plain, plan, rehearsal
from latentart.engine.fused.network import Network, Passes
from latentart.engine.machine import version
from latentart.engine.request import Request, Run, hooked, log
from latentart.models.base import Generator
from latentart.models.stylegan2 import StyleGAN2

GRAPH, F32, F16 = "cuda graph", "cuda f32", "cuda f16"
DTYPES = {F32: torch.float32, F16: torch.float16}
"""The choices with fused layers."""
COMPILERS = ("gcc", "clang")
"""Those that Triton looks for."""


def choices(G: Generator, request: Request) -> dict[str, str]:
    """Nothing for other devices; one graph of any family's own layers; fused layers in float32 and half."""
    if not stream.beside(G.device):
        return {}
    hooks = "the model has hooks, which a graph would freeze" if hooked(G.synthesis.modules()) else ""
    fused = hooks or plan.refusal(G)
    exact = request.precision == "master" and request.output == "float"
    half = "half rounds to about 1e-3: for float pictures ask for precision='live'" if exact else ""
    return {GRAPH: hooks, F32: fused, F16: fused or half}


def prepare(G: Generator, request: Request, name: str, fingerprint: str) -> Run:
    """Records the graph, after warming up: Triton compiles, cuDNN searches, forms of layers are measured once."""
    rounding = precision.exact if request.precision == "master" else nullcontext
    with graph.told_in_one_line(f"{name} cannot draw {G.name!r}"), precision.searching(), rounding():
        draw = _fused(G, request, name, fingerprint) if name in DTYPES else _whole(G, request)
        ws, maps = example(G, request)
        recorded = Recorded(G, request, graph.capture(draw, ws, *maps))
    return recorded.picture if request.output == "float" else stream.Delivered(recorded.frames, G.device)


class Recorded:
    """A graph of ws and noise maps. The maps lie in its inputs and are written only when others come."""

    def __init__(self, G: Generator, request: Request, recorded: graph.Graph) -> None:
        names = list(G.noise_shapes) if request.noise_inputs else []
        self._graph = recorded
        self._maps = dict(zip(names, recorded.inputs[1:], strict=True))
        self._own = own_noise(G, request.noise_mode) if names else {}
        self._others: set[str] = set()

    def frames(self, ws: Tensor, noise: Mapping[str, Tensor] | None) -> tuple[Tensor, Tensor]:
        """(frames, a number that is NaN when the pictures are) on the device, which the next call writes again."""
        frames, total = self._draw(ws, noise or {})
        return frames, total

    def picture(self, ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor:
        """[N, C, H, W], the caller's own. Nothing waits for the device."""
        return self._draw(ws, noise or {})[0].clone()

    def _draw(self, ws: Tensor, noise: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        given = self._maps.keys() & noise.keys()
        for name in given | self._others:
            place = self._maps[name]
            # A map for all samples spreads over them.
            place.copy_(noise.get(name, self._own[name]).reshape(-1, *place.shape[1:]))
        self._others = given
        return self._graph.replay(ws)


def _whole(G: Generator, request: Request) -> graph.Function:
    # Of its own: a graph reads weights, and what layers keep between calls, where they lay when it was recorded.
    drawing = copy.deepcopy(Drawing(G, request)).eval()

    @torch.inference_mode()
    def draw(ws: Tensor, *maps: Tensor) -> tuple[Tensor, ...]:
        made: tuple[Tensor, ...] = drawing(ws, list(maps))
        return made

    return draw


def _fused(G: Generator, request: Request, name: str, fingerprint: str) -> graph.Function:
    assert isinstance(G, StyleGAN2)  # as `choices` found
    passes, dtype = _passes(G, request, name, fingerprint), DTYPES[name]
    chosen = _forms(G, request.batch, dtype, passes, f"{name} {fingerprint} {version('triton')}")
    made = plan.make(G, dtype, noise=request.noise_mode == "const", chosen=chosen)
    names = tuple(G.noise_shapes) if request.noise_inputs else ()
    network = Network(made, passes, uint8=request.output == "uint8", names=names)
    if request.output != "yuv420":
        return network

    @torch.inference_mode()
    def draw(ws: Tensor, *maps: Tensor) -> tuple[Tensor, ...]:
        return finished(network(ws, *maps)[0], request.output)

    return draw


def _passes(G: StyleGAN2, request: Request, name: str, fingerprint: str) -> Passes:
    """Triton's kernels where Triton can compile them and they have drawn once; otherwise a slower way, logged."""
    slower = "what follows a convolution is done by plain PyTorch, which is slower: %s"
    if missing := _missing():
        log.info(slower, missing)
        return plain
    if fault := _rehearsed(G, request, name, fingerprint):
        log.warning(slower, fault)
        return plain
    kernels: Passes = import_module(rehearsal.KERNELS)
    return kernels


def _rehearsed(G: StyleGAN2, request: Request, name: str, fingerprint: str) -> str:
    """How the kernels' first draw ended, on this start or an earlier one; '' when well."""
    key = timings.key(G, Request(batch=request.batch), f"rehearsal {name} {fingerprint} {version('triton')}")
    known = timings.words(key)
    if "fault" not in known:
        known = {"fault": rehearsal.fault(G, DTYPES[name], request.batch)}
        timings.keep(key, G, known)
    return known["fault"]


def _missing() -> str:
    if find_spec("triton") is None:
        return "Triton is not installed"
    if "CC" not in os.environ and not any(map(shutil.which, COMPILERS)):
        return f"Triton builds its link to the driver once, and there is no C compiler ({', '.join(COMPILERS)})"
    return ""


def _forms(G: StyleGAN2, batch: int, dtype: torch.dtype, passes: Passes, measured: str) -> dict[str, str]:
    """The form of each layer, as an earlier start found or as this one measures."""
    key = timings.key(G, Request(batch=batch), f"{measured} {passes.__name__}")
    known = timings.words(key)
    offers = {name: forms.candidates(G, name, dtype, passes) for name in G.synthesis.layers()}
    if known and all(len(each) < 2 or known.get(name) in each for name, each in offers.items()):
        return known
    with torch.cuda.device(G.device):
        found = forms.choose(G, dtype, batch, passes, forms.milliseconds)
    timings.keep(key, G, found)
    return found
