"""The state of a training as one file that appears whole or not at all: safetensors, its facts as JSON inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentart import files
from latentart.errors import SettingsError, WeightsError
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint

FAMILY = "training"
MOST_STEPS = 10**9
ADAM = ("step", "exp_avg", "exp_avg_sq")
"""What Adam remembers of a parameter."""


def write(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Writes the state; after a power cut there is the old file or the new one. Raises TargetError."""
    copies = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with files.part_file(path, overwrite=True) as part:
        safe.write(part, Checkpoint(copies, {**facts, "family": FAMILY}, "", FAMILY))


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, facts). Raises WeightsError for a file that is damaged or no state of a training."""
    try:
        found = safe.read(path)
    except OSError as error:
        raise WeightsError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except WeightsError as error:
        raise type(error)(f"cannot go on from {str(path)!r}: {error}") from error
    step = found.config.get("step")
    if found.config.get("family") != FAMILY or type(step) is not int or not 0 <= step <= MOST_STEPS:
        raise WeightsError(f"{str(path)!r} is no state of a training: name another folder with -o")
    return dict(found.tensors), dict(found.config)


def named(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """'weight' -> 'name/weight'."""
    return {f"{name}/{key}": tensor for key, tensor in tensors.items()}


def part(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """'name/weight' -> 'weight', of those with that name."""
    return {key.removeprefix(f"{name}/"): t for key, t in tensors.items() if key.startswith(f"{name}/")}


def of_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """'3.exp_avg' -> tensor: what an optimiser remembers of its parameter number 3."""
    memory = optimizer.state_dict()["state"]
    return {f"{i}.{key}": value for i, kept in memory.items() for key, value in kept.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Undoes `of_optimizer`, for Adam. Raises WeightsError naming what is missing or too many."""
    groups = optimizer.state_dict()["param_groups"]
    numbers = [i for group in groups for i in group["params"]]
    # None at all is what an optimiser holds that has not made a step.
    wanted = {f"{i}.{key}" for i in numbers for key in ADAM} if tensors else set()
    if odd := sorted(wanted ^ tensors.keys()):
        raise WeightsError(f"the kept optimiser does not fit this network: {', '.join(odd[:4])}: start a new training")
    memory = {i: {key: tensors[f"{i}.{key}"] for key in ADAM} for i in numbers} if tensors else {}
    optimizer.load_state_dict({"state": memory, "param_groups": groups})


def restore_net(net: torch.nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Loads a network's tensors. Raises WeightsError naming those that are missing, too many or of another shape."""
    wanted = net.state_dict()
    odd = wanted.keys() ^ tensors.keys()
    odd |= {name for name in wanted.keys() & tensors.keys() if wanted[name].shape != tensors[name].shape}
    if odd:
        raise WeightsError(f"{what} does not fit this network: {', '.join(sorted(odd)[:4])}: give other settings")
    net.load_state_dict(dict(tensors))


def check_same(kept: Mapping[str, Any], given: Mapping[str, Any], folder: Path) -> None:
    """Raises SettingsError naming the settings in which a training to be resumed differs from the kept one."""
    # A setting that did not exist yet when the training was begun has its old value, the default.
    differ = [name for name in given if kept.get(name, given[name]) != given[name]]
    if differ:
        changed = ", ".join(f"{name} {kept[name]!r}, now {given[name]!r}" for name in differ)
        raise SettingsError(f"{str(folder)!r} was begun with {changed}: repeat them, or name another folder with -o")
