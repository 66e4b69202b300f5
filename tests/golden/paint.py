"""Paints the golden pictures with the reference transcription: python -m tests.golden.paint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from torch import Tensor

HERE = Path(__file__).parent
CHECKPOINTS = HERE.parent.parent / "checkpoints"
SEEDS = (4, 7, 21, 30)
LETTERS = (10, 28, 37, 49)
"""Classes k, C, L, X of glyphs-64."""

Paint = Callable[[Tensor, Tensor | None], Tensor]
"""z [N, z_dim], c [N, c_dim] or None -> images [N, C, H, W]."""


def read(name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A shipped checkpoint as float32 tensors and its settings."""
    with safe_open(str(CHECKPOINTS / f"{name}.safetensors"), "pt") as file:
        tensors = {key: file.get_tensor(key).float() for key in file.keys()}
        return tensors, json.loads(file.metadata()["latentart"])


def strip(paint: Paint, z_dim: int, c_dim: int) -> NDArray[np.uint8]:
    """A few pictures side by side, [H, N * W, C], large ones at half size to keep the file small."""
    seeds = SEEDS[: len(LETTERS)] if c_dim else SEEDS[:3]
    z = torch.cat([torch.from_numpy(np.random.RandomState(s).randn(1, z_dim)) for s in seeds]).float()
    c = torch.eye(c_dim)[list(LETTERS)] if c_dim else None
    img = paint(z, c)
    img = F.avg_pool2d(img, 2) if img.shape[-1] > 128 else img
    pixels = (img * 127.5 + 128).clamp(0, 255).to(torch.uint8)
    return np.concatenate(list(pixels.permute(0, 2, 3, 1).numpy()), axis=1)


def main() -> None:
    """Writes one PNG per shipped StyleGAN2 checkpoint."""
    from benchmarks.reference.stylegan2_fused import Fused

    for name in ("landscapes-256", "glyphs-64"):
        tensors, config = read(name)
        G = Fused(tensors, config)
        picture = strip(lambda z, c, G=G: G.synthesis(G.mapping(z, c, 0.7)), config["z_dim"], config["c_dim"])
        Image.fromarray(picture.squeeze()).save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
