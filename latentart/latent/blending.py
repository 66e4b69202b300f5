"""Two models of one shape as one: swapped layers, soft blends, a weight that moves, averages of checkpoints.

Layer swapping: Pinkney & Adler 2020, arXiv:2010.05334. A line is MODEL=AMOUNT[@LAYERS]: 0 is the first model, 1 the
other, in the blocks that the layers belong to.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.latent import automation, bending, space
from latentart.models.base import Generator
from latentart.weights.checkpoint import Checkpoint

Array = NDArray[np.float64]


class Blend:
    """The first model on its way to the other; draws like either."""

    def __init__(self, G: Generator, other: Generator, amount: automation.Amount, layers: str = "all") -> None:
        """layers: 'fine', '4-9' (rows of ws), 'mapping', or 'all' (mapping too). Raises SettingsError."""
        self.first, self.other, self.amount = dict(G.state_dict()), dict(other.state_dict()), amount
        same_shape(self.first, self.other, f"{G.name} and {other.name}")
        self.G = copy.deepcopy(G)
        self.shared = chosen(G, self.first, layers)
        self.maps = layers in ("all", "mapping")
        self._weight = 0.0

    def at(self, weight: float) -> Generator:
        """The generator at a weight: 0 the first, 1 the other, exactly. One generator is kept: it changes with it."""
        if weight != self._weight:
            state = self.G.state_dict()
            with torch.no_grad():
                for name in self.shared:
                    state[name].copy_(lerp(self.first[name], self.other[name], weight))
            self._weight = weight
        return self.G

    def scene(self, u: Array, on: Callable[[Generator, Array], bending.Drawing] | None = None) -> bending.Drawing:
        """What draws the frames at phases u [N]; `on` bends what it draws: `Bends.on`."""
        return partial(self._draw, u, on)

    def _draw(
        self, u: Array, on: Callable[[Generator, Array], bending.Drawing] | None, ws: Tensor, **options: Any
    ) -> Tensor:
        noise: Mapping[str, Tensor] | None = options.pop("noise", None)
        made = []
        for i, weight in enumerate(self.amount(u)):
            G = self.at(float(weight))
            draw = on(G, u[i : i + 1]) if on else G.synthesis
            own = (
                {name: m[i : i + 1] if m.ndim == 4 and len(m) > 1 else m for name, m in noise.items()}
                if noise
                else None
            )
            made.append(draw(ws[i : i + 1], noise=own, **options))
        return torch.cat(made)


def lerp(a: Tensor, b: Tensor, weight: float) -> Tensor:
    """From a to b, exact at both ends."""
    return a if weight == 0 else b if weight == 1 else torch.lerp(a, b.to(a), weight)


def same_shape(a: Mapping[str, Tensor], b: Mapping[str, Tensor], names: str) -> None:
    """Raises SettingsError unless both have the same tensors of the same shapes."""
    for name in sorted(a.keys() | b.keys()):
        shapes = [list(t[name].shape) if name in t else "missing" for t in (a, b)]
        if shapes[0] != shapes[1]:
            raise SettingsError(f"{names} cannot be blended: {name} is {shapes[0]} in one and {shapes[1]} in the other")


def chosen(G: Generator, state: Mapping[str, Tensor], layers: str) -> list[str]:
    """Names of the floating tensors that a blend of these layers touches. Raises SettingsError."""
    floating = [name for name, tensor in state.items() if tensor.is_floating_point()]
    if layers == "all":
        return floating
    if layers == "mapping":
        return [name for name in floating if name.startswith("mapping.")]
    names = list(bending.layers(G))
    picked = [names[row] for row in space.rows(len(names) + 1, layers) if row < len(names)]
    # A block's own painting layer goes with its last convolution.
    blocks = {name.rpartition(".")[0] for name in picked if name.endswith(".conv1")}
    prefixes = [f"synthesis.{name}." for name in picked] + [f"synthesis.{b}.torgb." for b in blocks if b]
    if "b4.conv1" in picked:
        prefixes.append("synthesis.b4.const")
    return [name for name in floating if name.startswith(tuple(prefixes))]


def parse(text: str) -> automation.Note:
    """'MODEL=AMOUNT[@LAYERS]'. Raises SettingsError."""
    return automation.parse(text, "other.pkl=0..1@fine")


def average(checkpoints: Sequence[Checkpoint], weights: Sequence[float] | None = None) -> Checkpoint:
    """The weighted mean of checkpoints of one shape (equal weights by default): stochastic weight averaging, Izmailov
    et al. 2018, arXiv:1803.05407. Raises WeightsError."""
    if len(checkpoints) < 2:
        raise WeightsError("an average needs two checkpoints or more")
    shares = np.asarray(weights if weights is not None else np.ones(len(checkpoints)), dtype=np.float64)
    if len(shares) != len(checkpoints) or not np.isfinite(shares).all() or shares.sum() == 0:
        raise WeightsError(f"weights {list(shares)!r} for {len(checkpoints)} checkpoints: one number each, sum not 0")
    shares = shares / shares.sum()
    first = checkpoints[0]
    for other in checkpoints[1:]:
        same_shape(first.tensors, other.tensors, f"{first.name} and {other.name}")
    tensors = {name: _mean([c.tensors[name] for c in checkpoints], shares) for name in first.tensors}
    return replace(first, tensors=tensors, sha256="", source="average", name="average", card=_licences(checkpoints))


def _mean(tensors: Sequence[Tensor], shares: Array) -> Tensor:
    if not tensors[0].is_floating_point():
        return tensors[0]
    total = sum(float(share) * tensor.double() for tensor, share in zip(tensors, shares, strict=True))
    return torch.as_tensor(total).to(tensors[0].dtype)


def _licences(checkpoints: Sequence[Checkpoint]) -> dict[str, Any]:
    """A mixture is bound by the licences of all its parts."""
    named = [str(c.card["license"]) for c in checkpoints if "license" in c.card]
    return {"license": " and ".join(dict.fromkeys(named))} if named else {}


def swapped(first: Checkpoint, other: Checkpoint, G: Generator, note: automation.Note) -> Checkpoint:
    """`first` with the note's layers blended towards `other` by its amount, as a checkpoint to keep.

    G: the generator of `first`, which names its layers. Raises SettingsError.
    """
    same_shape(first.tensors, other.tensors, f"{first.name} and {other.name}")
    picked = set(chosen(G, {n: t for n, t in first.tensors.items()}, note.where or "all"))
    weight = automation.still(note)
    tensors = {n: lerp(t, other.tensors[n], weight) if n in picked else t for n, t in first.tensors.items()}
    return replace(first, tensors=tensors, sha256="", source="blend", name="blend", card=_licences([first, other]))
