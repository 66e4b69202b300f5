"""Pickles in NVIDIA's layout come back as the tensors and switches they were written from."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from layouts import nvidia
from layouts.random_stylegan2 import random_state

from latentart.errors import RefusedError, WeightsError
from latentart.weights.open import open_checkpoint

VARIANTS: dict[str, dict[str, Any]] = {
    "skip": {},
    "resnet": {"architecture": "resnet"},
    "orig": {"architecture": "orig"},
    "conditional": {"c_dim": 5},
    "deep-mapping": {"mapping_layers": 8},
    "grey": {"img_channels": 1},
    "rgba": {"img_channels": 4},
    "widths": {"widths": {4: 7, 8: 24, 16: 5, 32: 40}},
    "wide-picture": {"init_res": (3, 5)},
    "clamp": {"conv_clamp": 256},
    "no-noise": {"use_noise": False},
    "dims": {"z_dim": 24, "w_dim": 40},
}


def assert_same(found: Any, tensors: dict[str, torch.Tensor]) -> None:
    assert set(found) == set(tensors)
    for name, tensor in tensors.items():
        assert torch.equal(found[name], tensor), name
        assert found[name].dtype == torch.float32


@pytest.mark.parametrize("flavour", ["ada", "sg3"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_comes_back(tmp_path: Path, variant: str, flavour: str) -> None:
    tensors, config = random_state(**VARIANTS[variant])
    path = tmp_path / "net.pkl"
    nvidia.write_nvidia_pickle(path, tensors, config, flavour=flavour)
    found = open_checkpoint(path)
    assert_same(found.tensors, tensors)
    assert dict(found.config) == config
    assert (found.source, found.name, found.inferred) == ("nvidia-pickle", "net", ())


def test_embedded_source_is_not_executed(tmp_path: Path) -> None:
    os.environ.pop("LATENTART_TEST_EXECUTED", None)
    nvidia.write_nvidia_pickle(tmp_path / "net.pkl", *random_state())
    open_checkpoint(tmp_path / "net.pkl")
    assert "LATENTART_TEST_EXECUTED" not in os.environ


@pytest.mark.parametrize("keys", [("G_ema",), ("D", "G_ema"), ("G", "G_ema")])
def test_files_with_fewer_networks(tmp_path: Path, keys: tuple[str, ...]) -> None:
    tensors, config = random_state()
    nvidia.write_nvidia_pickle(tmp_path / "net.pkl", tensors, config, keys=keys)
    assert_same(open_checkpoint(tmp_path / "net.pkl").tensors, tensors)


def test_a_generator_alone_is_read(tmp_path: Path) -> None:
    tensors, config = random_state()
    nvidia.write_document(tmp_path / "net.pkl", nvidia.stylegan2(tensors, config))
    assert_same(open_checkpoint(tmp_path / "net.pkl").tensors, tensors)


def test_g_stands_in_for_g_ema_and_says_so(tmp_path: Path) -> None:
    tensors, config = random_state()
    nvidia.write_nvidia_pickle(tmp_path / "net.pkl", tensors, config, keys=("G", "D"))
    found = open_checkpoint(tmp_path / "net.pkl")
    assert torch.equal(found.tensors["mapping.w_avg"], tensors["mapping.w_avg"] + 1)
    assert any("no averaged G_ema" in line for line in found.inferred)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_is_read(tmp_path: Path, protocol: int) -> None:
    tensors, config = random_state(resolution=8)
    generator = nvidia.stylegan2(tensors, config)
    if protocol == 2:  # bytes and sets travel otherwise there: tensors cannot, so only the refusal is wanted
        nvidia.write_document(tmp_path / "net.pkl", {"G_ema": generator}, protocol=2)
        with pytest.raises(RefusedError, match="an encoding other than"):
            open_checkpoint(tmp_path / "net.pkl")
        return
    nvidia.write_document(tmp_path / "net.pkl", {"G_ema": generator}, protocol=protocol)
    assert_same(open_checkpoint(tmp_path / "net.pkl").tensors, tensors)


@pytest.mark.parametrize("half_blocks", [0, 1, 4])
def test_fp16_blocks_are_counted(tmp_path: Path, half_blocks: int) -> None:
    tensors, config = random_state()
    config["num_fp16_res"] = half_blocks
    nvidia.write_nvidia_pickle(tmp_path / "net.pkl", tensors, config)
    assert open_checkpoint(tmp_path / "net.pkl").config["num_fp16_res"] == min(half_blocks, 3)  # 4x4 never


def test_tensors_stored_as_half_are_read_as_float32(tmp_path: Path) -> None:
    tensors, config = random_state()
    half = {n: t.half() for n, t in tensors.items()}
    nvidia.write_nvidia_pickle(tmp_path / "net.pkl", half, config)
    assert_same(open_checkpoint(tmp_path / "net.pkl").tensors, {n: t.float() for n, t in half.items()})


def test_channels_last_weights_keep_their_values(tmp_path: Path) -> None:
    tensors, config = random_state()
    moved = {n: t.to(memory_format=torch.channels_last) if t.ndim == 4 else t for n, t in tensors.items()}
    nvidia.write_nvidia_pickle(tmp_path / "net.pkl", moved, config)
    found = open_checkpoint(tmp_path / "net.pkl").tensors
    assert_same(found, tensors)
    assert all(t.is_contiguous() for t in found.values())


def test_frozen_layers_keep_their_weights_as_buffers(tmp_path: Path) -> None:
    tensors, config = random_state()
    generator = nvidia.stylegan2(tensors, config)
    layer = generator.at("synthesis.b8.conv0").state
    layer["_buffers"]["weight"] = layer["_parameters"].pop("weight").detach()
    nvidia.write_document(tmp_path / "net.pkl", {"G_ema": generator})
    assert_same(open_checkpoint(tmp_path / "net.pkl").tensors, tensors)


def test_switches_come_from_keyword_arguments_when_attributes_are_gone(tmp_path: Path) -> None:
    tensors, config = random_state(conv_clamp=256)
    generator = nvidia.stylegan2(tensors, config)
    for _, module in generator.modules():
        for attribute in ("conv_clamp", "use_fp16", "architecture", "weight_gain", "bias_gain"):
            module.state.pop(attribute, None)
    nvidia.write_document(tmp_path / "net.pkl", {"G_ema": generator})
    found = open_checkpoint(tmp_path / "net.pkl")
    assert dict(found.config) == config
    assert found.inferred == ("mapping_lr_multiplier 0.01: from the size of the weights",)


def test_weight_gain_alone_gives_the_multiplier(tmp_path: Path) -> None:
    tensors, config = random_state(c_dim=3)
    generator = nvidia.stylegan2(tensors, config | {"mapping_lr_multiplier": 0.5})
    del generator.at("mapping.fc0").state["bias_gain"]
    nvidia.write_document(tmp_path / "net.pkl", {"G_ema": generator})
    assert open_checkpoint(tmp_path / "net.pkl").config["mapping_lr_multiplier"] == pytest.approx(0.5)


def test_both_spellings_of_numpys_core_are_read(tmp_path: Path) -> None:
    tensors, config = random_state(resolution=8)
    path = tmp_path / "net.pkl"
    nvidia.write_nvidia_pickle(path, tensors, config)
    raw = path.read_bytes()
    new, old = b"numpy._core.multiarray\n", b"numpy.core.multiarray\n"  # protocol 3 writes names as lines
    other = raw.replace(new, old) if new in raw else raw.replace(old, new)
    assert other != raw
    path.write_bytes(other)
    assert_same(open_checkpoint(path).tensors, tensors)


def change(path: str, **attributes: Any) -> nvidia.Network:
    generator = nvidia.stylegan2(*random_state(resolution=8))
    generator.at(path).state.update(attributes)
    return generator


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        (lambda: change("synthesis.b8.conv0", activation="relu"), r"'synthesis.b8.conv0' has activation 'relu'"),
        (lambda: change("synthesis.b8.conv0", conv_clamp=5), "its blocks differ in conv_clamp: "),
        (lambda: change("synthesis.b8", architecture="orig"), "its blocks differ in architecture: "),
        (lambda: change("", z_dim=99), "the file says z_dim '99', its tensors say '32'"),
        (lambda: nvidia.network({"a.weight": torch.ones(2)}, "Painter"), "a 'Painter': only"),
    ],
)
def test_generators_that_are_not_stylegan2_are_named(tmp_path: Path, generator: Any, message: str) -> None:
    nvidia.write_document(tmp_path / "net.pkl", {"G_ema": generator()})
    with pytest.raises(WeightsError, match=message):
        open_checkpoint(tmp_path / "net.pkl")


@pytest.mark.parametrize("document", [{"G_ema": None, "D": None}, {"a": 1}, [1, 2], 5])
def test_a_pickle_without_a_generator_says_what_it_holds(tmp_path: Path, document: object) -> None:
    (tmp_path / "net.pkl").write_bytes(pickle.dumps(document))
    with pytest.raises(WeightsError, match="a pickle without a generator"):
        open_checkpoint(tmp_path / "net.pkl")


def test_a_missing_block_is_named(tmp_path: Path) -> None:
    tensors, config = random_state()
    nvidia.write_nvidia_pickle(
        tmp_path / "net.pkl", {n: t for n, t in tensors.items() if "b16" not in n}, config, keys=("G_ema",)
    )
    with pytest.raises(WeightsError, match=r"blocks of resolution \[4, 8, 32\]"):
        open_checkpoint(tmp_path / "net.pkl")
