"""What is written for other programs draws the same pictures there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from layouts import arbitrary, pix2pix
from layouts.random_stylegan2 import random_state

from latentart.errors import LatentartError, SettingsError
from latentart.exports import onnx as to_onnx
from latentart.exports import pict, verify
from latentart.exports.export import export, formats
from latentart.training import nets
from latentart.translators.load import load_translator
from latentart.translators.style import fast_style
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.open import open_file


def fast_file(path: Path, **switches: str) -> Path:
    """A small random fast style network as our safetensors."""
    shape = {"bias": False, "last_norm": True} if switches else {}
    config = fast_style.Config((4, 6, 8), 5, **switches, **shape, eps=1e-3)
    torch.manual_seed(0)
    tensors = {name: torch.randn(t.shape) * 0.2 for name, t in fast_style.FastStyle(config).state_dict().items()}
    stated = {"family": fast_style.FAMILY, "eps": 1e-3, **switches}
    safe.write(path, Checkpoint(tensors, stated, "", "random", path.stem))
    return path


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export("mosaic26", tmp_path_factory.mktemp("onnx") / "mosaic26.onnx").path


def test_formats_are_files_of_the_folder() -> None:
    assert {"onnx", "ml5"} <= formats().keys()


def test_a_translator_runs_in_onnxruntime_at_another_size(mosaic: Path) -> None:
    session = onnxruntime.InferenceSession(str(mosaic), providers=["CPUExecutionProvider"])
    img, style = torch.rand(1, 3, 36, 52) * 2 - 1, torch.eye(26)[3]
    made = session.run(None, {"img": img.numpy(), "style": style.numpy()})[0]
    with torch.no_grad():
        wanted = load_translator("mosaic26", "cpu")(img, style=style)
    assert np.abs(made - wanted.numpy()).max() / 2 < 1e-3


def test_the_file_says_what_a_player_has_to_know(mosaic: Path) -> None:
    metadata = {entry.key: entry.value for entry in onnx.load(str(mosaic)).metadata_props}
    facts = json.loads(metadata["latentart"])
    assert (facts["kind"], facts["multiple"], len(facts["styles"])) == ("translator", 4, 26)
    assert "Apache" in facts["licence"]


def test_files_name_no_folder_of_the_machine_that_wrote_them(mosaic: Path) -> None:
    shipped = Path(__file__).parents[2] / "sketches/own/mosaic26.onnx"
    for file in (mosaic, shipped):
        found = onnx.load(str(file))
        assert [entry.key for entry in found.metadata_props] == ["latentart"]
        assert not re.search(rb"\.py\W", file.read_bytes()), file


def test_a_generator_takes_z_psi_and_class(tmp_path: Path) -> None:
    tensors, config = random_state(resolution=16, z_dim=8, w_dim=8, c_dim=3)
    safe.write(tmp_path / "tiny.safetensors", Checkpoint(tensors, config, "", "random", "tiny"))
    made = export(tmp_path / "tiny.safetensors", tmp_path / "tiny.onnx")
    assert made.difference < 1e-3
    session = onnxruntime.InferenceSession(str(made.path), providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["z", "psi", "c"]


def test_ml5_round_trip(tmp_path: Path) -> None:
    source = fast_file(tmp_path / "source.safetensors", **fast_style.ML5)
    made = export(source, tmp_path / "made", "ml5")
    assert made.difference == 0
    manifest = json.loads((made.path / "manifest.json").read_text())
    assert {p.name for p in made.path.iterdir()} == {*manifest, "manifest.json"}
    assert manifest["Variable"] == {"filename": "Variable", "shape": [9, 9, 3, 4]}
    assert len(manifest) == 48
    with pytest.raises(LatentartError, match="exists already"):
        export(source, made.path, "ml5")


def test_pict_round_trip(tmp_path: Path) -> None:
    state = pix2pix.tensorflow_state()
    np.savez(tmp_path / "net.npz", **{name: t.numpy() for name, t in state.items()})
    made = export(tmp_path / "net.npz", tmp_path / "net.pict", "pict")
    assert 0 < made.difference < 0.1
    copy = export(made.path, tmp_path / "again.pict", "pict")
    assert copy.difference == 0
    before, after = (open_file(path).groups[""] for path in (made.path, copy.path))
    assert before.keys() == state.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_index_is_nearer_than_a_logarithmic_one() -> None:
    values = np.random.RandomState(0).randn(100_000).astype(np.float32) * 0.02
    index = pict.fitted(values)
    assert len(index) <= 256
    assert np.array_equal(index, np.sort(index))
    scale = np.linspace(-1, 1, 256)
    fixed = (np.sign(scale) * (256 ** np.abs(scale) - 1) / 255 * np.abs(values).max()).astype(np.float32)
    ours, theirs = (np.square(levels[pict.nearest(values, levels)] - values).mean() for levels in (index, fixed))
    assert ours < theirs / 2
    few = np.array([3, 1, 1, 2], np.float32)
    assert pict.fitted(few).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("network", "to", "says"),
    [
        ("mosaic26", "onyx", "unknown export format 'onyx': did you mean onnx"),
        ("mosaic26", "pict", "a .pict holds affinelayer's pix2pix"),
        ("mosaic26", "ml5", "ml5 plays fast style networks only"),
        ("mosaik26", "onnx", "unknown translator 'mosaik26'"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, network: str, to: str, says: str) -> None:
    with pytest.raises(LatentartError, match=says):
        export(network, tmp_path / "out", to)
    assert list(tmp_path.iterdir()) == []


def test_a_network_trained_for_ml5_can_be_written_for_it(tmp_path: Path) -> None:
    T = nets.fresh_style(4, "ml5")
    safe.write(tmp_path / "mine.safetensors", nets.checkpoint("style", T, T.state_dict()))
    assert export(tmp_path / "mine.safetensors", tmp_path / "ml5", "ml5").difference == 0


def test_another_layout_is_refused_for_ml5(tmp_path: Path) -> None:
    file = fast_file(tmp_path / "candy.safetensors")
    with pytest.raises(LatentartError, match=r"not of ml5's layout \(border .*--to onnx"):
        export(file, tmp_path / "out", "ml5")


def test_a_file_that_draws_something_else_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fast_file(tmp_path / "source.safetensors", **fast_style.ML5)
    monkeypatch.setattr(verify, "difference", lambda *paths: float("nan"))
    with pytest.raises(LatentartError, match="would draw other pictures"):
        export(source, tmp_path / "out", "ml5")
    assert [p.name for p in tmp_path.iterdir()] == ["source.safetensors"]


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_onnx, "find_spec", lambda name: None)
    with pytest.raises(LatentartError, match=r"needs onnx, onnxscript, onnxruntime: pip install 'latentart\[export\]'"):
        export("mosaic26", tmp_path / "a.onnx")


def test_a_network_that_onnx_has_no_operation_for_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "wct").mkdir()
    arbitrary.save(tmp_path / "wct", arbitrary.wct_files(*arbitrary.wct((1,))))
    with pytest.raises(SettingsError, match=r"a network of wct needs .* ONNX does not have"):
        export(tmp_path / "wct", tmp_path / "wct.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["wct"]
