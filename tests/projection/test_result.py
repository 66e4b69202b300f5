"""Bundles: what is saved renders again, other checkpoints and damaged files are told apart."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tiny

from latentart.errors import TargetError, WeightsError
from latentart.latent import saved
from latentart.models.base import Generator
from latentart.projection import result
from latentart.projection.result import Projection
from latentart.projection.search import tune


def settings(G: Generator) -> dict[str, object]:
    return {"checkpoint": {"name": G.name, "family": G.family, "sha256": G.sha256}, "projection": {"seed": 3}}


@pytest.fixture
def full(G: Generator) -> Projection:
    """Code, noise and a weight change, all far from the generator's own."""
    rng = torch.Generator().manual_seed(1)
    ws = torch.randn(1, G.num_ws, G.w_dim, generator=rng)
    noise = {name: torch.randn(1, 1, *size, generator=rng) for name, size in G.noise_shapes.items()}
    delta = tune.start(tune.tunable(G), 4, 0)
    delta = {name: value + 0.3 * torch.randn(value.shape, generator=rng) for name, value in delta.items()}
    return Projection(ws, noise, delta, settings(G))


def test_a_bundle_renders_the_same_picture(full: Projection, G: Generator, tmp_path: Path) -> None:
    again = result.load(result.save(full, tmp_path / "a.npz"), G)
    assert (again.render(G) - full.render(G)).abs().max() * 127.5 <= 1
    assert again.settings == full.settings


def test_each_part_of_a_bundle_matters(full: Projection, G: Generator) -> None:
    whole = full.render(G)
    for less in (Projection(full.ws, {}, full.delta), Projection(full.ws, full.noise, {})):
        assert (less.render(G) - whole).abs().max() > 0.05


def test_other_tools_find_w(full: Projection, G: Generator, tmp_path: Path) -> None:
    path = result.save(full, tmp_path / "a.npz")
    with np.load(path, allow_pickle=False) as found:
        assert found["w"].shape == (1, G.num_ws, G.w_dim)
        assert found["w"].dtype == np.float32
    assert saved.read(path, G.num_ws, G.w_dim).shape == (1, G.num_ws, G.w_dim)


def test_another_checkpoint_is_refused(full: Projection, G: Generator, tmp_path: Path) -> None:
    path = result.save(full, tmp_path / "a.npz")
    other = tiny("other")
    other.sha256 = "f" * 64
    with pytest.raises(WeightsError, match=r"made with 'tiny', sha256 '0+', not with 'other', 'f+'"):
        result.load(path, other)


def test_damaged_files_are_said_to_be_so(full: Projection, tmp_path: Path) -> None:
    path = result.save(full, tmp_path / "a.npz")
    cut = tmp_path / "cut.npz"
    cut.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="cannot read projection"):
        result.load(cut)
    np.savez(tmp_path / "b.npz", w=np.zeros((1, 2, 3)))
    with pytest.raises(WeightsError, match="needs the arrays 'w' and 'settings'"):
        result.load(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", w=np.zeros((1, 2, 3)), settings=np.array("{"))
    with pytest.raises(WeightsError, match="damaged"):
        result.load(tmp_path / "c.npz")
    with pytest.raises(WeightsError, match="No such file"):
        result.load(tmp_path / "none.npz")


def test_pickled_objects_are_never_read(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("w.npy", stream.getvalue())
    with pytest.raises(WeightsError, match="cannot read"):
        result.load(tmp_path / "a.npz")


def test_a_bundle_appears_whole_or_not_at_all(full: Projection, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no folder"):
        result.save(full, tmp_path / "x" / "a.npz")
    broken = Projection(full.ws, settings={"projection": {1, 2}})
    with pytest.raises(TypeError):
        result.save(broken, tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


def test_the_settings_are_json(full: Projection, tmp_path: Path) -> None:
    with np.load(result.save(full, tmp_path / "a.npz")) as found:
        assert json.loads(str(found["settings"]))["projection"] == {"seed": 3}


def test_tuning_by_half_lies_between(full: Projection, G: Generator) -> None:
    weights = dict(G.synthesis.named_parameters())
    half, whole = (dict(tune.tuned(G, full.delta, s).synthesis.named_parameters()) for s in (0.5, 1.0))
    name = "b8.conv0.weight"
    torch.testing.assert_close(half[name], (weights[name] + whole[name]) / 2)
    assert not torch.equal(whole[name], weights[name])
