"""From a name, a file or a folder to a translator that is ready to play."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from latentart import pixels
from latentart.errors import SettingsError, WeightsError, unknown
from latentart.models.device import choose_device
from latentart.translators.base import Translator
from latentart.weights import families
from latentart.weights import open as door
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.families import Family


def load_translator(
    name_or_path: str | Path, device: str | torch.device | None = None, *, work_size: int | None = None, **switches: Any
) -> Translator:
    """A translator's name ('mosaic26'), file or folder -> Translator in eval mode, float32.

    device: 'cpu', 'cuda', 'mps'...; None takes a CUDA device when there is one. work_size: shorter side in pixels at
    which it draws, 0 for that of each picture; None is the size it was trained at, for networks that draw well only
    there. switches: the family's own (for pix2pix: dropout, norm). Raises WeightsError for what is no translator or of
    no known layout, SettingsError.
    """
    checkpoint = open_translator(name_or_path)
    name = str(checkpoint.config.get("family"))
    family = families.find(name)
    if family is None or families.kind_of(name) != "translator":
        raise WeightsError(f"{checkpoint.name!r} is a generator of family {name!r}, not a translator: use load()")
    if getattr(family, "KIND", "") == "upscale":
        raise SettingsError(f"{checkpoint.name!r} makes pictures larger: give it to latentart exhibit --upscale")
    _check_switches(family, switches)
    T = family.build(checkpoint, **switches)
    T.name, T.sha256, T.family = checkpoint.name, checkpoint.sha256, family.FAMILY
    T.inferred = tuple(T.inferred) or checkpoint.inferred
    _draw_at(T, checkpoint, work_size)
    T.licence = str(checkpoint.card.get("license", "")) or T.licence
    T.eval().requires_grad_(False).to(choose_device(device))
    return T.to(memory_format=torch.channels_last)  # type: ignore[no-any-return]


def _draw_at(T: Translator, checkpoint: Checkpoint, work_size: int | None) -> None:
    """Sets the size a network works at: that asked for, else its card's, else the one its file states."""
    if work_size is None:
        stated = checkpoint.card.get("resolution")
        T.trained_at = stated if type(stated) is int and 1 <= stated <= pixels.LARGEST_SIDE else T.trained_at
    else:
        T.trained_at = pixels.check_size((work_size, work_size))[0] if work_size else 0
    if T.trained_at:
        T.inferred = (*T.inferred, f"draws at {T.trained_at} pixels")
        # A tile would be scaled by itself.
        T.tiles = False


def open_translator(name_or_path: str | Path) -> Checkpoint:
    """The checkpoint of a translator, its tensors in our own names. Raises WeightsError."""
    return door.open_checkpoint(name_or_path, "translator")


def names() -> list[str]:
    """Names of the translators at hand: those that need no file, and the cards that describe translators."""
    return door.names("translator")


def _check_switches(family: Family, switches: Mapping[str, Any]) -> None:
    accepted = list(inspect.signature(family.build).parameters)[1:]
    for name in switches:
        if name not in accepted:
            raise SettingsError(unknown(f"switch of {family.FAMILY}", name, accepted))
