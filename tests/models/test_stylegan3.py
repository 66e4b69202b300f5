"""latentart.models.stylegan3 against the paper's formulas (benchmarks/reference), and its files as they are found."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from layouts import random_stylegan2, random_stylegan3
from layouts.random_stylegan3 import random_state
from torch import Tensor

from benchmarks.reference.stylegan3_plain import Plain
from latentart import walks
from latentart.errors import SettingsError, WeightsError
from latentart.latent.transform import moving
from latentart.models import stylegan3
from latentart.models.base import placed
from latentart.models.load import build
from latentart.render.frames import frames
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.describe import describe
from latentart.weights.open import open_checkpoint

TOLERANCE = 1e-5
NARROW = {"base": 64, "largest": 2, "z_dim": 4, "w_dim": 4}
"""The plans of large models with hardly any channels."""


def pair(**shape: Any) -> tuple[stylegan3.StyleGAN3, Plain]:
    tensors, config = random_state(**shape)
    return made(tensors, config), Plain(tensors, config)


def made(tensors: dict[str, Tensor], config: dict[str, Any]) -> stylegan3.StyleGAN3:
    return stylegan3.build(Checkpoint(tensors, config, "", "test"))


def randn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def error(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("variant", ["t", "r"])
@pytest.mark.parametrize(
    "shape",
    [{"resolution": 16}, {"resolution": 64, "c_dim": 3}, {"resolution": 32, "img_channels": 1},
     {"resolution": 256, **NARROW}],
    ids=["16", "64 classes", "32 grey", "256 plan"],
)  # fmt: skip
def test_pictures_are_those_of_the_paper(variant: str, shape: dict[str, Any]) -> None:
    G, plain = pair(seed=3, variant=variant, **shape)
    z, c = randn(0, 2, G.z_dim), torch.eye(3)[:2] if G.c_dim else None
    wanted = plain.synthesis(plain.mapping(z, c, 0.7))
    assert error(G.synthesis(G.mapping(z, c, truncation_psi=0.7)), wanted) <= TOLERANCE
    assert error(G.synthesis(G.mapping(z, c, truncation_psi=0.7)[:1]), wanted[:1]) <= TOLERANCE


@pytest.mark.parametrize("variant", ["t", "r"])
def test_the_plan_of_1024_pixels(variant: str) -> None:
    """One layer after the other, sizes and factors of the published networks; see gan tables of the paper."""
    tensors, config = random_state(resolution=1024, variant=variant, **NARROW)
    sizes = [layer.out_size[0] for layer in made(tensors, config).config.layers]
    assert sizes == [36, 36, 52, 52, 84, 148, 148, 276, 276, 532, 1044, 1044, 1044, 1024, 1024]


def test_every_row_of_ws_counts() -> None:
    G, _ = pair(resolution=16)
    ws = G.mapping(randn(0, 1, G.z_dim))
    before = G.synthesis(ws)
    for row in range(G.num_ws):
        other = ws.clone()
        other[:, row] += 1
        assert not torch.equal(G.synthesis(other), before), row


def test_a_transform_moves_the_picture() -> None:
    """A whole number of pixels to the right is the same picture there, apart from the borders."""
    G, plain = pair(resolution=64)
    ws = G.mapping(randn(0, 1, G.z_dim))
    still = G.synthesis(ws)
    moved = G.synthesis(ws, transform=placed((8 / 64, 0)))
    assert error(moved, plain.synthesis(ws, placed((8 / 64, 0)))) <= TOLERANCE
    assert error(moved[:, :, 16:48, 24:56], still[:, :, 16:48, 16:48]) < 0.05 < error(moved, still)


def test_a_quarter_turn_of_r_turns_the_picture() -> None:
    """R commutes with rotation (radial filters, 1x1 kernels); positive is counter-clockwise."""
    G, _ = pair(resolution=32, variant="r")
    ws = G.mapping(randn(0, 1, G.z_dim))
    turned = G.synthesis(ws, transform=placed(rotate=90))
    found, wanted = (shape(img) for img in (turned, torch.rot90(G.synthesis(ws), 1, (2, 3))))
    assert error(found, wanted) < 1e-3 < 0.5 < error(found.flip(2, 3), wanted)


def shape(img: Tensor) -> Tensor:
    """The middle of a picture without its mean colour."""
    middle = img[:, :, 8:24, 8:24]
    return middle - middle.mean(dim=(2, 3), keepdim=True)


def test_set_transform_stays_until_it_is_taken_back() -> None:
    G, _ = pair(resolution=16)
    ws = G.mapping(randn(0, 1, G.z_dim))
    before = G.synthesis(ws)
    G.synthesis.set_transform((0.2, -0.1), 30)
    assert torch.equal(G.synthesis(ws), G.synthesis(ws, transform=placed((0.2, -0.1), 30)))
    assert not torch.equal(G.synthesis(ws), before)
    G.synthesis.set_transform()
    assert torch.equal(G.synthesis(ws), before)


@pytest.mark.parametrize(("translate", "rotate"), [((math.nan, 0), 0), ((0, 0), math.inf)])
def test_a_transform_of_no_number_is_refused(translate: tuple[float, float], rotate: float) -> None:
    with pytest.raises(SettingsError, match="give numbers"):
        placed(translate, rotate)


def test_a_film_that_turns_once_closes() -> None:
    G, _ = pair(resolution=16)
    path = walks.keyframes(G, seeds=[1], seconds=1, fps=4)
    scene = moving(G, lambda u: placed(rotate=360 * u))
    film = list(frames(G, path, scene=scene, batch=3))
    assert len({frame.tobytes() for frame in film}) == 4
    assert (film[0] == next(iter(frames(G, path)))).all()


@pytest.mark.parametrize("variant", ["t", "r"])
def test_files_come_back_as_they_were(tmp_path: Path, variant: str) -> None:
    tensors, config = random_state(resolution=16, variant=variant, c_dim=2)
    random_stylegan3.write(tmp_path / "net.pkl", tensors, config)
    found = open_checkpoint(tmp_path / "net.pkl")
    assert (dict(found.config), found.inferred) == (config, ())
    assert all(torch.equal(found.tensors[n], t) for n, t in tensors.items())
    safe.write(tmp_path / "net.safetensors", found)
    again = open_checkpoint(tmp_path / "net.safetensors")
    assert dict(again.config) == config
    assert build(again, "cpu").img_size == (16, 16)


def test_tensors_alone_are_enough(tmp_path: Path) -> None:
    tensors, config = random_state(resolution=16)
    torch.save({"G_ema": tensors}, tmp_path / "net.pt")
    found = open_checkpoint(tmp_path / "net.pt")
    plain = {k: v for k, v in config.items() if k != "layers"}
    assert {k: v for k, v in found.config.items() if k != "layers"} == plain
    for layer, wanted in zip(found.config["layers"], config["layers"], strict=True):
        assert layer | {"fp16": wanted["fp16"]} == wanted
    assert any("from the names and filters" in line for line in found.inferred)


def test_inspect_tells_t_from_r() -> None:
    for variant, word in (("t", "T, 15 layers"), ("r", "R, 15 layers")):
        facts = describe(Checkpoint(*random_state(resolution=16, variant=variant), "", "test"))
        assert facts["architecture"] == word
        assert (facts["resolution"], facts["num_ws"], facts["noise"]) == ([16, 16], 16, False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"conv_clamp": "wide"}, "conv_clamp 'wide' makes no sense"),
        ({"w_dim": 7}, "the file says w_dim '7', its tensors say 16"),
        ({"layers": [{}] * 3}, "describes 3 layers, its tensors have 15"),
        ({"input": {"size": [10**9, 4]}}, "makes no sense"),
        ({"input": {"size": [52, 52]}}, "does not make"),
    ],
)
def test_words_that_contradict_tensors_are_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    tensors, config = random_state(resolution=16)
    safe.write(tmp_path / "net", Checkpoint(tensors, config | change, "", "test"))
    with pytest.raises(WeightsError, match=words):
        open_checkpoint(tmp_path / "net")


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"padding": [0, 0, 0, 0]}, "does not make"),
        ({"padding": 10**9}, "does not make"),
        ({"up": 10**6}, "impossible"),
        ({"out_size": [10**7, 4]}, "impossible"),
        ({"in_size": [8, 8]}, "does not make"),
    ],
)
def test_layers_that_cannot_be_are_named(tmp_path: Path, layer: dict[str, Any], words: str) -> None:
    tensors, config = random_state(resolution=16)
    config["layers"][3] |= layer
    safe.write(tmp_path / "net", Checkpoint(tensors, config, "", "test"))
    with pytest.raises(WeightsError, match=words):
        open_checkpoint(tmp_path / "net")


def test_stylegan_xl_is_recognised(tmp_path: Path) -> None:
    tensors, config = random_state(resolution=16)
    network = random_stylegan3.network(tensors, config)
    network.class_name = "SuperresGenerator"
    random_stylegan3.nvidia.write_document(tmp_path / "net.pkl", {"G_ema": network})
    with pytest.raises(WeightsError, match=r"StyleGAN-XL \('SuperresGenerator'.*only StyleGAN2 and StyleGAN3"):
        open_checkpoint(tmp_path / "net.pkl")


def test_only_its_own_checkpoints_match() -> None:
    mine = Checkpoint(*random_state(resolution=16), "", "test")
    assert stylegan3.matches(mine.tensors)
    assert not stylegan3.matches(random_stylegan2.random_state(resolution=8)[0])
