"""The switches of the pix2pix networks and their description in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from latentart.errors import SettingsError, unknown
from latentart.translators.base import Translator
from latentart.translators.layers import BatchNorm, Dropout, Norm
from latentart.weights.checkpoint import Checkpoint

NORM_SOURCES = ("image", "stored")
Net = TypeVar("Net", bound=Translator)


def played(
    T: Net, checkpoint: Checkpoint, words: Sequence[str], *, dropout: bool, norm: str, seed: int | None
) -> Net:  # fmt: skip
    """Sets the network's switches and lists them in `inferred`, after the words of the reader or else `words`.

    Raises SettingsError.
    """
    use_norm(T, norm)
    use_dropout(T, dropout, seed)
    T.inferred = (*(checkpoint.inferred or words), *in_words(T, norm, seed))
    return T


def use_norm(T: torch.nn.Module, source: str) -> None:
    """Where batch normalisation has its statistics from: 'image', the current one, or 'stored' by training.

    pix2pix is meant to be played with those of the image (Isola et al. 2017, 3.2). Raises SettingsError for 'stored'
    when nothing was.
    """
    if source not in NORM_SOURCES:
        raise SettingsError(unknown("norm", source, NORM_SOURCES))
    layers = [m for m in T.modules() if isinstance(m, BatchNorm)]
    if source == "stored" and not layers:
        raise SettingsError("norm 'stored': this network has no stored statistics, leave norm 'image'")
    for layer in layers:
        layer.stored(source == "stored")


def use_dropout(T: Translator, on: bool, seed: int | None) -> None:
    """Turns dropout on, with the seed that names what is left out, or off. Raises SettingsError."""
    layers = [m for m in T.modules() if isinstance(m, Dropout)]
    if on and not layers:
        raise SettingsError("dropout: this network was trained without, leave it off")
    if on and seed is None:
        raise SettingsError("dropout leaves out values by chance: give a seed too, so that the picture can be repeated")
    if seed is not None and not on:
        raise SettingsError(f"seed {seed!r} without dropout: nothing else in this network is left to chance")
    for layer in layers:
        layer.seed = seed
    T.tiles = T.tiles and not on  # what is left out is named for the whole map


def in_words(T: torch.nn.Module, norm: str, seed: int | None) -> list[str]:
    """What the switches are set to, those that there are."""
    switched = []
    if any(isinstance(m, BatchNorm) for m in T.modules()):
        switched.append(f"norm {norm}")
    if any(isinstance(m, Dropout) for m in T.modules()):
        switched.append("dropout off" if seed is None else f"dropout with seed {seed}")
    return switched


def norm_of(tensors: Mapping[str, Tensor], norm: str, bias: bool) -> Norm:
    """The kind of normalisation `norm` (its name in the file); bias: whether the convolutions before it have biases.

    Instance normalisation has no tensors of its own, but the convolutions keep their biases.
    """
    if f"{norm}.weight" in tensors:
        return "batch" if f"{norm}.running_mean" in tensors else "affine"
    return "instance" if bias else "none"


def norm_names(norm: Norm, theirs: str, ours: str) -> dict[str, str]:
    """The tensors of a normalisation: name in the file -> our name."""
    parts = {"none": (), "instance": (), "affine": ("weight", "bias")}
    every = parts.get(norm, ("weight", "bias", "running_mean", "running_var"))
    return {f"{theirs}.{part}": f"{ours}.{part}" for part in every}


def unused(norm: Norm) -> str:
    """A pattern of the tensors that carry nothing: counters, and the averages that early instance norms stored."""
    return r".*\.(num_batches_tracked)" if norm == "batch" else r".*\.(num_batches_tracked|running_mean|running_var)"
