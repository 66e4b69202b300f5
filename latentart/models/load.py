"""From a name or a file to a generator that is ready to play."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from latentart.errors import SettingsError, WeightsError, unknown
from latentart.models.base import Generator
from latentart.models.device import choose_device
from latentart.weights import families
from latentart.weights import open as door
from latentart.weights.checkpoint import Checkpoint

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
        from latentart.models.original import open_original

        return open_original(name_or_path, nvidia_repo, str(choose_device(device)), trust=trust)
    return build(door.open_checkpoint(name_or_path, "generator"), device)


MOST_BORDER = 16


def build(checkpoint: Checkpoint, device: str | torch.device | None = None) -> Generator:
    """The generator of a checkpoint, from the module of its family. Raises WeightsError."""
    name = str(checkpoint.config.get("family", "unknown"))
    kind, family = families.kind_of(name), families.find(name)
    if kind == "translator":
        advice = "use load_translator(), or the command `latentart translate`"
        raise WeightsError(f"{checkpoint.name!r} is a translator of family {name!r}, not a generator: {advice}")
    if family is None:
        known = ", ".join(families.families("generator"))
        raise WeightsError(f"{checkpoint.name!r} holds a model of family {name!r}: this version plays {known}")
    G: Generator = family.build(checkpoint)
    G.name, G.sha256 = checkpoint.name, checkpoint.sha256
    G.class_names = tuple(checkpoint.card.get("class_names", ())) or own_names(checkpoint.config, G.c_dim)
    border = checkpoint.card.get("border", 0)
    G.border = border if type(border) is int and 0 <= border <= MOST_BORDER else 0
    G.to(choose_device(device))
    if G.device.type == "cpu":
        # Measured: channels last is 1.2 to 2 times as fast on processors, at every size, with gradients or without.
        G.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if hasattr(family, "arrange"):
            family.arrange(G)
    return G


def own_names(config: Mapping[str, Any], classes: int) -> tuple[str, ...]:
    """Class names that a file carries itself; () when it has none, or not one for each class."""
    stored = config.get("class_names")
    fits = isinstance(stored, list) and len(stored) == classes and all(isinstance(name, str) for name in stored)
    return tuple(stored) if fits and stored else ()


def names() -> list[str]:
    """Names of the cards that describe generators."""
    return door.names("generator")
