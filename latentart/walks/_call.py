"""How a walk is called: values as people write them, and a record of them in the Path."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import torch

from latentart import seeds as seed_names
from latentart.errors import SettingsError, unknown
from latentart.latent import saved, space
from latentart.latent.path import Path
from latentart.models.base import Generator

Walk = Callable[..., Path]


def recorded(name: str, walk: Walk) -> Walk:
    """The walk, called with values as people write them, whose Path says how to make its film again."""

    @functools.wraps(walk)
    def called(G: Generator, *unnamed: Any, **given: Any) -> Path:
        _check(name, walk, G, unnamed, given)
        plain = {key: _PLAIN[key](G, value) if key in _PLAIN else value for key, value in given.items()}
        made = walk(G, **plain)
        return made.described(_record(name, G, given, plain, made))

    return called


def _check(name: str, walk: Walk, G: object, unnamed: Sequence[Any], given: Mapping[str, Any]) -> None:
    if not isinstance(G, Generator):
        raise SettingsError(f"{name} walks through a model, not a {type(G).__name__}: G = latentart.load(...) first")
    if unnamed:
        raise SettingsError(f"{name} takes its settings by name: {name}(G, seeds={unnamed[0]!r}, seconds=4, fps=30)")
    accepted = [key for key in inspect.signature(walk).parameters if key != "G"]
    for key in given:
        if key not in accepted:
            raise SettingsError(unknown(f"setting of {name}", key, accepted))


def _seeds(G: Generator, value: Any) -> tuple[int, ...]:
    """7, '46,10', '4-7', a list, an array -> a tuple of seeds. Raises SettingsError."""
    if isinstance(value, str):
        return tuple(seed_names.parse(value))
    if isinstance(value, int | np.integer):
        return (seed_names.check(int(value)),)
    try:
        return tuple(seed_names.check(int(seed) if isinstance(seed, np.integer) else seed) for seed in value)
    except TypeError:
        raise SettingsError(f"seeds are {value!r}: give integers, such as [46, 10, 3] or '46,10,3'") from None


def _classes(G: Generator, value: Any) -> Sequence[space.ClassMix]:
    """'A-Z', 'A', 3, or a list of names, numbers and mixes. Raises SettingsError."""
    if isinstance(value, str):
        return space.parse_classes(G, value) if value else ()
    if isinstance(value, int | np.integer):
        return [{int(value): 1.0}]
    if isinstance(value, Mapping):
        return [value]
    return [mix for part in value or () for mix in ([part] if isinstance(part, Mapping) else _classes(G, part))]


def _latents(G: Generator, value: Any) -> Any:
    """A tensor, an array, files -> [K, num_ws, w_dim] float64. Raises WeightsError, SettingsError."""
    if value is None:
        return None
    if isinstance(value, str | FilePath):
        return saved.read_all([value], G.num_ws, G.w_dim)
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().float().numpy()
    if isinstance(value, Sequence) and value and isinstance(value[0], str | FilePath):
        return saved.read_all(value, G.num_ws, G.w_dim)
    if not isinstance(value, np.ndarray):
        raise SettingsError(f"latents are a {type(value).__name__}: give a tensor [K, {G.num_ws}, {G.w_dim}], or files")
    return saved.fit(value, G.num_ws, G.w_dim, "latents=")


_PLAIN: dict[str, Callable[[Generator, Any], Any]] = {"seeds": _seeds, "classes": _classes, "latents": _latents}


def _record(name: str, G: Generator, given: Mapping[str, Any], plain: Mapping[str, Any], made: Path) -> dict[str, Any]:
    """What `render.film.Film` needs to make the same path."""
    kept = {key: value for key, value in given.items() if key not in _PLAIN and value is not None}
    if plain.get("latents") is not None:
        kept["latents"] = _files(given["latents"])
    elif plain.get("seeds"):
        kept["seeds"] = list(plain["seeds"])
    if plain.get("classes"):
        kept["classes"] = space.spell_classes(G, plain["classes"])
    clock = {"seconds": float(made.seconds), "fps": str(made.fps)}
    film = {"network": G.name, "walk": name, "psi": space.PSI, **kept, **clock}
    return {"film": film, "checkpoint": {"name": G.name, "family": G.family, "sha256": G.sha256}}


def _files(latents: Any) -> list[str]:
    """Names of files; numbers that have no file are named as such, and have to be given again."""
    if isinstance(latents, str | FilePath):
        return [FilePath(latents).name]
    if isinstance(latents, Sequence) and latents and isinstance(latents[0], str | FilePath):
        return [FilePath(each).name for each in latents]
    return ["latents that were given as numbers"]
