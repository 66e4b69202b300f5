"""What lies between a file and a model: what a container holds, what a family makes of it, the finished checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

AVERAGED = re.compile(r"(.*[_-])?ema([_-].*)?|avgG|shadow_generator", re.IGNORECASE)


@dataclass(frozen=True)
class Checkpoint:
    """A network as plain tensors and plain settings. Nothing in it can be executed.

    tensors: name -> tensor on the CPU, in the family's own names (for StyleGAN2: NVIDIA's generator names,
      'mapping.fc0.weight', 'synthesis.b8.conv0.weight', buffers included).
    config: JSON types only. 'family' names the module that builds the network; for generators every field of the
      family's `Config` is there, and facts that `inspect` shows (img_resolution, num_fp16_res ...).
    source: the format it was read from, e.g. 'nvidia-pickle', 'rosinality', 'safetensors'.
    inferred: settings that the file does not state and the family worked out, in words, for `inspect`.
    """

    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any]
    sha256: str
    source: str
    name: str = "unnamed"
    inferred: tuple[str, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)


class Parts(NamedTuple):
    """The parts of a Checkpoint that its family fills in; `source` replaces the container's name when it is set."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    inferred: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True)
class Contents:
    """What a container holds, before a family has read it.

    groups: name of a group -> tensor name -> tensor; '' for the file's own tensors, 'netG' or 'model/state_dict' for
      those of a dictionary inside. Averages over the training come first. Tensors may be loaded at first use.
    stated: what the file states beside its tensors, by container: our config for safetensors, the class and the
      attributes of its modules for NVIDIA pickles, the keyword arguments for TensorFlow pickles.
    settings: place -> numbers and texts of the dictionaries and records that stand beside tensors in a torch file;
      '' for the file's own, 'config' or 'generator/conf' for those inside.
    unknown: why no family may recognise it, for the error message; '' when the names of its tensors tell.
    """

    groups: Mapping[str, Mapping[str, Tensor]]
    stated: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)
    unknown: str = ""
    source: str = ""
    sha256: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Origin(NamedTuple):
    """Where a group of tensors was found."""

    path: Path
    group: str
    contents: Contents

    @property
    def averaged(self) -> bool:
        """Whether the tensors are averages over the training, by the name of their group."""
        return is_average(self.group)

    def beside(self, name: str) -> Mapping[str, Any]:
        """The settings of that name beside the group, 'generator/conf' for 'generator/state_dict'; {} without any."""
        outer, slash, _ = self.group.rpartition("/")
        return self.contents.settings.get(f"{outer}{slash}{name}", {})


def is_average(group: str) -> bool:
    """Whether weights under this name are averages over the training: 'G_ema', 'params_ema', 'ema/state_dict'."""
    return any(AVERAGED.fullmatch(part) for part in group.split("/"))
