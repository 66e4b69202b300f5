"""Configs of networks from files: checked, and those of earlier versions complete themselves."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from latentart.errors import WeightsError
from latentart.training import nets
from latentart.translators.load import load_translator
from latentart.weights import safe


def written(path: Path, without: tuple[str, ...] = (), kind: str = "unet", **changes: Any) -> Path:
    """A fresh network's own file, its config without some keys and with others."""
    torch.manual_seed(0)
    net = nets.fresh(kind, 4, 32)
    found = nets.checkpoint(kind, net, net.state_dict())
    config = {key: value for key, value in found.config.items() if key not in without} | changes
    safe.write(path / "net.safetensors", dataclasses.replace(found, config=config))
    return path / "net.safetensors"


@pytest.mark.parametrize(
    ("kind", "field"), [("unet", "eps"), ("unet", "innermost_norm"), ("unet", "dropout"), ("resnet", "dropout")]
)
def test_a_file_from_before_a_field_draws_as_with_its_default(tmp_path: Path, kind: str, field: str) -> None:
    img = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    (tmp_path / "old").mkdir()
    old = load_translator(written(tmp_path / "old", (field,), kind), "cpu")
    now = load_translator(written(tmp_path, kind=kind), "cpu")
    assert torch.equal(old.translate(img), now.translate(img))


def test_what_has_no_default_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="the config of a U-Net does not say its norm"):
        load_translator(written(tmp_path, ("norm",)), "cpu")


def test_a_setting_that_no_such_network_has_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="unknown setting in the config of a U-Net 'epps': did you mean eps"):
        load_translator(written(tmp_path, epps=1e-5), "cpu")


@pytest.mark.parametrize("value", [None, "x" * 9000, [], 0, -1.0, {"a": 1}])
def test_a_value_that_makes_no_sense_is_one_line(tmp_path: Path, value: Any) -> None:
    with pytest.raises(WeightsError, match="makes no sense in the config of a U-Net") as raised:
        load_translator(written(tmp_path, eps=value), "cpu")
    assert len(str(raised.value)) < 300
