"""Style channels ranked by what they do."""

import numpy as np
import pytest
import torch

from latentart.latent import bending, space
from latentart.latent.discovery import stylespace


def test_the_ranking_is_that_of_small_steps(G):
    ws = space.to_ws(G, space.z_of(G, [1]), psi=0.7)
    found = {(c.layer, c.number): c.effect for c in stylespace.ranked(G, ws, probes=200, count=10_000)}
    assert len(found) == sum(len(sigma) for sigma in stylespace.sigmas(G).values())
    for layer, number in (("b4.conv1", 0), ("b8.conv1", 5), ("b16.conv0", 3)):
        with torch.inference_mode():
            moved = bending.Bends(G, [f"style=0.01@{layer}/{number}"]).at(np.zeros(1))(ws) - G.synthesis(ws)
        step = float(moved.square().mean().sqrt()) / 0.01
        assert found[layer, number] == pytest.approx(step, rel=0.25)


def test_the_strongest_come_first_and_can_be_played(G):
    ws = space.to_ws(G, space.z_of(G, [1, 2]), psi=0.7)
    best = stylespace.ranked(G, ws, count=5)
    assert [c.effect for c in best] == sorted((c.effect for c in best), reverse=True)
    assert bending.parse(G, best[0].bend("0..2"))[0].layer == best[0].layer
    assert not any(p.grad is not None for p in G.parameters())
