"""Written so that it should run on Apple's GPU: no float64 there, no operator without a Metal kernel.

Faked on a processor (layouts/faked_mps.py); nothing here has run on such hardware.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from conftest import tiny
from layouts.faked_mps import FakedMps, Unsupported, has_kernel, operators

from latentart import engine, pixels
from latentart.engine.routes import eager
from latentart.latent import space
from latentart.render.frames import frames
from latentart.walks import drift, keyframes, orbit

SHAPES: list[dict[str, Any]] = [
    {},
    {"architecture": "resnet", "img_channels": 4, "conv_clamp": 0.5},
    {"architecture": "orig", "img_channels": 1, "init_res": (3, 5)},
    {"c_dim": 4},
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_from_seeds_to_frames(shape: dict[str, Any]) -> None:
    G = tiny(**shape)
    c = space.c_of(G, [{0: 1.0}, {2: 1.0}]) if G.c_dim else None
    with FakedMps() as device, torch.inference_mode():
        ws = space.to_ws(G, space.z_of(G, [1, 2]), c, psi=0.7, cutoff=2)
        img = G.synthesis(ws)
        G.synthesis(ws, noise_mode="random")
        assert pixels.to_uint8(img).shape[0] == 2
        pixels.resize(img, (40, 24))
    assert {"convolution", "mul", "leaky_relu_"} <= device.seen


@pytest.mark.parametrize("walk", [keyframes, orbit, drift])
def test_films(walk: Any) -> None:
    G = tiny()
    path = walk(G, seeds=[1, 2, 3], seconds=1, fps=4)
    with FakedMps():
        assert len(list(frames(G, path, batch=2, noise_mode="random"))) == 4


def test_an_engine() -> None:
    with FakedMps():
        made = engine.compile(tiny(), output="uint8", only=eager.NAME, measure=0)
        assert made(made.G.w_avg.repeat(1, made.G.num_ws, 1)).shape == (1, 16, 16, 3)


def test_gradients_to_ws() -> None:
    G = tiny()
    ws = G.w_avg.repeat(2, G.num_ws, 1).requires_grad_()
    with FakedMps():
        G.synthesis(ws).square().mean().backward()
    assert ws.grad is not None


def test_the_fake_refuses_float64() -> None:
    double = torch.ones(2, dtype=torch.float64)
    with FakedMps():
        double.float() * 2
        with pytest.raises(Unsupported, match="mul computes in float64"):
            double * 2
        with pytest.raises(Unsupported, match="made float64"):
            torch.ones(2).double()


def test_the_fake_refuses_operators_without_a_kernel() -> None:
    assert len(operators()) > 2000
    assert has_kernel("add.Tensor")
    assert not has_kernel("geqrf")
    with FakedMps(), pytest.raises(Unsupported, match="geqrf has no MPS kernel"):
        torch.geqrf(torch.eye(2))
