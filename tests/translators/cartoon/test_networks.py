"""White-box, CartoonGAN and AnimeGANv2 against plain transcriptions in the names of their origin."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from layouts import cartoons as layout
from torch import Tensor

from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.translators.cartoon import animegan2 as animegan
from latentart.translators.cartoon import cartoongan, whitebox
from latentart.translators.load import load_translator, open_translator
from latentart.translators.tensorflow_layers import SameConv, same
from latentart.translators.tiles import translate_tiled
from latentart.weights import safe

Tensors = dict[str, Tensor]


def photo(height: int = 32, width: int = 64, count: int = 1) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(5)) * 2 - 1


def relative(made: Tensor, wanted: Tensor) -> float:
    """The error beside what varies in the picture: a network that is dead makes pictures of one colour."""
    return float((made - wanted).norm() / (wanted - wanted.mean((2, 3), keepdim=True)).norm())


def as_npz(folder: Path, tensors: Tensors, ending: str = "") -> Path:
    np.savez(folder / "model.npz", **{name + ending: t.numpy() for name, t in tensors.items()})
    return folder / "model.npz"


def as_tfjs(folder: Path, tensors: Tensors) -> Path:
    weights = [{"name": n, "shape": list(t.shape), "dtype": "float32"} for n, t in tensors.items()]
    (folder / "group1-shard1of1").write_bytes(b"".join(t.numpy().astype("<f4").tobytes() for t in tensors.values()))
    manifest = [{"paths": ["group1-shard1of1"], "weights": weights}]
    (folder / "model.json").write_text(json.dumps({"modelTopology": {}, "weightsManifest": manifest}))
    return folder


def as_pth(folder: Path, tensors: Tensors) -> Path:
    torch.save(tensors, folder / "model.pth")
    return folder / "model.pth"


def as_arrays(folder: Path, tensors: Tensors) -> Path:
    for name, tensor in tensors.items():
        np.save(folder / f"{name}.npy", tensor.numpy())
    return folder


@pytest.mark.parametrize(
    "write", [as_npz, as_tfjs, lambda folder, t: as_npz(folder, t, ":0")], ids=["npz", "tfjs", "variables"]
)
def test_white_box(tmp_path: Path, write: Callable[[Path, Tensors], Path]) -> None:
    variables = layout.whitebox()
    T = load_translator(write(tmp_path, variables), "cpu")
    img = photo(count=2)
    wanted = layout.whitebox_plays(variables, img.flip(1).permute(0, 2, 3, 1)).permute(0, 3, 1, 2).flip(1)
    assert (T.family, T.licence) == ("whitebox", whitebox.LICENCE)
    assert "no commercial use" in T.licence
    assert relative(T(img), wanted) < 1e-5
    assert "widths 4, 8, 16" in T.inferred


@pytest.mark.parametrize(
    "topology", [{"format": "graph-model"}, {"modelTopology": {"node": []}}, {"modelTopology": {}}]
)
def test_white_box_as_a_graph_with_its_constants(tmp_path: Path, topology: dict[str, Any]) -> None:
    variables = layout.whitebox()
    constants = {
        "generator/strided_slice/stack": torch.tensor([1], dtype=torch.int32),
        "generator/ResizeBilinear/size": torch.tensor([8, 8], dtype=torch.int32),
        "generator/LeakyRelu/alpha": torch.tensor(0.2),
        "guided/box/filter": torch.ones(3, 3, 1, 1),
    }
    tensors = {**variables, **constants}
    listed = [
        {"name": name, "shape": list(t.shape), "dtype": "float32" if t.is_floating_point() else "int32"}
        for name, t in tensors.items()
    ]
    (tmp_path / "shard").write_bytes(b"".join(t.contiguous().numpy().tobytes() for t in tensors.values()))
    model = {**topology, "weightsManifest": [{"paths": ["shard"], "weights": listed}]}
    (tmp_path / "model.json").write_text(json.dumps(model))
    T = load_translator(tmp_path, "cpu")
    img = photo()
    wanted = layout.whitebox_plays(variables, img.flip(1).permute(0, 2, 3, 1)).permute(0, 3, 1, 2).flip(1)
    assert relative(T(img), wanted) < 1e-5


def test_white_box_with_what_training_leaves_beside_it(tmp_path: Path) -> None:
    more = {"discriminator/Conv/weights": torch.ones(2), "generator/Conv/weights/Adam_1": torch.ones(2)}
    T = load_translator(as_npz(tmp_path, layout.whitebox() | more), "cpu")
    assert T.family == "whitebox"


@pytest.mark.parametrize(("size", "kernel", "stride"), [(8, 3, 2), (7, 3, 2), (8, 7, 1), (9, 5, 2), (4, 2, 2)])
def test_padding_is_that_of_tensorflow(size: int, kernel: int, stride: int) -> None:
    before, after = same(size, kernel, stride)
    assert before <= after <= before + 1
    assert SameConv(1, 1, kernel, stride)(torch.zeros(1, 1, size, size)).shape[2] == -(-size // stride)
    assert same(8, 3, 2) == (0, 1)
    assert same(7, 3, 2) == (1, 1)


@pytest.mark.parametrize(("write", "padding"), [(as_pth, "constant"), (as_arrays, "reflect")], ids=["pth", "npy"])
def test_cartoon_gan(tmp_path: Path, write: Callable[[Path, Tensors], Path], padding: str) -> None:
    tensors = layout.cartoongan()
    T = load_translator(write(tmp_path, tensors), "cpu")
    img = photo(24, 32, 2)
    wanted = layout.cartoongan_plays(tensors, img.flip(1), padding).flip(1)
    assert (T.family, T.licence) == ("cartoongan", cartoongan.LICENCE)
    assert relative(T(img), wanted) < 1e-5
    assert any("padding 'zero'" in line for line in T.inferred) == (padding == "constant")


def test_cartoon_gan_with_the_padding_of_the_other_port(tmp_path: Path) -> None:
    tensors, img = layout.cartoongan(), photo()
    T = load_translator(as_pth(tmp_path, tensors), "cpu", padding="reflect")
    assert relative(T(img), layout.cartoongan_plays(tensors, img.flip(1), "reflect").flip(1)) < 1e-5
    with pytest.raises(SettingsError, match="unknown padding 'mirror'"):
        load_translator(tmp_path / "model.pth", "cpu", padding="mirror")


@pytest.mark.parametrize("align_corners", [True, False])
def test_anime_gan(tmp_path: Path, align_corners: bool) -> None:
    tensors = layout.animegan()
    T = load_translator(as_pth(tmp_path, tensors), "cpu", align_corners=align_corners)
    img = photo()
    assert (T.family, T.licence) == ("animegan2", animegan.LICENCE)
    assert relative(T(img), layout.animegan_plays(tensors, img, align_corners)) < 1e-5
    assert f"align_corners {align_corners}" in T.inferred


def test_anime_gan_aligns_corners_unless_told_otherwise(tmp_path: Path) -> None:
    tensors, img = layout.animegan(blocks=3), photo()
    T = load_translator(as_pth(tmp_path, {"params": tensors}), "cpu")
    assert relative(T(img), layout.animegan_plays(tensors, img, True)) < 1e-5
    assert "3 inverted blocks" in T.inferred


FILES = {
    "whitebox": (layout.whitebox, as_npz),
    "cartoongan": (layout.cartoongan, as_pth),
    "animegan2": (layout.animegan, as_pth),
}


@pytest.mark.parametrize("family", FILES)
def test_it_comes_back_from_safetensors(tmp_path: Path, family: str) -> None:
    make, write = FILES[family]
    found = open_translator(write(tmp_path, make()))
    safe.write(tmp_path / "ours.safetensors", found)
    img = photo()
    first, again = (load_translator(p, "cpu") for p in (write(tmp_path, make()), tmp_path / "ours.safetensors"))
    assert again.family == family
    torch.testing.assert_close(again(img), first(img))


@pytest.mark.parametrize("family", FILES)
def test_keys_that_are_missing_or_left_over_are_named(tmp_path: Path, family: str) -> None:
    make, write = FILES[family]
    tensors = make()
    lost = [name for name in tensors if name.endswith(("bias", "biases"))][-1]
    added = "generator/Conv_77/weights" if family == "whitebox" else "conv77.weight"
    with pytest.raises(WeightsError, match=rf"missing: {lost}; left over: {added}"):
        load_translator(write(tmp_path, {n: t for n, t in tensors.items() if n != lost} | {added: torch.ones(2)}))


@pytest.mark.parametrize("family", FILES)
def test_shapes_that_do_not_fit_are_named(tmp_path: Path, family: str) -> None:
    make, write = FILES[family]
    tensors = make()
    wrong = [name for name in tensors if name.endswith(("weight", "weights"))][2]
    with pytest.raises(WeightsError, match=r"of another shape|dimensions are wanted"):
        load_translator(write(tmp_path, tensors | {wrong: torch.ones(3)}))


@pytest.mark.parametrize("family", FILES)
def test_small_pictures_are_refused_and_odd_ones_keep_their_size(tmp_path: Path, family: str) -> None:
    make, write = FILES[family]
    T = load_translator(write(tmp_path, make()), "cpu")
    with pytest.raises(PictureError, match="too small"):
        T.translate(photo(9, 100))
    assert T.translate(photo(37, 45), 0.5).shape == (1, 3, 37, 45)


class Evil:
    def __reduce__(self):
        return os.system, ("touch executed",)


def test_arrays_of_objects_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("evil.npz", **{"generator/Conv/weights": np.array([Evil()], dtype=object)})
    with pytest.raises(WeightsError, match="Python objects, which are never read"):
        load_translator(tmp_path / "evil.npz")
    assert not Path("executed").exists()


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("generator/Conv/weights.npy", "w") as member:
            np.lib.format.write_array(member, np.zeros((1 << 22,), np.float32))
    with pytest.raises(WeightsError, match=r"would unpack to 16777344 \(a bomb\?\)"):
        load_translator(tmp_path / "bomb.npz")


@pytest.mark.parametrize("cut", [40, 200, 5000])
def test_archives_that_end_early_are_errors(tmp_path: Path, cut: int) -> None:
    path = as_npz(tmp_path, layout.whitebox())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(WeightsError, match="cannot read"):
        load_translator(path)


def test_a_header_that_claims_more_than_there_is_is_refused(tmp_path: Path) -> None:
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with zipfile.ZipFile(tmp_path / "liar.npz", "w") as archive:
        archive.writestr("generator/Conv/weights.npy", raw)
    with pytest.raises(WeightsError, match="more than the"):
        load_translator(tmp_path / "liar.npz")


def test_an_array_of_text_is_an_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "text.npz", **{"generator/Conv/weights": np.array(["a"])})
    with pytest.raises(WeightsError, match="which no network has"):
        load_translator(tmp_path / "text.npz")


def test_a_network_that_normalises_over_everything_has_no_tiles(tmp_path: Path) -> None:
    T = load_translator(as_pth(tmp_path, layout.animegan()), "cpu")
    with pytest.raises(SettingsError, match="cannot draw in tiles"):
        translate_tiled(T, photo(96, 96), 64)
