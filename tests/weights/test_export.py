"""What is written for others reads as it was, and has the names their networks load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from layouts import random_stylegan3, rosinality
from layouts.random_stylegan2 import random_state

from latentart.cli.models.weights import command
from latentart.errors import SettingsError, TargetError, WeightsError
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.export import export
from latentart.weights.open import open_checkpoint


def ours(path: Path, tensors: dict[str, torch.Tensor], config: dict[str, Any]) -> Path:
    safe.write(path, Checkpoint(tensors, config, "", "test"))
    return path


WIDE = {4: 512, 8: 512, 16: 512}
"""What rosinality's Generator builds, whatever it is asked for."""


@pytest.mark.parametrize("shape", [{"resolution": 16}, {"resolution": 8, "mapping_layers": 8}])
def test_rosinality_names_are_those_its_network_has(tmp_path: Path, shape: dict[str, Any]) -> None:
    tensors, config = random_state(widths={r: w for r, w in WIDE.items() if r <= shape["resolution"]}, **shape)
    found = export(ours(tmp_path / "a.safetensors", tensors, config), tmp_path / "b.pt", "rosinality")
    assert found.source == "rosinality"
    rosinality.write_rosinality(tmp_path / "c.pt", tensors)
    written, wanted = (torch.load(tmp_path / f"{n}.pt", weights_only=True) for n in "bc")
    assert set(written["g_ema"]) == set(wanted["g_ema"])
    assert all(torch.equal(written["g_ema"][n], t) for n, t in wanted["g_ema"].items())
    assert torch.equal(written["latent_avg"], tensors["mapping.w_avg"])


def test_filters_that_a_file_leaves_out_are_written(tmp_path: Path) -> None:
    tensors, config = random_state(architecture="resnet")
    bare = {n: t for n, t in tensors.items() if not n.endswith("resample_filter")}
    export(ours(tmp_path / "a.safetensors", bare, config), tmp_path / "b.pt", "nvidia")
    written = torch.load(tmp_path / "b.pt", weights_only=True)
    assert set(written["G_ema"]) == set(tensors)
    assert all(torch.equal(written["G_ema"][n], t) for n, t in tensors.items())
    assert written["init_kwargs"]["img_resolution"] == 32


def test_stylegan3_in_nvidias_layout(tmp_path: Path) -> None:
    tensors, config = random_stylegan3.random_state(resolution=16)
    found = export(ours(tmp_path / "a.safetensors", tensors, config), tmp_path / "b.pt", "nvidia")
    assert (found.source, found.config["family"]) == ("torch-state", "stylegan3")
    assert set(torch.load(tmp_path / "b.pt", weights_only=True)["G_ema"]) == set(tensors)


@pytest.mark.parametrize(
    ("shape", "layout", "words"),
    [
        ({"c_dim": 3}, "rosinality", "has c_dim 3, rosinality's network only 0: use --to nvidia"),
        ({"architecture": "resnet"}, "rosinality", "has architecture 'resnet'"),
        ({"init_res": (3, 5)}, "rosinality", r"has init_res \[3, 5\]"),
        ({"z_dim": 8, "resolution": 4, "widths": {4: 512}}, "rosinality", "has z_dim 8 and w_dim 32"),
        ({"resolution": 8}, "rosinality", "has widths 32, 32, rosinality's Generator builds only 512, 512: use"),
        ({"resolution": 8, "widths": {4: 512, 8: 256}}, "rosinality", "has widths 512, 256, rosinality"),
    ],
)
def test_what_a_layout_cannot_hold_is_named(tmp_path: Path, shape: dict[str, Any], layout: str, words: str) -> None:
    source = ours(tmp_path / "a.safetensors", *random_state(**shape))
    with pytest.raises(WeightsError, match=words):
        export(source, tmp_path / "b.pt", layout)
    assert not (tmp_path / "b.pt").exists()


def test_targets_are_kept_and_layouts_known(tmp_path: Path) -> None:
    source = ours(tmp_path / "a.safetensors", *random_state(resolution=8))
    (tmp_path / "b.pt").write_text("mine")
    with pytest.raises(TargetError):
        export(source, tmp_path / "b.pt", "nvidia")
    with pytest.raises(SettingsError, match="rosinality"):
        export(source, tmp_path / "c.pt", "rosinalty")


def test_the_command_writes_the_layout_asked_for(tmp_path: Path) -> None:
    source = ours(tmp_path / "a.safetensors", *random_state(resolution=8, widths={4: 512, 8: 512}))
    done = CliRunner().invoke(command, ["convert", str(source), str(tmp_path / "b.pt"), "--to", "rosinality"])
    assert done.exit_code == 0, done.output
    assert open_checkpoint(tmp_path / "b.pt").source == "rosinality"
