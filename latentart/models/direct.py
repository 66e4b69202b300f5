"""The mapping of models that have no W: what goes in comes out, so that walks and projection need not ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.models import ops, state
from latentart.models.base import Generator, Mapper, truncate
from latentart.weights.checkpoint import Checkpoint


class DirectMapping(Mapper):
    """ws is z, [N, 1, z_dim]; psi pulls it toward zero."""

    def __init__(self, z_dim: int, *, normalize: bool = False) -> None:
        super().__init__()
        self.normalize = normalize
        self.register_buffer("w_avg", torch.zeros(z_dim), persistent=False)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """[N, z_dim] -> [N, 1, z_dim]."""
        if c is not None and c.shape[1]:
            raise SettingsError(f"c has {c.shape[1]} classes, this model has none")
        z = z.to(self.w_avg)
        w = ops.unit_rms(z) if self.normalize else z
        return truncate(w, self.w_avg, 1, truncation_psi, truncation_cutoff)


C = TypeVar("C")
G = TypeVar("G", bound=Generator)
Tensors = Mapping[str, Tensor]


def built(
    checkpoint: Checkpoint, make: Callable[[C], G], read: Callable[[Tensors, Mapping[str, Any]], C], *, normalize: bool
) -> G:  # fmt: skip
    """The generator without a mapping that a checkpoint describes, in float32, without gradients.

    make: config -> its network; read: tensors and stored settings -> config. Raises WeightsError.
    """
    family = checkpoint.config.get("family")
    try:
        config = read(checkpoint.tensors, checkpoint.config)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise WeightsError(f"not a complete {family} generator: {error!r} while reading its shape") from error
    with torch.device("meta"):
        generator = make(config)
    state.fill(generator, {f"synthesis.{name}": tensor for name, tensor in checkpoint.tensors.items()})
    generator.mapping = DirectMapping(generator.z_dim, normalize=normalize)
    return generator.eval()
