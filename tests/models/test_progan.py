"""ProGANs of two ports against each port's own wiring, written out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import WeightsError
from latentart.models.load import build
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.describe import describe
from latentart.weights.open import open_checkpoint
from tests.layouts import progan as layout


def pixel_norm(x: Tensor) -> Tensor:
    return x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()


def zoo(state: dict[str, Tensor], z: Tensor, **settings: Any) -> Tensor:
    """pytorch_GAN_zoo: (convolution + bias) * He's factor, normalised after every layer; alpha is the share of the
    level below."""
    levels = len([name for name in state if name.startswith("toRGBLayers.") and name.endswith("weight")])
    alpha, slope = settings.get("alpha", 0), settings.get("leakyReluLeak", 0.2)

    def layer(x: Tensor, name: str) -> Tensor:
        weight, bias = (state[f"{name}.module.{part}"] for part in ("weight", "bias"))
        factor = math.sqrt(2 / weight[0].numel()) if settings.get("equalizedlR", True) else 1
        if weight.ndim == 2:
            return F.linear(x, weight, bias) * factor
        return F.conv2d(x, weight, bias, padding=weight.shape[2] // 2) * factor

    x = F.leaky_relu(layer(pixel_norm(z), "formatLayer"), slope).view(len(z), -1, 4, 4)
    x = pixel_norm(F.leaky_relu(layer(pixel_norm(x), "groupScale0.0"), slope))
    reached = [x]
    for scale in range(levels - 1):
        x = doubled(x)
        for i in (0, 1):
            x = pixel_norm(F.leaky_relu(layer(x, f"scaleLayers.{scale}.{i}"), slope))
        reached.append(x)
    img = layer(x, f"toRGBLayers.{levels - 1}")
    if alpha:
        img = alpha * doubled(layer(reached[-2], f"toRGBLayers.{levels - 2}")) + (1 - alpha) * img
    return img if settings.get("lossCriterion", "WGANGP") == "WGANGP" else torch.tanh(img)


def doubled(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def akanimax(state: dict[str, Tensor], z: Tensor, **settings: Any) -> Tensor:
    """pro_gan_pytorch: weights * factor, then bias; no normalisation between the first two layers."""
    equalized = settings.get("use_eql", True)

    def layer(x: Tensor, name: str) -> Tensor:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        factor = math.sqrt(2 / weight[0].numel()) if equalized else 1
        return F.conv2d(x, weight * factor, bias, padding=weight.shape[2] // 2)

    weight, bias = state["layers.0.conv_1.weight"], state["layers.0.conv_1.bias"]
    factor = math.sqrt(2 / len(weight)) if equalized else 1
    x = F.conv_transpose2d(pixel_norm(z)[:, :, None, None], weight * factor, bias)
    x = pixel_norm(F.leaky_relu(layer(F.leaky_relu(x, 0.2), "layers.0.conv_2"), 0.2))
    for level in (1, 2, 3):
        x = F.interpolate(x, scale_factor=2)
        for i in (1, 2):
            x = pixel_norm(F.leaky_relu(layer(x, f"layers.{level}.conv_{i}"), 0.2))
    return layer(x, "rgb_converters.3")


PORTS = {"zoo": zoo, "akanimax": akanimax}


@pytest.mark.parametrize("kind", PORTS)
@pytest.mark.parametrize("how", [{}, {"average": False}, {"parallel": True}], ids=["average", "raw", "parallel"])
def test_pictures_are_those_of_the_port(tmp_path: Path, kind: str, how: dict[str, Any]) -> None:
    state = layout.random_port(kind)
    layout.write(tmp_path / "net.pt", kind, state, **how)
    found = open_checkpoint(tmp_path / "net.pt")
    G = build(found, "cpu")
    z = torch.randn(3, 12, generator=torch.Generator().manual_seed(1))
    wanted = PORTS[kind](state, z)
    made = G(z)
    assert made.shape == wanted.shape == (3, 3, 32, 32)
    assert (made - wanted).norm() <= 1e-5 * wanted.norm()
    assert any("no averaged" in line for line in found.inferred) == (not how.get("average", True))


@pytest.mark.parametrize(
    ("kind", "levels", "settings"),
    [
        ("akanimax", 4, {"use_eql": False}),
        ("zoo", 4, {"equalizedlR": False}),
        ("zoo", 4, {"alpha": 0.3}),
        ("zoo", 2, {"alpha": 0.7, "leakyReluLeak": 0.1}),
        ("zoo", 3, {"alpha": 1.0, "lossCriterion": "MSE"}),
        ("zoo", 1, {"alpha": 0.5}),
    ],
)
@pytest.mark.parametrize("average", [True, False])
def test_what_a_file_states_is_in_its_pictures(
    tmp_path: Path, kind: str, levels: int, settings: dict[str, Any], average: bool
) -> None:
    state = layout.random_port(kind, widths=layout.WIDTHS[:levels])
    layout.write(tmp_path / "net.pt", kind, state, average=average, **settings)
    found = open_checkpoint(tmp_path / "net.pt")
    z = torch.randn(3, 12, generator=torch.Generator().manual_seed(1))
    # One level has nothing below it, whatever the file says.
    wanted = PORTS[kind](state, z, **({} if levels == 1 else settings))
    made = build(found, "cpu")(z)
    assert (made - wanted).norm() <= 1e-5 * wanted.norm()
    unlike = PORTS[kind](state, z)
    assert levels == 1 or (unlike - wanted).norm() > 0.05 * wanted.norm()
    safe.write(tmp_path / "ours", found)
    assert torch.equal(build(open_checkpoint(tmp_path / "ours"), "cpu")(z), made)


@pytest.mark.parametrize("settings", [{"alpha": "x"}, {"alpha": 2.0}, {"alpha": float("nan")}, {"leakyReluLeak": -1}])
def test_settings_that_make_no_sense_are_named(tmp_path: Path, settings: dict[str, Any]) -> None:
    layout.write(tmp_path / "net.pt", "zoo", layout.random_port("zoo"), **settings)
    with pytest.raises(WeightsError, match=r"a number from 0 to 1 is wanted|slope"):
        open_checkpoint(tmp_path / "net.pt")


def test_a_state_dict_alone_is_enough(tmp_path: Path) -> None:
    torch.save(layout.random_port("akanimax"), tmp_path / "GAN_GEN_3.pth")
    assert open_checkpoint(tmp_path / "GAN_GEN_3.pth").source == "pro_gan_pytorch"


def test_it_comes_back_from_safetensors(tmp_path: Path) -> None:
    made = Checkpoint(*layout.random_state(), "", "test")
    safe.write(tmp_path / "net", made)
    found = open_checkpoint(tmp_path / "net")
    assert dict(found.config) == dict(made.config)
    facts = describe(found)
    assert (facts["resolution"], facts["num_ws"], facts["widths"]["32"]) == ([32, 32], 1, 4)


def test_pictures_between_0_and_1_are_brought_to_minus_1() -> None:
    tensors, config = layout.random_state()
    z = torch.randn(1, 12)
    signed = build(Checkpoint(tensors, config, "", "test"), "cpu")(z)
    unit = build(Checkpoint(tensors, config | {"unit_output": True}, "", "test"), "cpu")(z)
    assert torch.allclose(unit, signed * 2 - 1)


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [
        ("scaleLayers.0.0.module.weight", torch.ones(6, 5, 3, 3), "after 8 channels"),
        ("formatLayer.module.weight", torch.ones(17, 12), "a start of 17 values"),
        ("attention.weight", torch.ones(3), "tensor 'attention.weight' is not one of pytorch_GAN_zoo's"),
        ("scaleLayers.7.0.module.weight", torch.ones(6, 6, 3, 3), "without a gap"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, name: str, tensor: Tensor, words: str) -> None:
    layout.write(tmp_path / "net.pt", "zoo", layout.random_port("zoo") | {name: tensor})
    with pytest.raises(WeightsError, match=words):
        open_checkpoint(tmp_path / "net.pt")
