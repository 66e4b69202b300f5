"""From a name or a file to a generator that is ready to play."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from latentart import folder, models
from latentart.errors import SettingsError, WeightsError, unknown
from latentart.models.base import Generator
from latentart.models.device import choose_device
from latentart.models.original import open_original
from latentart.translators import load as translators
from latentart.weights import cards
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.open import open_checkpoint

BACKENDS = ("latentart", "nvidia")


def load(
    name_or_path: str | Path,
    device: str | torch.device | None = None,
    *,
    backend: str = "latentart",
    nvidia_repo: str | Path | None = None,
    trust: bool = False,
) -> Generator:
    """A checkpoint's name ('landscapes-256') or file -> its Generator in eval mode, float32.

    device: 'cpu', 'cuda', 'mps'...; None takes a CUDA device when there is one.
    backend: 'nvidia' lets NVIDIA's own code draw, from your checkout `nvidia_repo`, in a process of its own; it runs
    the Python source inside the file, so `trust` must be True. Raises WeightsError, SettingsError.
    """
    if backend not in BACKENDS:
        raise SettingsError(unknown("backend", backend, BACKENDS))
    if backend == "nvidia":
        return open_original(name_or_path, nvidia_repo, str(choose_device(device)), trust=trust)
    checkpoint = open_any(name_or_path)
    _refuse_translator(checkpoint)
    return build(checkpoint, device)


def open_any(name_or_path: str | Path) -> Checkpoint:
    """The checkpoint of a generator or of a translator. Raises WeightsError."""
    try:
        return open_checkpoint(name_or_path)
    except WeightsError as error:
        try:
            return translators.open_translator(name_or_path)
        except WeightsError:
            raise error from error.__cause__


def _refuse_translator(checkpoint: Checkpoint) -> None:
    kind = checkpoint.config.get("family")
    if kind in translators.families():
        advice = "use load_translator(), or the command `latentart translate`"
        raise WeightsError(f"{checkpoint.name!r} is a translator of family {kind!r}, not a generator: {advice}")


def build(checkpoint: Checkpoint, device: str | torch.device | None = None) -> Generator:
    """The generator of the one family that recognises the checkpoint. Raises WeightsError."""
    found = [family for family in families() if family.matches(checkpoint)]
    if len(found) != 1:
        known = ", ".join(family.FAMILY for family in families())
        kind = checkpoint.config.get("family", "unknown")
        raise WeightsError(f"{checkpoint.name!r} holds a model of family {kind!r}: this version plays {known}")
    G: Generator = found[0].build(checkpoint)
    G.name, G.sha256 = checkpoint.name, checkpoint.sha256
    G.class_names = tuple(checkpoint.card.get("class_names", ())) or own_names(checkpoint.config, G.c_dim)
    G.to(choose_device(device))
    if G.device.type == "cpu":
        # Measured: channels last is 1.2 to 2 times as fast on processors, at every size, with gradients or without.
        G.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if hasattr(found[0], "arrange"):
            found[0].arrange(G)
    return G


def own_names(config: Mapping[str, Any], classes: int) -> tuple[str, ...]:
    """Class names that a file carries itself; () when it has none, or not one for each class."""
    stored = config.get("class_names")
    fits = isinstance(stored, list) and len(stored) == classes and all(isinstance(name, str) for name in stored)
    return tuple(stored) if fits and stored else ()


def families() -> list[ModuleType]:
    """The modules of this folder that build a generator."""
    found = [import_module(f"latentart.models.{name}") for name in folder.modules(models.__path__)]
    return [module for module in found if hasattr(module, "FAMILY")]


def names() -> list[str]:
    """Names of the cards that describe generators: those of a family here, and those that state none."""
    known = {None, *(family.FAMILY for family in families())}
    return [card.name for card in cards.readable() if card.facts.get("family") in known]
