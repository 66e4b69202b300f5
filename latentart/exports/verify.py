"""Reads what was written and compares its picture with the original's."""

from __future__ import annotations

from pathlib import Path

import torch

from latentart.translators.load import load_translator


def difference(network: str | Path, written: Path) -> float:
    """Largest difference of one picture, on a scale of 0 .. 1."""
    # What is written may not say at which size it was trained.
    before, after = (load_translator(file, "cpu", work_size=0) for file in (network, written))
    side = before.multiple * max(1, -(-max(before.smallest, 64) // before.multiple))
    y, x = torch.meshgrid(torch.linspace(0, 6, side), torch.linspace(0, 9, side), indexing="ij")
    img = torch.stack([torch.sin(x + k) * torch.cos(y * (k + 1) / 2) for k in range(before.in_channels)])[None]
    with torch.no_grad():
        return float((before.translate(img) - after.translate(img)).abs().max()) / 2
