"""Translators at the speed of the processor: the network as one OpenVINO graph for each size that is asked for.

Each graph is compared with plain PyTorch before it is used; one that draws something else is not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import seeds
from latentart.engine.machine import digest
from latentart.engine.request import log
from latentart.engine.routes import openvino
from latentart.translators.base import Translator, Wrapper

TOLERANCE = {openvino.F32: 1e-4, openvino.BF16: 5e-2}
"""Largest relative error of a graph's picture against plain float32."""
MOST_SIZES, OCTAVES = 4, 6

Given = Mapping[str, Tensor]
"""What a network is given beside the picture: its style, and a strength [1] that works inside it."""
Draw = Callable[[Tensor, Given], Tensor]


def compile_translator(T: Translator, *, precision: str = "master") -> Translator:
    """T behind a faster engine where there is one (OpenVINO on the processor), else T itself; the log states which.

    precision: "master" is float32, "live" may be bfloat16 where the processor computes in it.
    """
    if why := _unavailable(T):
        log.info("%s is drawn by plain PyTorch: %s", T.name, why)
        return T
    bf16 = precision == "live" and "BF16" in openvino.capabilities()
    return Compiled(T, openvino.BF16 if bf16 else openvino.F32)


def _unavailable(T: Translator) -> str:
    if next(T.parameters(), None) is None:
        return "it has no weights"
    if T.device.type != "cpu":
        return f"it is on {T.device.type}"
    return "" if find_spec("openvino") else "OpenVINO is not installed: pip install 'latentart[cpu]'"


class Compiled(Wrapper):
    """Draws what T draws. A graph is made when a size is first seen; those used last are kept."""

    def __init__(self, T: Translator, choice: str) -> None:
        super().__init__(T)
        self.choice = choice
        # A graph cannot be stopped at a normalisation, nor be given its statistics.
        self.tiles = False
        self._graphs: dict[str, Draw] = {}
        """By shape, in the order in which they were used."""
        self._lock = threading.Lock()
        self._fingerprint = digest(T, "translators/**/*.py", "engine/**/*.py")

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """As the network's own. A strength that works inside the network has a graph of its own, unless it is 1."""
        given = {} if style is None else {"style": style}
        if self.strength_by != "image" and strength != 1:
            given["strength"] = torch.tensor([strength])
        key = _spelled(img, given)
        draw = self._kept(key)
        if draw is None:
            draw = self._keep(key, self._prepare(img, given))
        return draw(img, given)

    def _kept(self, key: str) -> Draw | None:
        """The graph of that name, which becomes the one used last. Threads may ask at the same time."""
        with self._lock:
            draw = self._graphs.pop(key, None)
            if draw is not None:
                self._graphs[key] = draw
            return draw

    def _keep(self, key: str, draw: Draw) -> Draw:
        with self._lock:
            self._graphs[key] = draw
            while len(self._graphs) > MOST_SIZES:
                del self._graphs[next(iter(self._graphs))]
        return draw

    def _prepare(self, img: Tensor, given: Given) -> Draw:
        """The graph for pictures of this shape, compared with plain PyTorch; float32 where bfloat16 is too coarse."""
        tried = [self._attempt(choice, img, given) for choice in dict.fromkeys((self.choice, openvino.F32))]
        draws = [(draw, words) for draw, words in tried if draw is not None]
        if not draws:
            return self._refuse(tried[-1][1])
        log.info("%s: %s", self.name, draws[0][1])
        return draws[0][0]

    def _attempt(self, choice: str, img: Tensor, given: Given) -> tuple[Draw | None, str]:
        """A way to draw, or None, and its description in words."""
        try:
            draw = _runner(openvino.compiled(self._graph(img, given), choice))
        except openvino.failures() as error:
            return None, f"OpenVINO cannot run it: {openvino.one_line(error)}"
        shown = trial_picture(img)
        with torch.inference_mode():
            wanted: Tensor = self.plain(shown, **given)
        wrong = float((draw(shown, given) - wanted).norm() / wanted.norm())
        if not wrong <= TOLERANCE[choice]:
            return None, f"{choice} has a relative error of {wrong:.1e}, {TOLERANCE[choice]:.0e} is allowed"
        return draw, f"{choice}, relative error {wrong:.0e}"

    def _graph(self, img: Tensor, given: Given) -> Any:
        tensors = [img.contiguous(), *given.values()]
        module = _Fixed(self.plain, tuple(given)).eval()
        kind = _spelled(img, given)
        return openvino.kept_graph(self._fingerprint, kind, openvino.Source(module, tuple(tensors), tensors))

    def _refuse(self, reason: str) -> Draw:
        log.warning("%s is drawn by plain PyTorch, which is slower: %s", self.name, reason)
        return lambda img, given: self.plain(img, **given)


def trial_picture(img: Tensor) -> Tensor:
    """Something like a photograph in the shape of img: noise with as much in every octave, the same each time.

    In a flat or smooth picture there is no contrast to be normalised by, and every rounding error grows.
    """
    (*shape, height, width), random = img.shape, seeds.stream(0)
    layers = [torch.from_numpy(random.uniform(-1, 1, (*shape, 4 << k, 4 << k))).float() for k in range(OCTAVES)]
    whole = [F.interpolate(layer, size=(height, width), mode="bilinear") for layer in layers]
    return torch.stack(whole).sum(0).div(2).clamp(-1, 1).to(img)


def _spelled(img: Tensor, given: Given) -> str:
    """'1x3x256x256-style26-strength1': what a graph is made for."""
    shapes = {"": img.shape, **{name: tensor.shape for name, tensor in given.items()}}
    return "-".join(name + "x".join(map(str, shape)) for name, shape in shapes.items())


class _Fixed(torch.nn.Module):
    """The network with what it is given by name as plain arguments."""

    def __init__(self, T: Translator, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.names = T, names

    def forward(self, img: Tensor, *given: Tensor) -> Tensor:
        made: Tensor = self.network(img, **dict(zip(self.names, given, strict=True)))
        return made


def _runner(compiled: Any) -> Draw:
    infer = compiled.create_infer_request()

    def draw(img: Tensor, given: Given) -> Tensor:
        inputs = {i: np.ascontiguousarray(tensor.numpy()) for i, tensor in enumerate((img, *given.values()))}
        outputs = infer.infer(inputs, share_inputs=True, share_outputs=True)
        # The runtime writes the next picture into the same memory.
        return torch.from_numpy(outputs[0].copy())

    return draw
