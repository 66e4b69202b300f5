"""Finding scale, shift and rotation of the target together with its code.

The generator knows one arrangement (horizon here, eyes there); a photograph has another. What is moved during the
search is the generated picture, toward the target as it lies, so that the target's features are computed once.
Afterwards the target can be brought into the generator's arrangement, or the result into the target's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.projection.search.objectives import Codes
from latentart.projection.search.optimize import Variables

LIMITS = (0.25, 0.2, 0.2, 0.35)
"""Largest change: logarithm of scale, shift right and down (1 is half the picture), rotation in radians."""


@dataclass(frozen=True)
class Aligned:
    """Codes and place: variables {"v": [N, rows, w_dim], "place": [N, 4]}, place 0 for as it is, unlimited."""

    codes: Codes

    def loss(self, variables: Variables) -> Tensor:
        """Distance of the moved pictures from the targets, [N]."""
        place = variables["place"]
        likeness = self.codes.likeness
        moved = Moved(likeness, place)
        return replace(self.codes, likeness=moved).loss(variables)  # type: ignore[arg-type]

    def settle(self, variables: Variables) -> None:
        """Leaves the variables as they are: transforms are clamped where they are applied."""

    def select(self, keep: Tensor) -> Aligned:
        """Selects rows of the batch; see `Objective.select`."""
        return Aligned(self.codes.select(keep))


@dataclass(frozen=True)
class Moved:
    """A likeness that moves pictures first."""

    likeness: object
    place: Tensor

    def __call__(self, img: Tensor) -> Tensor:
        """[N, C, H, W] -> [N]."""
        return self.likeness(move(img, self.place))  # type: ignore[operator, no-any-return]


def matrix(place: Tensor) -> Tensor:
    """place [N, 4] -> [N, 3, 3]: from coordinates in the target to coordinates in the generated picture, -1..1."""
    parts = torch.tanh(place).unbind(dim=1)
    log_scale, right, down, angle = (part * limit for part, limit in zip(parts, LIMITS, strict=True))
    cos, sin = torch.cos(angle) * log_scale.exp(), torch.sin(angle) * log_scale.exp()
    zero, one = torch.zeros_like(right), torch.ones_like(right)
    rows = [torch.stack(row, dim=1) for row in ((cos, -sin, right), (sin, cos, down), (zero, zero, one))]
    return torch.stack(rows, dim=1)


def move(img: Tensor, place: Tensor, *, back: bool = False) -> Tensor:
    """Pictures [N, C, H, W] from the generator's arrangement into the target's; `back`: the other way.

    What comes from outside repeats by reflection.
    """
    full = matrix(place)
    grid = F.affine_grid((torch.linalg.inv(full) if back else full)[:, :2], list(img.shape), align_corners=False)
    return F.grid_sample(img, grid, padding_mode="reflection", align_corners=False)
