"""How far a network of convolutions sees: found by watching it draw one small picture."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from latentart.errors import SettingsError
from latentart.translators.base import Translator
from latentart.translators.layers import InstanceNorm, norms

PROBE = 128
"""Side of the small picture, in pixels."""


def margin(T: Translator, style: Tensor | None = None) -> int:
    """How far the network's convolutions see beyond a pixel, in pixels, rounded up to its `multiple`."""
    return reaches(T, style)[1]


def reaches(T: Translator, style: Tensor | None = None) -> tuple[dict[InstanceNorm, int], int]:
    """How far is seen by what comes to each normalisation, in the network's order, and by the whole network.

    In pixels, rounded up to its `multiple`. Found by watching the convolutions of one small picture: their reaches,
    each at its scale, add up. Raises SettingsError for a network without convolutions.
    """
    side = max(PROBE, T.smallest)
    side += -side % T.multiple
    watched = _Reach(side)
    found: dict[InstanceNorm, int] = {}

    def note(layer: InstanceNorm, inputs: tuple[Tensor, ...]) -> None:
        found[layer] = watched.pixels

    hooks = [layer.register_forward_pre_hook(note) for layer in norms(T)]
    try:
        _watch(T, watched, style)
    finally:
        for hook in hooks:
            hook.remove()
    if not watched.seen:
        raise SettingsError(f"{T.name} has no convolutions to be seen: it cannot draw in tiles")
    rounded = [math.ceil(pixels / T.multiple) * T.multiple for pixels in (*found.values(), watched.pixels)]
    return dict(zip(found, rounded, strict=False)), rounded[-1]


def _watch(T: Translator, watched: _Reach, style: Tensor | None) -> None:
    # In inference mode operations are not taken apart, and convolutions would not be seen.
    with torch.inference_mode(False), torch.no_grad():
        probe = torch.zeros(1, T.in_channels, watched.side, watched.side, device=T.device)
        with watched:
            T.translate(probe, style=style)


class _Reach(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up how far each convolution or pooling reaches, in pixels of a square picture of this side."""

    def __init__(self, side: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.side, self.pixels, self.seen = side, 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Calls the operation, and looks at it if its name is one of those that look around."""
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name == "convolution":
            self.pixels += self._convolution(args, out)
            self.seen += 1
        elif "pool2d" in name:
            made = out[0] if isinstance(out, tuple) else out
            self.pixels += args[1][0] // 2 * round(self.side / args[0].shape[-1])
            self._check(made)
        elif name.startswith("upsample_bi"):
            self.pixels += 2 * round(self.side / args[0].shape[-1])
        return out

    def _convolution(self, args: Any, out: Tensor) -> int:
        x, weight, _, stride, _, dilation, transposed = args[:7]
        reach: int = (weight.shape[-1] - 1) * dilation[-1]
        if transposed:
            return math.ceil(reach / int(stride[-1])) * round(self.side / int(x.shape[-1]))
        self._check(out)
        # The scale is that of the result: what comes in may have a border already.
        return math.ceil(reach / 2) * max(1, round(self.side / out.shape[-1] / int(stride[-1])))

    def _check(self, out: Tensor) -> None:
        if out.shape[-1] < 2:
            raise SettingsError("a network that shrinks the picture to a point needs the whole picture")
