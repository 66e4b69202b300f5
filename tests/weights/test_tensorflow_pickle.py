"""StyleGAN2 pickles of the TensorFlow era come back as the generators they hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from layouts import tensorflow
from layouts.random_stylegan2 import random_state
from torch import Tensor

from latentart.errors import WeightsError
from latentart.models.load import build
from latentart.weights.open import open_checkpoint

VARIANTS: dict[str, dict[str, Any]] = {
    "skip (config F)": {},
    "resnet": {"architecture": "resnet"},
    "orig": {"architecture": "orig"},
    "classes of ADA": {"c_dim": 5},
    "8 mapping layers": {"mapping_layers": 8},
    "grey": {"img_channels": 1},
    "wide picture": {"init_res": (3, 5)},
    "clamp": {"conv_clamp": 256},
    "dims": {"z_dim": 24, "w_dim": 40},
}


def joint(**shape: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A generator with classes as the first StyleGAN2 took them."""
    tensors, config = random_state(c_dim=5, z_dim=16, **shape)
    del tensors["mapping.embed.bias"]
    tensors["mapping.concat.weight"] = tensors.pop("mapping.embed.weight")[:16].t().contiguous()
    tensors["mapping.fc0.weight"] = tensors["mapping.fc0.weight"][:, :32].contiguous()
    return tensors, config


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_comes_back(tmp_path: Path, variant: str) -> None:
    tensors, config = random_state(**VARIANTS[variant])
    generator = tensorflow.network(tensors, config)
    tensorflow.write(tmp_path / "net.pkl", (None, None, generator))
    found = open_checkpoint(tmp_path / "net.pkl")
    assert found.source == "tensorflow-pickle"
    assert dict(found.config) == config
    assert set(found.tensors) == {n for n in tensors if not n.endswith("resample_filter")}
    for name, tensor in found.tensors.items():
        assert torch.allclose(tensor, tensors[name], atol=1e-6), name
    assert build(found, "cpu").c_dim == config["c_dim"]


@pytest.mark.parametrize("document", [lambda G: G, lambda G: (G,), lambda G: [None, G], lambda G: (G, None, G)])
def test_files_with_fewer_networks(tmp_path: Path, document: Any) -> None:
    tensors, config = random_state(resolution=8)
    tensorflow.write(tmp_path / "net.pkl", document(tensorflow.network(tensors, config, version=4)), protocol=3)
    found = open_checkpoint(tmp_path / "net.pkl")
    assert found.config["img_resolution"] == 8
    assert "conv_clamp None: not in the file" in found.inferred


def test_classes_that_are_normalised_with_z(tmp_path: Path) -> None:
    """The published formula, written out: one row of z and label, one normalisation."""
    tensors, config = joint(resolution=8)
    tensorflow.write(tmp_path / "net.pkl", tensorflow.network(tensors, config, version=4))
    G = build(open_checkpoint(tmp_path / "net.pkl"), "cpu")
    assert (G.z_dim, G.c_dim) == (16, 5)
    z, c = torch.randn(3, 16, generator=torch.Generator().manual_seed(1)), torch.eye(5)[:3]
    x = torch.cat([z, c @ tensors["mapping.concat.weight"]], dim=1)
    x = x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    for i in range(2):
        weight, bias = (tensors[f"mapping.fc{i}.{part}"] * 0.01 for part in ("weight", "bias"))
        x = torch.nn.functional.leaky_relu(x @ weight.t() / weight.shape[1] ** 0.5 + bias, 0.2) * 2**0.5
    assert torch.allclose(G.mapping(z, c)[:, 0], x, rtol=1e-4, atol=1e-5)


def test_its_source_is_not_executed(tmp_path: Path) -> None:
    os.environ.pop("LATENTART_TEST_EXECUTED", None)
    tensorflow.write(tmp_path / "net.pkl", tensorflow.network(*random_state(resolution=8)))
    open_checkpoint(tmp_path / "net.pkl")
    assert "LATENTART_TEST_EXECUTED" not in os.environ


def test_stylegan1_is_named(tmp_path: Path) -> None:
    tensorflow.write(tmp_path / "net.pkl", tensorflow.network(*random_state(resolution=8), version=3))
    with pytest.raises(WeightsError, match="a StyleGAN1"):
        open_checkpoint(tmp_path / "net.pkl")


def test_the_original_progan_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.pkl").write_bytes(b"\x80\x02ctfutil\nNetwork\n)\x81.")
    with pytest.raises(WeightsError, match="the original ProGAN pickle of 2017"):
        open_checkpoint(tmp_path / "net.pkl")


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"resample_kernel": [1, 2, 1]}, "its resample_kernel is 'list': only"),
        ({"mapping_nonlinearity": "relu"}, "its mapping_nonlinearity is 'relu'"),
        ({"normalize_latents": False}, "its normalize_latents is 'bool'"),
    ],
)
def test_switches_that_are_not_supported_are_named(tmp_path: Path, kwargs: dict[str, Any], words: str) -> None:
    tensorflow.write(tmp_path / "net.pkl", tensorflow.network(*random_state(resolution=8), **kwargs))
    with pytest.raises(WeightsError, match=words):
        open_checkpoint(tmp_path / "net.pkl")


def test_unknown_variables_are_named(tmp_path: Path) -> None:
    tensors, config = random_state(resolution=8)
    generator = tensorflow.network(tensors, config)
    generator.state["variables"].append(("attention", tensors["mapping.w_avg"].numpy()))
    tensorflow.write(tmp_path / "net.pkl", generator)
    with pytest.raises(WeightsError, match="variable 'attention' is not one of StyleGAN2"):
        open_checkpoint(tmp_path / "net.pkl")
