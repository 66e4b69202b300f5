"""Network bending: operations on a generator's feature maps while it draws (Broad et al. 2020, arXiv:2005.12420).

    bends = bending.Bends(G, ["rotate=0..40..0@b16.conv1", "dilate=0.1@b32.conv0/random:0.3"])
    frames(G, path, scene=bends.at)

A line is OP=AMOUNT@LAYERS[/FEATURES]; every operation with amount 0 leaves the picture bit for bit as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from torch import Tensor

from latentart import seeds
from latentart.errors import SettingsError, unknown
from latentart.files import toml
from latentart.latent import automation, space
from latentart.latent.axes import pca
from latentart.latent.bend_ops import OPS
from latentart.models.base import Generator

Array = NDArray[np.float64]
Drawing = Callable[..., Tensor]


STYLE = "style"
"""Not on feature maps but on the styles of a layer, in their standard deviations: StyleSpace."""
EXAMPLE = "rotate=30@b16.conv1"


@dataclass(frozen=True)
class Bend:
    """One operation: how much over time, in which layer, on which of its maps (None: all)."""

    op: str
    amount: automation.Amount
    layer: str
    maps: Tensor | None
    unit: Tensor | None = None
    """For STYLE: what amount 1 adds, [styles]."""

    def __call__(self, x: Tensor, amounts: Array) -> Tensor:
        """x [N, C, H, W] (or styles [N, C]) with each sample's amount [N]; x itself where all are 0."""
        if not amounts.any():
            return x
        parts = [self._one(part, float(a)) if a else part for part, a in zip(torch.split(x, 1), amounts, strict=True)]
        return torch.cat(parts)

    def _one(self, x: Tensor, amount: float) -> Tensor:
        if self.unit is not None:
            return x + amount * self.unit.to(x)
        if self.maps is None:
            return OPS[self.op](x, amount)
        changed = x.clone()
        changed[:, self.maps] = OPS[self.op](x[:, self.maps], amount)
        return changed


class Bends:
    """Operations in order, on one generator."""

    def __init__(self, G: Generator, texts: Sequence[str]) -> None:
        """texts: 'OP=AMOUNT@LAYERS[/FEATURES]'. Raises SettingsError for what cannot be read or is not there."""
        self.G = G
        self.bends = [bend for text in texts for bend in parse(G, text)]

    def at(self, u: Array) -> Drawing:
        """What draws the frames at phases u [N], like `G.synthesis`, for ws [N, ...] in the same order."""
        return partial(self._draw, self.G, u)

    def on(self, G: Generator, u: Array) -> Drawing:
        """The same on another generator of the same shape."""
        return partial(self._draw, G, u)

    def _draw(self, G: Generator, u: Array, ws: Tensor, **noise: Any) -> Tensor:
        changes = [(_place(bend), partial(_apply, bend, bend.amount(u))) for bend in self.bends]
        with hooked(G, changes):
            img: Tensor = G.synthesis(ws, **noise)
        return img


def _place(bend: Bend) -> str:
    return f"{bend.layer}.affine" if bend.op == STYLE else bend.layer


def _apply(bend: Bend, amounts: Array, x: Tensor) -> Tensor:
    return bend(x, amounts)


@contextmanager
def hooked(G: Generator, changes: Sequence[tuple[str, Callable[[Tensor], Tensor]]]) -> Iterator[None]:
    """While the block runs, the outputs of modules of `G.synthesis` pass through changes, in order.

    PyTorch's own hooks: families need to know nothing of it, and without changes nothing runs differently.
    """
    with ExitStack() as stack:
        for name, change in changes:
            module = G.synthesis.get_submodule(name)
            stack.callback(module.register_forward_hook(partial(_changed, change)).remove)
        yield


def _changed(change: Callable[[Tensor], Tensor], module: torch.nn.Module, inputs: Any, x: Tensor) -> Tensor:
    return change(x)


def layers(G: Generator) -> dict[str, torch.nn.Module]:
    """The layers that can be bent by name, from coarse to fine. Raises SettingsError for a family without."""
    listed: Any = getattr(G.synthesis, "layers", None)
    if isinstance(listed, torch.nn.ModuleList):
        return {f"layers.{i}": module for i, module in enumerate(listed)}
    if listed is None:
        raise SettingsError(f"{G.name} ({G.family}) has no layers that can be bent")
    return dict(listed())


def parse(G: Generator, text: str) -> list[Bend]:
    """One line -> a bend for each layer it names. Raises SettingsError."""
    check(text)
    note = automation.parse(text, EXAMPLE)
    where, _, features = note.where.partition("/")
    found = []
    for layer in _layers(G, where):
        maps = _maps(G, layer, features)
        unit = _style_unit(G, layer, maps) if note.name == STYLE else None
        found.append(Bend(note.name, note.amount, layer, None if maps is None else torch.from_numpy(maps), unit))
    return found


def check(text: str) -> None:
    """Raises SettingsError for a line that is wrong whatever the model."""
    note = automation.parse(text, EXAMPLE)
    if note.name not in (*OPS, STYLE):
        raise SettingsError(unknown("operation", note.name, [*OPS, STYLE]))
    if not note.where:
        raise SettingsError(
            f"{text!r} names no layer: write {note.name}=AMOUNT@LAYER, for example @b16.conv1 or @middle"
        )


def _layers(G: Generator, where: str) -> list[str]:
    names = list(layers(G))
    if where in names:
        return [where]
    if re.fullmatch(r"[\d,\- ]+|all|coarse|middle|fine", where):
        return [names[row] for row in space.rows(len(names), where)]
    raise SettingsError(unknown("layer", where, [*names, "coarse", "middle", "fine", "all"]))


def _maps(G: Generator, layer: str, features: str) -> NDArray[np.int64] | None:
    """'' (all), '3,7-9', 'random:0.3', 'random:0.3:SEED', 'cluster:2of5' -> numbers of feature maps."""
    if features in ("", "all"):
        return None
    count = _count(G, layer)
    if match := re.fullmatch(r"random:(0?\.\d+|1)(?::(\d+))?", features):
        chosen = seeds.stream(int(match[2] or 0)).permutation(count)[: max(1, round(float(match[1]) * count))]
        return np.sort(chosen)
    if match := re.fullmatch(r"cluster:(\d+)of(\d+)", features):
        return _cluster(G, layer, int(match[1]), int(match[2]), count)
    if not re.fullmatch(r"[\d,\-]+", features):
        raise SettingsError(f"cannot read features {features!r}: write 3,7-9 or random:0.3 or cluster:2of5")
    wanted = np.unique(seeds.parse(features))
    if wanted[-1] >= count:
        raise SettingsError(f"feature {wanted[-1]} of {layer}: it has 0 to {count - 1}")
    return wanted


def _count(G: Generator, layer: str) -> int:
    return len(layers(G)[layer].bias)  # type: ignore[arg-type]


def _cluster(G: Generator, layer: str, number: int, clusters: int, count: int) -> NDArray[np.int64]:
    """Maps that light up in the same places, by k-means over where they are strong in a few pictures."""
    if not 1 <= number <= clusters <= count:
        raise SettingsError(f"cluster {number} of {clusters}: a layer of {count} maps has at most {count}, from 1")
    acts, _ = pca.activations(G, layer, 16, seed=0)
    strength = np.abs(acts).reshape(len(acts), count, -1).transpose(1, 0, 2).reshape(count, -1)
    shape = strength / np.maximum(np.linalg.norm(strength, axis=1, keepdims=True), 1e-12)
    _, labels = kmeans2(shape, clusters, minit="++", rng=np.random.default_rng(0))
    # The largest cluster is number 1.
    order = np.argsort(-np.bincount(labels, minlength=clusters), kind="stable")
    return np.flatnonzero(labels == order[number - 1])


def _style_unit(G: Generator, layer: str, maps: NDArray[np.int64] | None) -> Tensor:
    """One standard deviation of the chosen styles, [styles], 0 elsewhere."""
    sigmas = style_sigmas(G, layer)
    chosen = np.zeros_like(sigmas)
    picked = np.arange(len(sigmas)) if maps is None else maps
    if picked[-1] >= len(sigmas):
        raise SettingsError(f"style {picked[-1]} of {layer}: it has 0 to {len(sigmas) - 1}")
    chosen[picked] = sigmas[picked]
    return torch.from_numpy(chosen)


def style_sigmas(G: Generator, layer: str) -> Array:
    """Standard deviation of each style of a layer over random pictures, [styles]."""
    return pca.spread_along(G, style_matrix(G, layer))


def style_matrix(G: Generator, layer: str) -> Array:
    """What turns w into the styles of a layer, [styles, w_dim]."""
    affine: Any = getattr(layers(G)[layer], "affine", None)
    if affine is None:
        raise SettingsError(f"{layer} of {G.name} has no styles: StyleSpace needs a StyleGAN")
    matrix: Array = (affine.weight.detach() * affine.weight_gain).double().cpu().numpy()
    return matrix


def read_toml(path: str | Path) -> list[str]:
    """A file of [[bend]] tables (op, amount, layer, features) -> lines. Raises SettingsError."""
    try:
        tables = toml.read(path).get("bend")
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read bends from {str(path)!r}: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise SettingsError(f"{str(path)!r} holds no [[bend]] tables")
    return [_line(table, str(path)) for table in tables]


def _line(table: Mapping[str, Any], source: str) -> str:
    for name in table:
        if name not in ("op", "amount", "layer", "features"):
            raise SettingsError(f"{source!r}: " + unknown("key", name, ["op", "amount", "layer", "features"]))
    if not {"op", "amount", "layer"} <= table.keys():
        raise SettingsError(f"{source!r}: a bend needs op, amount and layer, this one has {', '.join(table) or 'none'}")
    features = f"/{table['features']}" if table.get("features") else ""
    line = f"{table['op']}={table['amount']}@{table['layer']}{features}"
    check(line)
    return line
