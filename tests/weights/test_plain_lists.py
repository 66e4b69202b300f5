"""Folders with a list in JSON: ml5's manifest and TensorFlow.js's model.json. What a list claims is not believed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentart.errors import LatentartError, WeightsError
from latentart.weights.containers import raw
from latentart.weights.open import open_file

KERNEL = np.arange(24, dtype="<f4").reshape(2, 3, 2, 2) / 7


def ml5(folder: Path, entry: Any, data: bytes = KERNEL.tobytes()) -> Path:
    """A folder of one variable."""
    (folder / "Variable").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps({"Variable": entry}))
    return folder


def tfjs(folder: Path, weights: list[dict[str, Any]], shards: dict[str, bytes], **more: Any) -> Path:
    """A model of one group."""
    for name, data in shards.items():
        (folder / name).write_bytes(data)
    group = {"paths": list(shards), "weights": weights, **more}
    (folder / "model.json").write_text(json.dumps({"modelTopology": {}, "weightsManifest": [group]}))
    return folder


def test_a_folder_of_ml5(tmp_path: Path) -> None:
    found = open_file(ml5(tmp_path, {"filename": "Variable", "shape": [2, 3, 2, 2]}))
    assert found.source == "ml5 folder"
    np.testing.assert_array_equal(found.groups[""]["Variable"].numpy(), KERNEL)


@pytest.mark.parametrize("by_file", [True, False])
def test_a_model_in_shards_that_cut_a_tensor(by_file: bool, tmp_path: Path) -> None:
    ints = np.array([[3, -4]], "<i4")
    data = KERNEL.tobytes() + ints.tobytes()
    weights = [
        {"name": "a/kernel", "shape": [2, 3, 2, 2], "dtype": "float32"},
        {"name": "a/count", "shape": [1, 2], "dtype": "int32"},
    ]
    folder = tfjs(tmp_path, weights, {"group1-shard1of2": data[:30], "group1-shard2of2": data[30:]})
    found = open_file(folder / "model.json" if by_file else folder)
    assert found.source == "tfjs model"
    np.testing.assert_array_equal(found.groups[""]["a/kernel"].numpy(), KERNEL)
    np.testing.assert_array_equal(found.groups[""]["a/count"].numpy(), ints)


@pytest.mark.parametrize(("kind", "numpy"), [("uint8", "|u1"), ("uint16", "<u2")])
def test_codes_become_numbers(kind: str, numpy: str, tmp_path: Path) -> None:
    """value = q * scale + min, as the format says."""
    codes = np.array([0, 1, 200, np.iinfo(numpy).max], numpy)
    weight = {"name": "w", "shape": [4], "dtype": "float32"}
    weight |= {"quantization": {"dtype": kind, "scale": 0.03125, "min": -1.5}}
    values = open_file(tfjs(tmp_path, [weight], {"s": codes.tobytes()})).groups[""]["w"]
    assert values.dtype == torch.float32
    np.testing.assert_allclose(values.numpy(), codes.astype(float) * 0.03125 - 1.5, rtol=1e-7)


def test_half_precision_becomes_single(tmp_path: Path) -> None:
    halves = np.array([1.5, -2.25, 0], "<f2")
    weight = {"name": "w", "shape": [3], "dtype": "float32", "quantization": {"dtype": "float16"}}
    values = open_file(tfjs(tmp_path, [weight], {"s": halves.tobytes()})).groups[""]["w"]
    assert values.dtype == torch.float32
    assert values.tolist() == [1.5, -2.25, 0]


GOOD = {"filename": "Variable", "shape": [2, 3, 2, 2]}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**GOOD, "shape": [2, 3, 2]}, "needs 48 bytes and has 96"),
        ({**GOOD, "shape": [2**20, 2**20]}, "needs 4398046511104 bytes and has 96"),
        ({**GOOD, "shape": [2**50]}, "of shape"),
        ({**GOOD, "shape": [-2, -12]}, "of shape"),
        ({**GOOD, "shape": [2.0, 12]}, "of shape"),
        ({**GOOD, "shape": [True, 24]}, "of shape"),
        ({**GOOD, "shape": "24"}, "of shape"),
        ({**GOOD, "shape": [1] * 9}, "of shape"),
        ({**GOOD, "shape": None}, "of shape"),
        ({**GOOD, "filename": "../secret"}, "only plain names"),
        ({**GOOD, "filename": "/etc/passwd"}, "only plain names"),
        ({**GOOD, "filename": "a\\b"}, "only plain names"),
        ({**GOOD, "filename": ".."}, "only plain names"),
        ({**GOOD, "filename": "a\0b"}, "only plain names"),
        ({**GOOD, "filename": 7}, "only plain names"),
        ({**GOOD, "filename": "x" * 300}, "only plain names"),
        ({**GOOD, "filename": "missing"}, "'missing' that it lists is missing"),
        ({"shape": [24]}, "only plain names"),
        (["Variable"], "is no object"),
        (None, "is no object"),
    ],
)
def test_what_a_manifest_claims_is_checked(entry: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=message) as raised:
        open_file(ml5(tmp_path, entry))
    assert "\n" not in str(raised.value)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    inside = tmp_path / "net"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(KERNEL.tobytes())
    ml5(inside, GOOD)
    (inside / "Variable").unlink()
    (inside / "Variable").symlink_to(tmp_path / "secret")
    with pytest.raises(WeightsError, match="is missing beside it"):
        open_file(inside)


W = {"name": "w", "shape": [24], "dtype": "float32"}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([{**W, "shape": [23]}], "needs 92 bytes and has 96"),
        ([{**W, "shape": [25]}], "needs 100 bytes and has 96"),
        ([W, W], "needs 192 bytes and has 96"),
        ([{**W, "shape": [12]}, {**W, "shape": [12]}], "'w' stands twice"),
        ([{**W, "dtype": "complex64"}], "has type 'complex64'"),
        ([{**W, "dtype": "string"}], "has type 'string'"),
        ([{**W, "dtype": ["float32"]}], "has type"),
        ([{**W, "quantization": {"dtype": "uint4"}}], "has type 'uint4'"),
        ([{**W, "quantization": "uint8"}], "quantization that is no object"),
        ([{**W, "shape": [96], "quantization": {"dtype": "uint8"}}], "without a scale and a min"),
        ([{**W, "shape": [96], "quantization": {"dtype": "uint8", "scale": "1", "min": 0}}], "without a scale"),
        ([{**W, "shape": [96], "quantization": {"dtype": "uint8", "scale": 10**400, "min": 0}}], "without a scale"),
        ([{**W, "shape": [96], "quantization": {"dtype": "uint8", "scale": 1, "min": None}}], "without a scale"),
        ([{"shape": [24], "dtype": "float32"}], "a weight without a name"),
        (["w"], "a weight without a name"),
        ("w", "a list of paths and a list of weights"),
    ],
)
def test_what_a_model_claims_is_checked(weights: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=message) as raised:
        open_file(tfjs(tmp_path, weights, {"s": KERNEL.tobytes()}))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("paths", [["../s"], ["s", "s"], "s", None, [["s"]], [None]])
def test_paths_of_shards_are_checked(paths: Any, tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        open_file(tfjs(tmp_path, [W], {"s": KERNEL.tobytes()}, paths=paths))


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"weightsManifest": 3}', '{"weightsManifest": [3]}', "{}", '{"a": NaN}']
)
def test_json_that_is_no_model_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(WeightsError):
        open_file(tmp_path)


def test_a_list_as_large_as_a_film_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "LARGEST_JSON", 40)
    with pytest.raises(WeightsError, match="more than 40 bytes"):
        open_file(ml5(tmp_path, GOOD))


KEYS = st.sampled_from(["name", "shape", "dtype", "paths", "weights", "filename", "quantization", "scale", "min"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just("float32"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=values, listed=st.booleans())
def test_any_json_is_read_or_refused(content: Any, listed: bool, tmp_path: Path) -> None:
    name = "manifest.json" if listed else "model.json"
    for other in tmp_path.iterdir():
        other.unlink()
    (tmp_path / name).write_text(json.dumps({"a": content} if listed else {"weightsManifest": [content]}))
    with contextlib.suppress(LatentartError):
        open_file(tmp_path)
