"""Latents of a generator: seeds and classes to z, c and ws; which rows of ws are coarse, middle, fine."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import seeds
from latentart.errors import SettingsError, unknown
from latentart.latent import walk_options
from latentart.models.base import Generator
from latentart.seeds import LARGEST

Array = NDArray[np.float64]
ClassMix = Mapping[int, float]
"""Class index -> weight; weights of a mix are made to sum to 1."""

PSI = walk_options.PSI
"""Truncation where none is given, for films, stills, live sets and Python alike."""
LAYERS = {"coarse": (0, 4), "middle": (4, 8), "fine": (8, None)}
"""Rows of ws by what they do (Karras et al. 2019, section 3.1): 4-8 px, 16-32 px, 64 px and up."""


def check_psi(psi: float) -> float:
    """Returns psi, or raises SettingsError when it is not a finite number."""
    if not isinstance(psi, (int, float)) or not math.isfinite(psi):
        raise SettingsError(f"psi is {psi!r}, not a number: give one such as 0.7")
    return float(psi)


def z_of(G: Generator, names: Sequence[int]) -> NDArray[np.float64]:
    """The z of each seed, [N, z_dim] float64."""
    if not names:
        raise SettingsError("no seeds: give at least one, for example --seeds 3,11,20")
    return np.concatenate([seeds.z(seed, G.z_dim) for seed in names])


def c_of(G: Generator, mixes: Sequence[ClassMix]) -> NDArray[np.float64] | None:
    """Class weights [N, c_dim], or None for a model without classes. Raises SettingsError."""
    if not G.c_dim:
        if mixes:
            raise SettingsError(f"{G.name} has no classes: leave out --class")
        return None
    if not mixes:
        raise SettingsError(f"{G.name} has {G.c_dim} classes: choose with --class, {_example(G)}")
    weights = np.zeros((len(mixes), G.c_dim))
    for row, mix in zip(weights, mixes, strict=True):
        for index, weight in mix.items():
            if not 0 <= index < G.c_dim:
                raise SettingsError(f"class {index!r} is out of range: {G.name} has 0 to {G.c_dim - 1}")
            row[index] += weight
    shares: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _example(G: Generator) -> str:
    return f"a name such as {G.class_names[0]!r} or a number from 0" if G.class_names else f"0 to {G.c_dim - 1}"


def parse_classes(G: Generator, text: str) -> list[ClassMix]:
    """'A,B,C', 'A-Z', '3', 'A:0.5+B:0.5' -> one mix per keyframe. Raises SettingsError.

    A name from the checkpoint's card wins over a number; a range runs in the card's order.
    """
    found: list[ClassMix] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*([^-+:]+)\s*-\s*([^-+:]+)\s*", part)
        if ends:
            first, last = class_index(G, ends[1]), class_index(G, ends[2])
            step = 1 if last >= first else -1
            found += [{index: 1.0} for index in range(first, last + step, step)]
        else:
            found.append(_mix(G, part))
    return found


def spell_classes(G: Generator, mixes: Sequence[ClassMix]) -> str:
    """Mixes as `parse_classes` reads them: 'A,B:0.3+C:0.7'."""

    def named(index: int) -> str:
        return G.class_names[index] if G.class_names else str(index)

    return ",".join("+".join(f"{named(i)}:{weight!r}" for i, weight in mix.items()) for mix in mixes)


def _mix(G: Generator, text: str) -> ClassMix:
    mix: dict[int, float] = {}
    for term in text.split("+"):
        name, _, weight = term.partition(":")
        try:
            value = float(weight or 1)
        except ValueError:
            raise SettingsError(f"cannot read the weight {weight!r} of class {name!r}: give a number") from None
        if not 0 < value < math.inf:
            raise SettingsError(f"the weight {weight!r} of class {name!r} must be above 0")
        mix[class_index(G, name)] = value
    return mix


def class_index(G: Generator, name: str) -> int:
    """Index of a class given by its name or number. Raises SettingsError."""
    name = name.strip()
    if not G.c_dim:
        raise SettingsError(f"{G.name} has no classes: leave out --class {name}")
    if name in G.class_names:
        return list(G.class_names).index(name)
    if name.isdecimal() and int(name) < G.c_dim:
        return int(name)
    if G.class_names and not name.isdecimal():
        raise SettingsError(unknown("class", name, G.class_names))
    raise SettingsError(f"class {name!r} is out of range: {G.name} has 0 to {G.c_dim - 1}")


def to_ws(
    G: Generator,
    z: NDArray[np.float64],
    c: NDArray[np.float64] | None = None,
    *,
    psi: float = 1.0,
    cutoff: int | None = None,
) -> Tensor:
    """z [N, z_dim] and class weights [N, c_dim] -> ws [N, num_ws, w_dim] on the generator's device.

    cutoff: psi acts on the first so many rows, on all for None or 0. Raises SettingsError.
    """
    cutoff = check_cutoff(cutoff, G.num_ws)
    with torch.no_grad():
        latents = torch.from_numpy(z).float().to(G.device)
        classes = None if c is None else torch.from_numpy(c).float().to(G.device)
        ws: Tensor = G.mapping(latents, classes, truncation_psi=check_psi(psi), truncation_cutoff=cutoff)
    return ws


def check_cutoff(cutoff: int | None, num_ws: int | None = None) -> int | None:
    """The rows that psi acts on, None for all (which 0 means too). Raises SettingsError for what no model has."""
    if cutoff is None or (cutoff == 0 and not isinstance(cutoff, bool)):
        return None
    if isinstance(cutoff, bool) or not isinstance(cutoff, int) or not 0 < cutoff <= (num_ws or cutoff):
        most = f"1 to {num_ws}, the rows of this model" if num_ws else "1 or more rows"
        raise SettingsError(f"truncation cutoff {cutoff!r} is out of range: give {most}, or leave it out (0) for all")
    return cutoff


def rows(num_ws: int, layers: str) -> list[int]:
    """'coarse', 'middle', 'fine', 'all' or numbers such as '0-3,6' -> rows of ws. Raises SettingsError."""
    if layers == "all":
        return list(range(num_ws))
    if layers in LAYERS:
        first, last = LAYERS[layers]
        return list(range(first, num_ws if last is None else min(last, num_ws)))
    if not re.fullmatch(r"[\d,\- ]+", layers):
        raise SettingsError(unknown("layers", layers, ["all", *LAYERS, "0-3,6"]))
    found = seeds.parse(layers)
    if max(found) >= num_ws:
        raise SettingsError(f"layers {layers!r} go beyond the last row of this model, {num_ws - 1}")
    return found


def mix_styles(ws: Tensor, other: Tensor, chosen: Sequence[int]) -> Tensor:
    """ws [N, num_ws, w_dim] with the chosen rows taken from other [1 or N, num_ws, w_dim] (style mixing)."""
    mixed = ws.clone()
    mixed[:, list(chosen)] = other[:, list(chosen)].to(ws)
    return mixed


def plane(
    G: Generator, seeds: Sequence[int], classes: Sequence[ClassMix] = (), *, psi: float = 1.0,
    cutoff: int | None = None, walk: str = "this walk",
) -> tuple[Array, Array, Array]:  # fmt: skip
    """(centre, east, north), [num_ws, w_dim] each: the first seed, and axes of equal length at right angles.

    East leads to the second seed, north towards the third; missing seeds are those that follow. walk: who asks, for
    errors. Raises SettingsError for more than one class and for seeds that span no plane.
    """
    z = z_of(G, _three(seeds))
    mixes = c_of(G, classes)
    if mixes is not None and len(mixes) > 1:
        raise SettingsError(f"{walk} keeps one class, {len(mixes)} given: name one, or a mix such as A:0.5+B:0.5")
    c = None if mixes is None else np.repeat(mixes, 3, axis=0)
    centre, one, two = to_ws(G, z, c, psi=psi, cutoff=cutoff).double().cpu().numpy()
    return centre, *_axes(one - centre, two - centre, walk)


def _three(seeds: Sequence[int]) -> list[int]:
    given = list(seeds[:3])
    while 0 < len(given) < 3:
        given.append((given[-1] + 1) % (LARGEST + 1))
    return given


def _axes(one: Array, two: Array, walk: str) -> tuple[Array, Array]:
    """Two axes of equal length at right angles in the plane of both, so that the orbit is a circle, not an ellipse."""
    length = np.linalg.norm(one)
    if length == 0:
        raise SettingsError(f"the first two seeds of {walk} are the same picture: give others")
    side = two - one * (two * one).sum() / length**2
    across = np.linalg.norm(side)
    if across < 1e-9 * length:
        raise SettingsError(f"the seeds of {walk} lie on one line: give three that differ")
    return one, side * (length / across)
