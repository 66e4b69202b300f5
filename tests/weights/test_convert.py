"""Conversion: any readable checkpoint becomes our format, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from layouts.nvidia import write_nvidia_pickle
from layouts.random_stylegan2 import random_state
from layouts.rosinality import write_rosinality

from latentart.errors import TargetError, WeightsError
from latentart.weights import convert as convert_module
from latentart.weights import safe
from latentart.weights.convert import convert
from latentart.weights.open import open_checkpoint


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("layout", ["nvidia", "rosinality"])
def test_the_same_weights_come_out(tmp_path: Path, layout: str, half: bool) -> None:
    tensors, config = random_state(resolution=16)
    if layout == "nvidia":
        write_nvidia_pickle(tmp_path / "in", tensors, config)
    else:
        write_rosinality(tmp_path / "in", tensors, latent_avg=False)
    before, after = open_checkpoint(tmp_path / "in"), convert(tmp_path / "in", tmp_path / "out", half=half)
    assert after.source == "safetensors"
    assert dict(after.config) == dict(before.config)
    for name, tensor in before.tensors.items():
        exact = tensor.half().float() if half and tensor.ndim >= 2 else tensor
        assert torch.equal(after.tensors[name], exact)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"]


def test_an_existing_target_is_kept_unless_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"precious")
    with pytest.raises(TargetError, match="exists already"):
        convert("glyphs-64", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"precious"
    assert convert("glyphs-64", tmp_path / "out", overwrite=True).config["c_dim"] == 62


def test_a_file_can_replace_itself(tmp_path: Path) -> None:
    tensors, config = random_state(resolution=16)
    write_nvidia_pickle(tmp_path / "net", tensors, config)
    assert torch.equal(
        convert(tmp_path / "net", tmp_path / "net", overwrite=True).tensors["synthesis.b4.const"],
        tensors["synthesis.b4.const"],
    )


@pytest.mark.parametrize("target", ["", "none/out"])
def test_a_target_that_cannot_be_is_said_first(tmp_path: Path, target: str) -> None:
    with pytest.raises(TargetError, match="cannot write"):
        convert("glyphs-64", tmp_path / target)


def test_a_disk_that_changes_bytes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = safe.write

    def failing(path: Path, checkpoint: object, *, half: bool = False) -> None:
        write(path, checkpoint, half=half)  # type: ignore[arg-type]
        content = bytearray(path.read_bytes())
        content[-3] ^= 0x40
        path.write_bytes(content)

    monkeypatch.setattr(convert_module.safe, "write", failing)
    with pytest.raises(WeightsError, match="came back changed"):
        convert("glyphs-64", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert_module.safe, "write", full)
    with pytest.raises(TargetError, match="no room left"):
        convert("glyphs-64", tmp_path / "out")
    assert not list(tmp_path.iterdir())
