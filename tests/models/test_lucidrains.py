"""lucidrains' StyleGAN2 against its own formulas, written out with a kernel for every sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from layouts import lucidrains as layout
from torch import Tensor

from latentart import seeds
from latentart.errors import WeightsError
from latentart.models.load import build
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.describe import describe
from latentart.weights.open import open_checkpoint


def plain(state: dict[str, Tensor], w: Tensor, noise: Tensor) -> Tensor:
    """w [N, levels, w_dim], noise [N, S, S, 1] uniform -> pictures in 0 .. 1."""

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, state[f"GE.{name}.weight"], state[f"GE.{name}.bias"])

    def modulated(x: Tensor, style: Tensor, name: str, demodulate: bool) -> Tensor:
        kernels = state[f"GE.{name}.weight"] * (style[:, None, :, None, None] + 1)
        if demodulate:
            kernels = kernels / (kernels.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
        return torch.cat([F.conv2d(x[i : i + 1], k, padding=k.shape[2] // 2) for i, k in enumerate(kernels)])

    if "GE.initial_block" in state:
        x = state["GE.initial_block"].repeat(len(w), 1, 1, 1)
    else:
        x = F.conv_transpose2d(w.mean(dim=1)[:, :, None, None], state["GE.to_initial_block.weight"])
    x = F.conv2d(x, state["GE.initial_conv.weight"], state["GE.initial_conv.bias"], padding=1)
    img = None
    for i in range(w.shape[1]):
        block = f"blocks.{i}"
        if img is not None:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        seen = noise[:, : x.shape[2], : x.shape[3]]
        for part in "12":
            added = linear(seen, f"{block}.to_noise{part}").permute(0, 3, 2, 1)
            x = modulated(x, linear(w[:, i], f"{block}.to_style{part}"), f"{block}.conv{part}", True)
            x = F.leaky_relu(x + added, 0.2)
        rgb = modulated(x, linear(w[:, i], f"{block}.to_rgb.to_style"), f"{block}.to_rgb.conv", False)
        img = rgb if img is None else img + rgb
        if i < w.shape[1] - 1:
            img = F.interpolate(img, scale_factor=2, mode="bilinear", align_corners=False)
            taps = torch.tensor([1.0, 2.0, 1.0])
            padded = F.pad(img, [1, 1, 1, 1], mode="reflect").reshape(-1, 1, img.shape[2] + 2, img.shape[3] + 2)
            img = F.conv2d(padded, torch.outer(taps, taps)[None, None] / 16).view_as(img)
    assert img is not None
    return img


def mapped(state: dict[str, Tensor], z: Tensor, multiplier: float) -> Tensor:
    x = z / z.norm(dim=1, keepdim=True)
    for i in range(3):
        x = F.linear(x, state[f"SE.net.{2 * i}.weight"] * multiplier, state[f"SE.net.{2 * i}.bias"] * multiplier)
        x = F.leaky_relu(x, 0.2)
    return x


@pytest.mark.parametrize("shape", [{}, {"constant": False}, {"channels": 4}, {"widths": (8, 6, 4, 4, 2)}])
def test_pictures_are_those_of_its_formulas(tmp_path: Path, shape: dict[str, Any]) -> None:
    state = layout.random_generator(**shape)
    layout.write(tmp_path / "model_1.pt", state, lr_mlp=0.2)
    G = build(open_checkpoint(tmp_path / "model_1.pt"), "cpu")
    z = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
    ws = G.mapping(z)
    assert torch.allclose(ws[:, 0], mapped(state, z, 0.2), atol=1e-6)
    normal = torch.from_numpy(seeds.noise(G.noise_shapes, 7)["image"])
    uniform = torch.special.ndtr(normal)[None, :, :, None].repeat(2, 1, 1, 1)
    wanted = plain(state, ws, uniform) * 2 - 1
    made = G.synthesis(ws, noise={"image": normal})
    assert made.shape == wanted.shape
    assert (made - wanted).norm() <= 1e-5 * wanted.norm()


def test_the_multiplier_is_its_default_without_a_config(tmp_path: Path) -> None:
    layout.write(tmp_path / "model_1.pt", layout.random_generator())
    found = open_checkpoint(tmp_path / "model_1.pt")
    assert found.inferred[0].startswith("lr_mlp 0.1: its default")
    assert torch.allclose(found.tensors["mapping.fc.0.weight"], layout.random_generator()["SE.net.0.weight"] * 0.1)


def test_it_comes_back_from_safetensors(tmp_path: Path) -> None:
    made = Checkpoint(*layout.random_state(), "", "test")
    safe.write(tmp_path / "net", made)
    found = open_checkpoint(tmp_path / "net")
    assert dict(found.config) == dict(made.config)
    facts = describe(found)
    assert (facts["resolution"], facts["num_ws"], facts["widths"]["32"]) == ([32, 32], 4, 4)


def test_the_centre_is_the_mean_of_mapped_samples() -> None:
    G = build(Checkpoint(*layout.random_state(), "", "test"), "cpu")
    z = torch.randn(4000, 16, generator=torch.Generator().manual_seed(2))
    assert (G.w_avg - G.mapping.w(z).mean(dim=0)).norm() < 0.1 * G.w_avg.norm()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("GE.attns.2.0.fn.fn.to_q.weight", "with attention layers"),
        ("GE.surprise", "tensor 'GE.surprise' is not one of lucidrains'"),
        ("GE.blocks.9.conv2.weight", "without a gap"),
    ],
)
def test_what_is_not_supported_is_named(tmp_path: Path, name: str, words: str) -> None:
    layout.write(tmp_path / "model_1.pt", layout.random_generator() | {name: torch.ones(2, 2, 1, 1)})
    with pytest.raises(WeightsError, match=words):
        open_checkpoint(tmp_path / "model_1.pt")
