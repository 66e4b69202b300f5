"""Edges that a model draws badly are cut off where pictures meet on a wall."""

from __future__ import annotations

import numpy as np
import torch

import latentart
from latentart import pixels
from latentart.latent import space


def edge_and_inside(img: torch.Tensor) -> tuple[float, float]:
    """Mean difference of the outermost rows and columns from their neighbours, and of those further inside."""
    steps = [
        (img[:, :, 1:] - img[:, :, :-1]).abs().mean((0, 1, 3)),
        (img[..., 1:] - img[..., :-1]).abs().mean((0, 1, 2)),
    ]
    edge = np.mean([float(step[at]) for step in steps for at in (0, -1)])
    return float(edge), float(np.mean([float(step[3:12].mean() + step[-12:-3].mean()) / 2 for step in steps]))


def test_what_the_card_cuts_off_is_what_is_wrong() -> None:
    G = latentart.load("landscapes-256", "cpu")
    ws = space.to_ws(G, space.z_of(G, range(6)), psi=space.PSI)
    for mode in ("const", "none"):
        with torch.inference_mode():
            img: torch.Tensor = G.synthesis(ws, noise_mode=mode)
        edge, inside = edge_and_inside(img)
        assert edge > 2 * inside, "the model needs no border any more"
        assert edge_and_inside(pixels.trimmed(img, G.border))[0] < 0.6 * edge
