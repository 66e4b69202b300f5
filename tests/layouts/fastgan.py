"""FastGAN generators with random weights in the names of odegeasslbc/FastGAN-pytorch, from its key layout alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentart.models import fastgan
from latentart.weights.checkpoint import Contents, Origin

WIDTHS = (8, 6, 4, 4, 4, 2, 2, 2, 2)


def random_generator(size: int = 64, *, z_dim: int = 6, channels: int = 3, seed: int = 0) -> dict[str, Tensor]:
    """A state dict of a generator of `size` pixels."""
    random = torch.Generator().manual_seed(seed)
    made: dict[str, Tensor] = {}

    def conv(name: str, *shape: int, transposed: bool = False) -> None:
        weight = torch.randn(shape, generator=random)
        matrix = (weight.transpose(0, 1) if transposed else weight).flatten(1)
        u, _, v = torch.linalg.svd(matrix, full_matrices=False)
        # Not quite the norm: what training stored, not what a further iteration would find.
        made[f"{name}.weight_orig"] = weight * 1.7
        made[f"{name}.weight_u"] = torch.nn.functional.normalize(
            u[:, 0] + 0.1 * torch.randn(len(u), generator=random), dim=0
        )
        made[f"{name}.weight_v"] = v[0]

    def norm(name: str, width: int) -> None:
        made[f"{name}.weight"] = torch.rand(width, generator=random) * 0.5 + 1
        made[f"{name}.bias"] = torch.randn(width, generator=random) * 0.3
        made[f"{name}.running_mean"] = torch.randn(width, generator=random) * 0.2
        made[f"{name}.running_var"] = torch.rand(width, generator=random) * 0.5 + 0.5
        made[f"{name}.num_batches_tracked"] = torch.tensor(5)

    levels = (size // 4).bit_length()
    conv("init.init.0", z_dim, 2 * WIDTHS[0], 4, 4, transposed=True)
    norm("init.init.1", 2 * WIDTHS[0])
    for level in range(1, levels):
        name, a, b = f"feat_{4 << level}", WIDTHS[level - 1], WIDTHS[level]
        conv(f"{name}.1", 2 * b, a, 3, 3)
        if level % 2 == 0:
            norm(f"{name}.2", 2 * b)
            continue
        conv(f"{name}.5", 2 * b, b, 3, 3)
        for place in (2, 6):
            made[f"{name}.{place}.weight"] = torch.randn(1, generator=random) * 0.4
            norm(f"{name}.{place + 1}", 2 * b)
    for level in range(4, min(levels, 8)):
        conv(f"se_{4 << level}.main.1", WIDTHS[level], WIDTHS[level - 4], 4, 4)
        conv(f"se_{4 << level}.main.3", WIDTHS[level], WIDTHS[level], 1, 1)
    if size >= 128:
        conv("to_128", channels, WIDTHS[5], 1, 1)
    conv("to_big", channels, WIDTHS[levels - 1], 3, 3)
    return made


def random_state(**shape: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, config) as a `Checkpoint` of ours holds them."""
    parts = fastgan.convert(random_generator(**shape), Origin(Path("net.pth"), "g", Contents({})))
    return parts.tensors, parts.config
