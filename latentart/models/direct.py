"""The mapping of models that have no W: what goes in comes out, so that walks and projection need not ask."""

from __future__ import annotations

import torch
from torch import Tensor

from latentart.errors import SettingsError
from latentart.models import ops
from latentart.models.base import Mapper, truncate


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
