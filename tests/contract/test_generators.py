"""Every family of generators keeps the one contract that walks, films, projection and the live loop rely on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from layouts import dcgan, fastgan, lucidrains, progan, random_stylegan2, random_stylegan3
from torch import Tensor

from latentart import seeds, walks
from latentart.errors import WeightsError
from latentart.models.base import NOISE_MODES, Generator
from latentart.models.load import build
from latentart.render.frames import frames
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.describe import resolution
from latentart.weights.families import families

Made = tuple[dict[str, Tensor], dict[str, Any]]
EXAMPLES: dict[str, Callable[[], Made]] = {
    "stylegan2": lambda: random_stylegan2.random_state(resolution=16),
    "stylegan2 of 3:5": lambda: random_stylegan2.random_state(resolution=16, init_res=(3, 5)),
    "stylegan2 of classes": lambda: random_stylegan2.random_state(resolution=16, c_dim=3),
    "stylegan3 t": lambda: random_stylegan3.random_state(resolution=16),
    "progan": progan.random_state,
    "dcgan": dcgan.random_state,
    "fastgan": fastgan.random_state,
    "lucidrains": lucidrains.random_state,
    "stylegan3 r of classes": lambda: random_stylegan3.random_state(resolution=16, variant="r", c_dim=3),
}


def checkpoint(example: str) -> Checkpoint:
    tensors, config = EXAMPLES[example]()
    return Checkpoint(tensors, config, "", "test")


@pytest.fixture(params=EXAMPLES)
def G(request: pytest.FixtureRequest) -> Generator:
    """A small random generator of the family."""
    return build(checkpoint(request.param), "cpu")


def latents(G: Generator, *numbers: int) -> tuple[Tensor, Tensor | None]:
    z = torch.from_numpy(np.concatenate([seeds.z(n, G.z_dim) for n in numbers])).float()
    return z, torch.eye(G.c_dim)[[n % G.c_dim for n in numbers]] if G.c_dim else None


def test_every_family_has_an_example() -> None:
    assert {name.split()[0] for name in EXAMPLES} == set(families("generator"))


def test_shapes_are_the_facts(G: Generator) -> None:
    ws = G.mapping(*latents(G, 1, 2, 3))
    assert ws.shape == (3, G.num_ws, G.w_dim)
    img = G.synthesis(ws)
    assert img.shape == (3, G.img_channels, *G.img_size)
    assert img.dtype == torch.float32
    assert torch.isfinite(img).all()
    assert G.img_resolution == max(img.shape[2:])


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_size_is_known_before_the_model_is_built(example: str) -> None:
    # As a file gives it: with every field of the config.
    made = families("generator")[example.split()[0]].complete(*EXAMPLES[example]())  # type: ignore[attr-defined]
    kept = Checkpoint(made.tensors, made.config, "", "test")
    assert resolution(kept) == build(kept, "cpu").img_size


def test_pictures_are_pictures(G: Generator) -> None:
    """Neither flat nor all the same, and of a size that fits between -1 and 1 or not far outside."""
    img = G(*latents(G, 1, 2))
    assert img.std() > 0.01
    assert img.abs().max() < 50
    assert (img[0] - img[1]).abs().mean() > 1e-3


def test_psi_pulls_toward_the_centre(G: Generator) -> None:
    z, c = latents(G, 1, 2)
    full, half, none = (G.mapping(z, c, truncation_psi=psi) for psi in (1.0, 0.5, 0.0))
    assert torch.allclose(half, G.w_avg + 0.5 * (full - G.w_avg), atol=1e-5)
    assert torch.allclose(none, G.w_avg.expand_as(none), atol=1e-6)
    cut = G.mapping(z, c, truncation_psi=0.5, truncation_cutoff=1)
    assert torch.equal(cut[:, :1], half[:, :1])
    assert torch.equal(cut[:, 1:], full[:, 1:])


def test_a_batch_is_its_pictures_one_by_one(G: Generator) -> None:
    ws = G.mapping(*latents(G, 1, 2, 3))
    together = G.synthesis(ws)
    each = torch.cat([G.synthesis(ws[i : i + 1]) for i in range(3)])
    assert (together - each).norm() <= 1e-4 * together.norm()


def test_the_same_twice(G: Generator) -> None:
    for mode in ("const", "none"):
        ws = G.mapping(*latents(G, 5))
        assert torch.equal(G.synthesis(ws, noise_mode=mode), G.synthesis(ws, noise_mode=mode))


def test_noise_modes_are_known_and_noise_can_be_given(G: Generator) -> None:
    ws = G.mapping(*latents(G, 5))
    made = {mode: G.synthesis(ws, noise_mode=mode) for mode in NOISE_MODES}
    given = G.synthesis(ws, noise={name: torch.zeros(size) for name, size in G.noise_shapes.items()})
    assert torch.equal(made["none"], made["const"]) == (not G.noise_shapes)
    assert torch.allclose(given, made["none"], atol=1e-5)


def test_gradients_reach_latents_through_every_picture(G: Generator) -> None:
    ws = G.mapping(*latents(G, 1, 2)).requires_grad_()
    G.synthesis(ws).square().sum().backward()
    assert ws.grad is not None
    assert torch.isfinite(ws.grad).all()
    assert (ws.grad.flatten(2).abs().amax(dim=2) > 0).all()


def test_gradients_are_those_of_the_picture(G: Generator) -> None:
    """A small step along the gradient changes the picture by what the gradient says."""
    ws = G.mapping(*latents(G, 1)).double().requires_grad_()
    G.double()
    loss = G.synthesis(ws).square().mean()
    loss.backward()
    assert ws.grad is not None
    step = 1e-5 * ws.grad / ws.grad.norm()
    with torch.no_grad():
        rise = G.synthesis(ws + step).square().mean() - G.synthesis(ws - step).square().mean()
    assert float(rise) == pytest.approx(2e-5 * float(ws.grad.norm()), rel=1e-2)


def test_walks_and_films_ask_for_no_family(G: Generator) -> None:
    path = walks.keyframes(G, seeds=[1, 2], classes=[{1: 1.0}] if G.c_dim else [], seconds=1, fps=4, psi=0.7)
    made = list(frames(G, path))
    assert len(made) == 4
    assert made[0].shape == (*G.img_size, G.img_channels)
    assert any((made[0] != other).any() for other in made[1:])


@pytest.mark.parametrize("example", EXAMPLES)
def test_tensors_that_are_missing_or_left_over_are_named(example: str) -> None:
    whole = checkpoint(example)
    name = next(n for n in whole.tensors if n.endswith("weight"))
    for tensors in ({n: t for n, t in whole.tensors.items() if n != name}, {**whole.tensors, "stray": torch.ones(1)}):
        with pytest.raises(WeightsError) as error:
            build(Checkpoint(tensors, whole.config, "", "test"), "cpu")
        assert "\n" not in str(error.value)
