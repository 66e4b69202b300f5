"""Our own format: what is written comes back, and files without a config are understood from their tensors."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
from layouts.random_stylegan2 import random_state

from latentart.errors import WeightsError
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.open import open_checkpoint


def checkpoint(**variant: Any) -> Checkpoint:
    return Checkpoint(*random_state(resolution=16, **variant), sha256="", source="test")


@pytest.mark.parametrize(
    "variant", [{}, {"c_dim": 3}, {"architecture": "orig", "conv_clamp": 256.0}, {"init_res": (3, 4)}]
)
def test_what_is_written_comes_back(tmp_path: Path, variant: dict[str, Any]) -> None:
    wanted = checkpoint(**variant)
    safe.write(tmp_path / "a", wanted)
    found = open_checkpoint(tmp_path / "a")
    assert dict(found.config) == wanted.config
    assert set(found.tensors) == set(wanted.tensors)
    assert all(torch.equal(found.tensors[n], t) for n, t in wanted.tensors.items())
    assert (found.source, found.inferred) == ("safetensors", ())


def test_half_stores_half_and_reads_float32(tmp_path: Path) -> None:
    wanted = checkpoint()
    safe.write(tmp_path / "a", wanted)
    safe.write(tmp_path / "b", wanted, half=True)
    assert (tmp_path / "b").stat().st_size < 0.6 * (tmp_path / "a").stat().st_size
    for name, tensor in open_checkpoint(tmp_path / "b").tensors.items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, wanted.tensors[name], rtol=1e-3, atol=1e-4)


def test_half_refuses_what_does_not_fit(tmp_path: Path) -> None:
    wanted = checkpoint()
    wanted.tensors["synthesis.b4.const"][0, 0, 0] = 1e6
    with pytest.raises(WeightsError, match=r"'synthesis.b4.const' holds values beyond float16's 65504"):
        safe.write(tmp_path / "a", wanted, half=True)


def test_a_file_without_config_is_understood_from_its_tensors(tmp_path: Path) -> None:
    tensors, config = random_state(architecture="resnet", c_dim=3)
    safetensors.torch.save_file(tensors, tmp_path / "a")
    found = open_checkpoint(tmp_path / "a")
    assert dict(found.config) == config
    assert len(found.inferred) == 4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {n: t.to(dtype) for n, t in random_state()[0].items()}
    safetensors.torch.save_file(tensors, tmp_path / "a")
    found = open_checkpoint(tmp_path / "a").tensors
    assert all(torch.equal(found[n], t.float()) for n, t in tensors.items())


def test_families_of_other_models_pass_through(tmp_path: Path) -> None:
    tensors = {"a": torch.ones(2), "steps": torch.tensor([3])}
    safe.write(tmp_path / "a", Checkpoint(tensors, {"family": "pix2pix", "layers": [1, 2]}, "", "test"))
    found = open_checkpoint(tmp_path / "a")
    assert dict(found.config) == {"family": "pix2pix", "layers": [1, 2]}
    assert found.tensors["steps"].dtype == torch.int64


def test_licence_and_origin_travel_with_the_file(tmp_path: Path) -> None:
    wanted = Checkpoint(*random_state(resolution=8), sha256="ab", source="rosinality", card={"license": "CC0"})
    safe.write(tmp_path / "a", wanted)
    assert open_checkpoint(tmp_path / "a").card == {"license": "CC0"}
    with safetensors.safe_open(tmp_path / "a", "pt") as file:
        assert file.metadata()["converted_from"] == "rosinality, sha256 ab"


def test_a_path_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        safe.write(tmp_path / "none" / "a", checkpoint())
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("z_dim", 31), ("c_dim", 2), ("w_dim", 1), ("img_resolution", 64), ("img_channels", 1), ("mapping_layers", 3),
        ("architecture", "resnet"), ("use_noise", False), ("init_res", [8, 8]), ("conv_clamp", -1),
        ("conv_clamp", True), ("num_fp16_res", 2.5), ("mapping_lr_multiplier", 0), ("mapping_lr_multiplier", None),
    ],
)  # fmt: skip
def test_a_config_that_cannot_be_true_is_refused(tmp_path: Path, key: str, value: object) -> None:
    tensors, config = random_state(resolution=16)
    metadata = {"latentart": json.dumps(config | {key: value})}
    safetensors.torch.save_file(tensors, tmp_path / "a", metadata)
    with pytest.raises(WeightsError, match=f"{key} "):
        open_checkpoint(tmp_path / "a")


def test_a_learning_rate_multiplier_is_known_by_the_weights(tmp_path: Path) -> None:
    tensors, _ = random_state()
    tensors["mapping.fc0.weight"] /= 100
    safetensors.torch.save_file(tensors, tmp_path / "a")
    assert open_checkpoint(tmp_path / "a").config["mapping_lr_multiplier"] == 1.0


def test_a_foreign_filter_is_refused(tmp_path: Path) -> None:
    tensors, _ = random_state()
    tensors["synthesis.b8.conv0.resample_filter"] = torch.ones(4, 4) / 16
    safetensors.torch.save_file(tensors, tmp_path / "a")
    with pytest.raises(WeightsError, match="not the usual"):
        open_checkpoint(tmp_path / "a")


@pytest.mark.parametrize("missing", ["mapping.fc0.weight", "synthesis.b16.conv1.weight", "synthesis.b32.torgb.weight"])
def test_a_missing_tensor_is_noticed(tmp_path: Path, missing: str) -> None:
    tensors, _ = random_state()
    del tensors[missing]
    safetensors.torch.save_file(tensors, tmp_path / "a")
    with pytest.raises(WeightsError, match="StyleGAN2 generator"):
        open_checkpoint(tmp_path / "a")
