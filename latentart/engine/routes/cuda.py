"""CUDA: a whole drawing as one graph; for StyleGAN2 (skip) and StyleGAN3 with fused layers (`latentart.engine.fused`).

Other families draw in half by PyTorch's autocast, channels last, in the same one graph.

StyleGAN2's choices have been run on an H100; StyleGAN3's fused layers and "cuda half" are written against Triton's
interpreter and a fake of `torch.cuda`. A choice whose pictures are not those of float32 is refused like any other.
"""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from latentart.engine import graph, precision, stream, timings
from latentart.engine.drawing import Drawing, example, finished, own_noise
from latentart.engine.fused import forms, rehearsal
from latentart.engine.machine import version
from latentart.engine.request import Request, Run, hooked, log
from latentart.models.base import Generator
from latentart.models.stylegan3 import StyleGAN3

GRAPH, F32, F16, HALF = "cuda graph", "cuda f32", "cuda f16", "cuda half"
DTYPES = {F32: torch.float32, F16: torch.float16}
"""The choices with fused layers."""
COMPILERS = ("gcc", "clang")
"""Those that Triton looks for."""
REHEARSED = 2
"""Pictures of a rehearsal."""


Follow = Callable[[], None]
"""Called before each picture: what may have changed in the generator since."""


def choices(G: Generator, request: Request) -> dict[str, str]:
    """Nothing for other devices; one graph of any family's own layers; fused layers in float32 and half.

    Where no layers are fused the family's own draw in half too.
    """
    if not stream.beside(G.device):
        return {}
    hooks = "the model has hooks, which a graph would freeze" if hooked(G.synthesis.modules()) else ""
    unfused = rehearsal.kind_of(G).refusal(G)
    exact = request.precision == "master" and request.output == "float"
    half = "half rounds to about 1e-3: for float pictures ask for precision='live'" if exact else ""
    own = {HALF: hooks or half} if unfused else {}
    return {GRAPH: hooks, **own, F32: hooks or unfused, F16: hooks or unfused or half}


def prepare(G: Generator, request: Request, name: str, fingerprint: str) -> Run:
    """Records the graph, after warming up: Triton compiles, cuDNN searches, forms of layers are measured once."""
    rounding = precision.exact if request.precision == "master" else nullcontext
    with graph.told_in_one_line(f"{name} cannot draw {G.name!r}"), precision.searching(), rounding():
        draw, follow = _fused(G, request, name, fingerprint) if name in DTYPES else _whole(G, request, name)
        ws, maps = example(G, request)
        recorded = Recorded(G, request, graph.capture(draw, ws, *maps), follow)
    return recorded.picture if request.output == "float" else stream.Delivered(recorded.frames, G.device)


class Recorded:
    """A graph of ws and noise maps. The maps lie in its inputs and are written only when others come."""

    def __init__(self, G: Generator, request: Request, recorded: graph.Graph, follow: Follow) -> None:
        names = list(G.noise_shapes) if request.noise_inputs else []
        self._graph, self._follow = recorded, follow
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
        self._follow()
        return self._graph.replay(ws)


def _whole(G: Generator, request: Request, name: str) -> tuple[graph.Function, Follow]:
    # Of its own: a graph reads weights, and what layers keep between calls, where they lay when it was recorded.
    drawing = copy.deepcopy(Drawing(G, replace(request, output="float"))).eval()
    rounding = partial(torch.autocast, G.device.type, torch.float16, enabled=name == HALF, cache_enabled=False)
    if name == HALF:
        drawing.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def draw(ws: Tensor, *maps: Tensor) -> tuple[Tensor, ...]:
        with rounding():
            img = drawing(ws, list(maps))[0].float()
        return (img,) if request.output == "float" else finished(img, request.output)

    return draw, _following(G, drawing)


def _following(G: Generator, drawing: Drawing) -> Follow:
    """StyleGAN3's pictures lie where `set_transform` last put them."""
    if not isinstance(G, StyleGAN3):
        return lambda: None
    own, copied = G.synthesis.input, drawing.get_buffer("synthesis.input.transform")

    def follow() -> None:
        with torch.inference_mode():
            copied.copy_(own.transform)

    return follow


def _fused(G: Generator, request: Request, name: str, fingerprint: str) -> tuple[graph.Function, Follow]:
    passes, dtype, kind = _passes(G, request, name, fingerprint), DTYPES[name], rehearsal.kind_of(G)
    chosen = _forms(G, request.batch, dtype, passes, _measured(name, fingerprint))
    network, follow = kind.network(G, request, dtype, chosen, passes)
    if request.output != "yuv420":
        return network, follow

    @torch.inference_mode()
    def draw(ws: Tensor, *maps: Tensor) -> tuple[Tensor, ...]:
        return finished(network(ws, *maps)[0], request.output)

    return draw, follow


def _measured(name: str, fingerprint: str) -> str:
    """What forms are measured for; exact float32 has others than TF32."""
    exact = " exact" if precision.is_exact() else ""
    return f"{name}{exact} {fingerprint} {version('triton')}"


def _passes(G: Generator, request: Request, name: str, fingerprint: str) -> Any:
    """Triton's kernels where Triton can compile them and they have drawn once; otherwise a slower way, logged."""
    slower, kind = "what follows a convolution is done by plain PyTorch, which is slower: %s", rehearsal.kind_of(G)
    if missing := _missing():
        log.info(slower, missing)
        return kind.PLAIN
    if fault := _rehearsed(G, name, fingerprint):
        log.warning(slower, fault)
        return kind.PLAIN
    return import_module(kind.KERNELS)


def _rehearsed(G: Generator, name: str, fingerprint: str) -> str:
    """How the kernels' first draw ended, on this start or an earlier one; '' when well.

    Once for all batches: samples lie behind each other, and a program sees one of them. Most of the time is spent on
    compiling, so both precisions rehearse at once.
    """
    about = {each: f"rehearsal {each} {fingerprint} {version('triton')}" for each in DTYPES}
    keys = {each: timings.key(G, Request(batch=REHEARSED), words) for each, words in about.items()}
    known = timings.words(keys[name])
    if "fault" in known:
        return known["fault"]
    with ThreadPoolExecutor(len(DTYPES)) as pool:
        ends = {each: pool.submit(rehearsal.fault, G, dtype, REHEARSED) for each, dtype in DTYPES.items()}
    for each, end in ends.items():
        timings.keep(keys[each], G, {"fault": end.result()})
    return ends[name].result()


def _missing() -> str:
    if find_spec("triton") is None:
        return "Triton is not installed"
    if "CC" not in os.environ and not any(map(shutil.which, COMPILERS)):
        return f"Triton builds its link to the driver once, and there is no C compiler ({', '.join(COMPILERS)})"
    return ""


def _forms(G: Generator, batch: int, dtype: torch.dtype, passes: Any, measured: str) -> dict[str, str]:
    """The form of each layer, as an earlier start found or as this one measures."""
    key = timings.key(G, Request(batch=batch), f"{measured} {passes.__name__}")
    known, kind = timings.words(key), rehearsal.kind_of(G)
    offers = kind.candidates(G, dtype, passes)
    if known and all(len(each) < 2 or known.get(name) in each for name, each in offers.items()):
        return known
    with torch.cuda.device(G.device):
        found = kind.choose(G, dtype, batch, passes, forms.milliseconds)
    timings.keep(key, G, found)
    return found
