"""NVIDIA's own code as a judge: run only on a word of trust, elsewhere, and compared picture by picture."""

from __future__ import annotations

import os
import pickle
import sys
import types
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from layouts.random_stylegan2 import random_state

import latentart
from latentart.cli.models.weights import command
from latentart.errors import SettingsError, WeightsError
from latentart.models import original_worker
from latentart.models.original import Original, differences, open_original
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint

ROOT = Path(latentart.__file__).parents[1]
LEGACY = f"""
import os, sys
sys.path.append({str(ROOT)!r})
print("loud words on standard output")
import latentart, torch

def load_network_pkl(stream):
    G = latentart.load(stream.name, "cpu")
    if "broken" in stream.name:
        raise ValueError("no such\\nnetwork")
    plain = G.synthesis.forward
    def forward(ws, *, noise_mode, force_fp32):
        assert force_fp32
        if "dies" in stream.name:
            os._exit(3)
        if "refuses" in stream.name:
            raise RuntimeError("out of paint")
        return plain(ws, noise_mode=noise_mode) * (1.1 if "louder" in stream.name else 1)
    G.synthesis.forward = forward
    class Shown(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.G = G
        z_dim, c_dim, w_dim, num_ws = G.z_dim, G.c_dim, G.w_dim, G.num_ws
        img_resolution, img_channels = G.img_resolution, G.img_channels
        mapping = property(lambda self: self.G.mapping)
        synthesis = property(lambda self: self.G.synthesis)
    return {{"G_ema": Shown()}}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like a checkout; its `legacy` lets latentart draw, so that pictures can be the same."""
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "legacy.py").write_text(LEGACY)
    return tmp_path / "checkout"


def network(folder: Path, name: str = "net", c_dim: int = 0) -> Path:
    path = folder / f"{name}.safetensors"
    safe.write(path, Checkpoint(*random_state(resolution=8, c_dim=c_dim), "", "test"))
    return path


@pytest.fixture
def original(tmp_path: Path, checkout: Path) -> Original:
    return latentart.load(network(tmp_path, c_dim=3), "cpu", backend="nvidia", nvidia_repo=checkout, trust=True)  # type: ignore[return-value]


def test_it_draws_behind_the_contract(tmp_path: Path, original: Original) -> None:
    ours = latentart.load(tmp_path / "net.safetensors", "cpu")
    z, c = torch.randn(2, 32), torch.eye(3)[:2]
    ws = original.mapping(z, c, truncation_psi=0.5, truncation_cutoff=2)
    assert torch.allclose(ws, ours.mapping(z, c, truncation_psi=0.5, truncation_cutoff=2))
    assert torch.allclose(original.synthesis(ws, noise_mode="none"), ours.synthesis(ws, noise_mode="none"))
    assert (original.num_ws, original.img_size, original.c_dim) == (ours.num_ws, ours.img_size, 3)
    assert torch.allclose(original.w_avg, ours.w_avg)
    assert differences(ours, original, [0, 1])["relative"] < 1e-6
    original.close()


def test_nothing_of_it_is_imported_here(original: Original) -> None:
    assert "legacy" not in sys.modules
    assert original.synthesis.process.process.pid != os.getpid()
    original.close()
    assert original.synthesis.process.process.poll() is not None


def test_without_trust_nothing_runs(tmp_path: Path, checkout: Path) -> None:
    (checkout / "legacy.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(SettingsError, match="with your rights: add --trust"):
        latentart.load(network(tmp_path), "cpu", backend="nvidia", nvidia_repo=checkout)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(WeightsError):
        open_original(network(tmp_path), checkout, trust=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("where", [None, "nowhere"])
def test_without_a_checkout_it_says_what_is_wanted(tmp_path: Path, where: str | None) -> None:
    with pytest.raises(SettingsError, match="a checkout of stylegan2-ada-pytorch or stylegan3"):
        open_original(network(tmp_path), where and tmp_path / where, trust=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken", "the original says: ValueError: no such network"),
        ("refuses", "the original says: RuntimeError: out of paint"),
        ("dies", "ended without an answer"),
    ],
)
def test_what_goes_wrong_there_is_one_line_here(tmp_path: Path, checkout: Path, name: str, words: str) -> None:
    def draw() -> None:
        G = open_original(network(tmp_path, name), checkout, trust=True)
        G.synthesis(G.mapping(torch.randn(1, 32)))

    with pytest.raises(WeightsError, match=words) as error:
        draw()
    assert "\n" not in str(error.value)


def test_gradients_and_own_noise_are_refused(original: Original) -> None:
    ws = original.mapping(torch.randn(1, 32), torch.eye(3)[:1])
    with pytest.raises(SettingsError, match="gives no gradients"):
        original.synthesis(ws.requires_grad_())
    with pytest.raises(SettingsError, match="takes no noise maps"):
        original.synthesis(ws.detach(), noise={"b4.conv1": torch.zeros(4, 4)})
    with pytest.raises(SettingsError, match="3 classes"):
        original.mapping(torch.randn(1, 32))
    original.close()


def test_the_command_reports_the_difference(tmp_path: Path, checkout: Path) -> None:
    for name, exit_code, words in (("net", 0, "the same pictures"), ("louder", 1, "relative error 9.1e-02")):
        asked = ["verify", str(network(tmp_path, name)), "--nvidia-repo", str(checkout), "--trust", "--seeds", "0-1"]
        done = CliRunner().invoke(command, asked)
        assert words in done.output + str(done.exception), done.output
        assert (done.exit_code == 0) == (exit_code == 0)


def test_unknown_backends_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="backend 'nvida'"):
        latentart.load(network(tmp_path), backend="nvida")


@pytest.mark.parametrize("error", [AssertionError(), KeyError("G")])
def test_files_with_the_average_alone_are_opened_as_a_pickle(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NVIDIA's own loader wants G and D beside G_ema, which shared files leave out."""

    def refuses(_: object) -> None:
        raise error

    monkeypatch.setitem(sys.modules, "legacy", types.SimpleNamespace(load_network_pkl=refuses))
    (tmp_path / "net.pkl").write_bytes(pickle.dumps({"G_ema": 5}))
    assert original_worker._networks(str(tmp_path / "net.pkl")) == {"G_ema": 5}
