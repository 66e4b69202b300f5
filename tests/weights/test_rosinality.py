"""rosinality's .pt files come back under NVIDIA's names, value by value."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
from layouts.random_stylegan2 import random_state
from layouts.rosinality import write_rosinality

from latentart.errors import WeightsError
from latentart.weights.open import open_checkpoint


def expected(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Filters of layers that do not resample are not in these files."""
    return {n: t for n, t in tensors.items() if not n.endswith(("conv1.resample_filter", "b4.resample_filter"))}


def assert_same(found: Any, wanted: dict[str, torch.Tensor]) -> None:
    assert set(found) == set(wanted)
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("resolution", [8, 64])
def test_every_tensor_comes_back(tmp_path: Path, resolution: int, training: bool, legacy: bool) -> None:
    tensors, config = random_state(resolution=resolution, mapping_layers=8)
    write_rosinality(tmp_path / "550000.pt", tensors, training=training, legacy=legacy)
    found = open_checkpoint(tmp_path / "550000.pt")
    assert_same(found.tensors, expected(tensors))
    assert dict(found.config) == config
    assert found.source == "rosinality"
    assert any("architecture 'skip'" in line for line in found.inferred)


def test_without_latent_avg_the_model_is_told_to_sample_it(tmp_path: Path) -> None:
    tensors, _ = random_state()
    write_rosinality(tmp_path / "g.pt", tensors, latent_avg=False)
    found = open_checkpoint(tmp_path / "g.pt")
    assert found.config["w_avg_samples"] == 10_000
    assert "mapping.w_avg" not in found.tensors
    assert any("w_avg: not in the file" in line for line in found.inferred)


@pytest.mark.parametrize("shape", [(1, 32), (8, 32)])
def test_latent_avg_of_any_shape(tmp_path: Path, shape: tuple[int, int]) -> None:
    tensors, _ = random_state()
    w_avg = tensors["mapping.w_avg"]
    write_rosinality(tmp_path / "g.pt", tensors | {"mapping.w_avg": w_avg.expand(shape).contiguous()})
    torch.testing.assert_close(open_checkpoint(tmp_path / "g.pt").tensors["mapping.w_avg"], w_avg)


def test_decoders_of_encoders_are_read(tmp_path: Path) -> None:
    tensors, _ = random_state()
    write_rosinality(tmp_path / "psp.pt", tensors, decoder=True)
    found = open_checkpoint(tmp_path / "psp.pt")
    assert_same(found.tensors, expected(tensors))
    assert any("no averaged g_ema" in line for line in found.inferred)


def test_a_bare_state_dict_is_read(tmp_path: Path) -> None:
    tensors, _ = random_state()
    write_rosinality(tmp_path / "a.pt", tensors, latent_avg=False)
    torch.save(torch.load(tmp_path / "a.pt", weights_only=True)["g_ema"], tmp_path / "b.pt")
    assert set(open_checkpoint(tmp_path / "b.pt").tensors) == set(expected(tensors)) - {"mapping.w_avg"}


def test_missing_noise_maps_are_drawn_and_said(tmp_path: Path) -> None:
    tensors, _ = random_state(resolution=16)
    write_rosinality(tmp_path / "g.pt", tensors, noises=False)
    found = open_checkpoint(tmp_path / "g.pt")
    assert found.tensors["synthesis.b16.conv0.noise_const"].shape == (16, 16)
    assert any("noise_const of 5 layers" in line for line in found.inferred)
    again = open_checkpoint(tmp_path / "g.pt")
    assert torch.equal(
        found.tensors["synthesis.b16.conv0.noise_const"], again.tensors["synthesis.b16.conv0.noise_const"]
    )


def test_swagan_is_refused_by_name(tmp_path: Path) -> None:
    torch.save(
        {"g_ema": {"input.input": torch.ones(1, 4, 4, 4), "to_rgbs.0.iwt.ll": torch.ones(2, 2)}}, tmp_path / "s.pt"
    )
    with pytest.raises(WeightsError, match="a SWAGAN"):
        open_checkpoint(tmp_path / "s.pt")


def test_a_foreign_tensor_is_named(tmp_path: Path) -> None:
    torch.save({"g_ema": {"input.input": torch.ones(1, 4, 4, 4), "attention.q": torch.ones(2, 2)}}, tmp_path / "s.pt")
    with pytest.raises(WeightsError, match=r"tensor 'attention.q' is not one of rosinality's"):
        open_checkpoint(tmp_path / "s.pt")


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_files_under_nvidias_names_are_read(tmp_path: Path, legacy: bool) -> None:
    tensors, config = random_state(architecture="resnet", c_dim=3)
    torch.save({"G_ema": tensors}, tmp_path / "net.pt", _use_new_zipfile_serialization=not legacy)
    found = open_checkpoint(tmp_path / "net.pt")
    assert_same(found.tensors, tensors)
    assert dict(found.config) == config
    assert found.source == "torch-state"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {n: t.to(dtype) for n, t in random_state()[0].items()}
    torch.save(tensors, tmp_path / "net.pt")
    assert_same(open_checkpoint(tmp_path / "net.pt").tensors, {n: t.float() for n, t in tensors.items()})


def test_averages_by_another_name_come_first(tmp_path: Path) -> None:
    write_rosinality(tmp_path / "g.pt", random_state()[0], training=True)
    with torch.serialization.safe_globals([argparse.Namespace]):
        document = torch.load(tmp_path / "g.pt", weights_only=True)
    document["params"], document["params_ema"] = document.pop("g"), document.pop("g_ema")
    torch.save(document, tmp_path / "renamed.pt")
    found = open_checkpoint(tmp_path / "renamed.pt")
    assert_same(found.tensors, dict(open_checkpoint(tmp_path / "g.pt").tensors))
    assert not any("no averaged" in line for line in found.inferred)
