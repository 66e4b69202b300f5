"""Torch files as other projects wrote them: by Python 2, with settings objects, with whole networks inside."""

from __future__ import annotations

import pickle
import pickletools
import sys
import types
from pathlib import Path

import pytest
import torch
from layouts import nvidia, progan, python2
from layouts.random_stylegan2 import random_state

from latentart.errors import WeightsError
from latentart.models.load import load
from latentart.weights.open import open_checkpoint


def opcodes(path: Path) -> set[str]:
    """Names of the instructions of a torch file's third pickle, the object itself."""
    found: set[str] = set()
    with path.open("rb") as file:
        for _ in range(4):
            found |= {opcode.name for opcode, _, _ in pickletools.genops(file)}
    return found


def test_files_of_python_2_are_read(tmp_path: Path) -> None:
    state = progan.random_port("zoo")
    document = {"netG": torch.nn.Module().state_dict() | state, "config": {"alpha": 0.0}}
    python2.save(document, tmp_path / "old.pth")
    torch.save(document, tmp_path / "new.pth")
    assert {"SHORT_BINSTRING", "REDUCE"} <= opcodes(tmp_path / "old.pth")
    old, new = (open_checkpoint(tmp_path / f"{name}.pth") for name in ("old", "new"))
    assert old.config == new.config
    assert all(torch.equal(old.tensors[name], tensor) for name, tensor in new.tensors.items())


class BaseConfig:
    """pytorch_GAN_zoo's settings: any attributes."""


def test_the_settings_object_of_the_zoo_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("models.utils.config")
    module.__dict__["BaseConfig"] = BaseConfig
    for name in ("models", "models.utils"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "models.utils.config", module)
    monkeypatch.setattr(BaseConfig, "__module__", "models.utils.config")
    config = BaseConfig()
    config.__dict__.update(alpha=0, depthOtherScales=[8, 6, 4], attribKeysOrder=None, lossCriterion="WGANGP")
    document = {"config": config, "netG": progan.random_port("zoo"), "tmp": config}
    for legacy in (False, True):
        torch.save(document, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
        assert open_checkpoint(tmp_path / "a.pt").config["family"] == "progan"


@pytest.mark.parametrize("wrap", [lambda G: G, lambda G: {"G_ema": G}, lambda G: {"G": G, "training_set_kwargs": {}}])
@pytest.mark.parametrize("legacy", [False, True])
def test_whole_networks_of_nvidia_in_torch_files_are_read(wrap, legacy: bool, tmp_path: Path) -> None:
    tensors, config = random_state(resolution=8)
    with nvidia.stand_ins():
        document = wrap(nvidia.stylegan2(tensors, config))
        torch.save(document, tmp_path / "model_ABC_name.pt", _use_new_zipfile_serialization=not legacy)
    found = open_checkpoint(tmp_path / "model_ABC_name.pt")
    assert found.config["family"] == "stylegan2"
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in tensors.items())
    assert load(tmp_path / "model_ABC_name.pt", "cpu").img_size == (8, 8)


def test_r3gan_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its networks are plain modules of torch in a pickle of NVIDIA's kind."""
    for place in ("training", "training.networks", "R3GAN", "R3GAN.Networks"):
        monkeypatch.setitem(sys.modules, place, types.ModuleType(place))
    outer = type("Generator", (torch.nn.Module,), {"__module__": "training.networks"})
    inner = type("Generator", (torch.nn.Module,), {"__module__": "R3GAN.Networks"})
    sys.modules["training.networks"].__dict__["Generator"] = outer
    sys.modules["R3GAN.Networks"].__dict__["Generator"] = inner
    G = outer()
    G.Model = inner()
    G.Model.Layer, G.Model.DataType = torch.nn.Conv2d(3, 3, 1), torch.bfloat16
    (tmp_path / "net.pkl").write_bytes(pickle.dumps({"G_ema": G}))
    with pytest.raises(WeightsError, match="its generator is a R3GAN"):
        open_checkpoint(tmp_path / "net.pkl")
