"""The mapping network that StyleGAN2 and StyleGAN3 share: z and class to w."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.models import ops
from latentart.models.base import Mapper, check_published, truncate
from latentart.weights.shapes import shape


def mapping_facts(tensors: Mapping[str, Tensor], family: str) -> dict[str, Any]:
    """What the shapes of a mapping network determine: the fields of `MappingShape`, and the number of layers.

    Raises WeightsError for tensors that are missing or misshapen; `family` is named in it.
    """
    depth = len([n for n in tensors if re.fullmatch(r"mapping\.fc\d+\.weight", n)])
    if depth == 0:
        raise WeightsError(f"no tensor 'mapping.fc0.weight': not a complete {family} generator")
    layers = [shape(tensors, f"mapping.fc{i}.weight", 2, family) for i in range(depth)]
    embedded, c_dim = shape(tensors, "mapping.embed.weight", 2, family) if "mapping.embed.weight" in tensors else (0, 0)
    joint = "mapping.concat.weight" in tensors  # how the first StyleGAN2 took classes
    if joint:
        c_dim, embedded = shape(tensors, "mapping.concat.weight", 2, family)
    if layers[0][1] <= embedded or "mapping.embed_proj.weight" in tensors:
        raise WeightsError(
            f"tensor 'mapping.embed.weight' gives {embedded} numbers for each class, 'mapping.fc0.weight' takes"
            f" {layers[0][1]} with z: a StyleGAN-XL (Sauer et al. 2022) or its stem, which is not read"
        )
    return {
        "mapping_layers": depth,
        "z_dim": layers[0][1] - embedded,
        "c_dim": c_dim,
        "w_dim": layers[-1][0],
        "embed_dim": embedded,
        "mapping_widths": [outputs for outputs, _ in layers],
        "joint_labels": joint,
    }


class MappingShape(Protocol):
    """What a mapping network needs to know; StyleGAN3 has the same one."""

    @property
    def num_ws(self) -> int: ...
    @property
    def z_dim(self) -> int: ...
    @property
    def c_dim(self) -> int: ...
    @property
    def w_dim(self) -> int: ...
    @property
    def embed_dim(self) -> int: ...
    @property
    def mapping_widths(self) -> tuple[int, ...]: ...
    @property
    def mapping_lr_multiplier(self) -> float: ...
    @property
    def joint_labels(self) -> bool: ...


class MappingNetwork(Mapper):
    """z and class to ws (Karras et al. 2019, section 2)."""

    def __init__(self, config: MappingShape) -> None:
        super().__init__()
        self.num_ws = config.num_ws
        self.c_dim = config.c_dim
        lr = config.mapping_lr_multiplier
        self.joint = config.joint_labels
        if config.c_dim:
            kind = Labels if self.joint else ops.Dense
            self.add_module("concat" if self.joint else "embed", kind(config.c_dim, config.embed_dim))
        widths = (config.z_dim + (config.embed_dim if config.c_dim else 0), *config.mapping_widths)
        self.layers = [f"fc{i}" for i in range(len(config.mapping_widths))]
        for name, inputs, outputs in zip(self.layers, widths[:-1], widths[1:], strict=True):
            self.add_module(name, ops.Dense(inputs, outputs, lr_multiplier=lr))
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        **published: Any,
    ) -> Tensor:
        """[N, z_dim], [N, c_dim] -> [N, num_ws, w_dim]."""
        check_published(published)
        return truncate(self.w(z, c), self.w_avg, self.num_ws, truncation_psi, truncation_cutoff)

    def w(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """The single w of each sample, [N, w_dim], before truncation."""
        z = z.to(self.w_avg.dtype)
        if c is not None and c.shape[1] != self.c_dim:
            raise SettingsError(f"c has {c.shape[1]} classes, this model has {self.c_dim}")
        x = self.labelled(z, c) if self.c_dim else ops.unit_rms(z)
        for name in self.layers:
            x = ops.lrelu(self.get_submodule(name)(x))
        return x

    def labelled(self, z: Tensor, c: Tensor | None) -> Tensor:
        """z and class in one row, each of unit size; the first StyleGAN2 normalised them together."""
        if c is None:
            raise SettingsError(f"this model has {self.c_dim} classes: pass c, [N, {self.c_dim}]")
        label: Tensor = self.get_submodule("concat" if self.joint else "embed")(c.to(z.dtype))
        if self.joint:
            return ops.unit_rms(torch.cat([z, label], dim=1))
        return torch.cat([ops.unit_rms(z), ops.unit_rms(label)], dim=1)


class Labels(torch.nn.Module):
    """Classes as rows of a table."""

    def __init__(self, classes: int, outputs: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(ops.normal(classes, outputs))

    def forward(self, c: Tensor) -> Tensor:
        """[N, classes] -> [N, outputs]."""
        return c @ self.weight
