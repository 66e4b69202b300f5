"""Tiles: the picture that comes of them is the whole picture, for every network that says it can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from layouts import fast_style as layouts
from torch import Tensor

from latentart.errors import PictureError, SettingsError
from latentart.translators.base import Translator
from latentart.translators.cartoon import cartoongan, whitebox
from latentart.translators.layers import InstanceNorm, fixed, measured, norms
from latentart.translators.pix2pix import pix2pix_resnet as resnet
from latentart.translators.pix2pix import pix2pixhd
from latentart.translators.receptive_field import PROBE, margin
from latentart.translators.style import fast_style, mobile_style, mosaic
from latentart.translators.tiles import Tiled, tiles, translate_tiled
from latentart.weights.checkpoint import Checkpoint, Contents, Origin

LEVEL = 2 / 255
"""One level of 255, on the scale of -1 to 1."""
State = dict[str, Tensor]
NETWORKS: dict[str, Callable[[], State]] = {
    "examples": lambda: layouts.examples_state(width=4, blocks=1),
    "rrmina": lambda: layouts.rrmina_state(width=4, blocks=1),
    "tensorflow": lambda: layouts.tensorflow_state(width=4, blocks=1),
    "mobile": lambda: layouts.mobile_state(width=4, blocks=1),
    "mosaic": lambda: layouts.mosaic_state(width=8, blocks=1),
}


_SHAPE = {"width": 4, "halvings": 2, "blocks": 1, "norm": "instance", "bias": True}
UNTRAINED: dict[str, Callable[[], Translator]] = {
    "resnet": lambda: resnet.ResNet(resnet.Config(3, 3, **_SHAPE)),  # type: ignore[arg-type]
    "pix2pixhd": lambda: pix2pixhd.HD(pix2pixhd.Config(3, 3, **_SHAPE, enhancers=1)),  # type: ignore[arg-type]
    "cartoongan": lambda: cartoongan.CartoonGan(4, 1),
    "whitebox": lambda: whitebox.WhiteBox((4, 8, 8), 1),
}


def network(name: str) -> Translator:
    if name in UNTRAINED:
        torch.manual_seed(0)
        T = UNTRAINED[name]().eval().requires_grad_(False)
        T.name = name
        return T
    family = {"mobile": mobile_style, "mosaic": mosaic}.get(name, fast_style)
    parts = family.convert(NETWORKS[name](), Origin(Path("net.pth"), "", Contents({})))
    T = family.build(Checkpoint(parts.tensors, parts.config, "", "test"))  # type: ignore[attr-defined]
    T.name, T.family = name, family.FAMILY
    return T.eval()


def picture(height: int = 90, width: int = 171) -> Tensor:
    """Left and right of it differ, so that a tile's own statistics are not the picture's."""
    noise = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(4))
    return (noise * torch.linspace(0.2, 2, width) - 1).clamp(-1, 1)


@pytest.mark.parametrize("name", [*NETWORKS, *UNTRAINED])
def test_tiles_give_the_whole_picture(name: str) -> None:
    T, img = network(name), picture()
    whole = T.translate(img)
    tiled = translate_tiled(T, img, 32)
    assert tiled.shape == whole.shape
    assert float((tiled - whole).abs().max()) <= LEVEL / 10
    assert whole.std() > 0.05
    naive = torch.cat([T.translate(part) for part in img.split(44, dim=-1)], dim=-1)
    assert float((naive - whole).abs().max()) > LEVEL, "a picture whose tiles could be drawn on their own shows nothing"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_margin_is_what_the_network_sees_and_little_more(name: str) -> None:
    """A pixel's change goes as far as the margin at most; and nearly as far, or tiles would be wasteful."""
    T = network(name)
    reach = margin(T)
    img = picture(4 * (reach + 4), 4 * (reach + 4))
    touched, middle = img.clone(), img.shape[-1] // 2
    touched[..., middle, middle] += 0.5
    with torch.no_grad(), measured(T) as found:
        T.translate(img)
    with torch.no_grad(), fixed(found):  # normalisation reaches everywhere until it is fixed
        seen = (T.translate(img) - T.translate(touched)).abs().amax((0, 1)) > 0
    far = max(abs(int(at) - middle) for at in seen.nonzero().flatten())
    assert reach - 16 <= far <= reach


@pytest.mark.parametrize("strength", [0, 0.4, 1.5])
def test_strength_and_style_reach_every_tile(strength: float) -> None:
    T, img = network("mosaic"), picture(64, 96)
    style = torch.tensor([0.0, 0.5, 0.5, 0.0])
    tiled = translate_tiled(T, img, 32, strength, style=style)
    torch.testing.assert_close(tiled, T.translate(img, strength, style=style), rtol=0, atol=LEVEL / 10)


def test_tiles_in_inference_mode() -> None:
    T = network("mobile")
    with torch.inference_mode():
        assert margin(T) == 20
        torch.testing.assert_close(translate_tiled(T, picture(), 32), T.translate(picture()), rtol=0, atol=LEVEL / 10)


def test_large_maps_are_normalised_with_care() -> None:
    """Plain sums over a map of a megapixel drift by 1e-3 of a standard deviation, and tiles would show it."""
    x = torch.randn(1, 4, 768, 1024, generator=torch.Generator().manual_seed(0)).mul_(0.5).add_(3)
    x = x.to(memory_format=torch.channels_last)
    made = InstanceNorm(4, affine=False)(x)
    double = x.double()
    wanted = (double - double.mean((2, 3), keepdim=True)) / (
        double.var((2, 3), keepdim=True, correction=0) + 1e-5
    ).sqrt()
    assert float((made - wanted).abs().max()) < 1e-5


def test_large_maps_keep_their_gradients() -> None:
    x = torch.randn(1, 2, 260, 260, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weight = torch.linspace(0, 1, 260)
    grads = [
        torch.autograd.grad((norm(x).square() * weight).sum(), x)[0]
        for norm in (InstanceNorm(2, affine=False), torch.nn.InstanceNorm2d(2))
    ]
    assert float(grads[1].abs().max()) > 0.1
    torch.testing.assert_close(*grads, rtol=0, atol=1e-4)


def test_several_pictures_keep_their_own_statistics_and_styles() -> None:
    T = network("mosaic")
    batch = torch.cat([picture(64, 96), picture(64, 96).flip(-1) * 0.3])
    style = torch.eye(4)[:2]
    tiled = translate_tiled(T, batch, 32, style=style)
    torch.testing.assert_close(tiled, T.translate(batch, style=style), rtol=0, atol=LEVEL / 10)


@pytest.mark.parametrize("name", ["examples", "mosaic"])
def test_a_sample_is_nearer_than_tiles_on_their_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentart.translators.tiles.SAMPLE_SIDE", 48)
    T, img = network(name), picture(240, 320)
    whole = T.translate(img)
    sampled = translate_tiled(T, img, 128, statistics="sample")
    naive = torch.cat([T.translate(part) for part in img.split(80, dim=-1)], dim=-1)
    assert 0 < float((sampled - whole).abs().mean()) < float((naive - whole).abs().mean()) / 4
    torch.testing.assert_close(T.translate(img), whole, rtol=0, atol=0)


def test_a_sample_of_a_small_picture_is_all_of_it() -> None:
    T = network("tensorflow")
    sampled = translate_tiled(T, picture(), 32, statistics="sample")
    torch.testing.assert_close(sampled, T.translate(picture()), rtol=0, atol=LEVEL / 10)


@pytest.mark.parametrize("height", [92, 20])
def test_a_sample_of_a_large_picture_is_small(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    T, sizes = network("mobile"), []
    monkeypatch.setattr("latentart.translators.tiles.SAMPLE_SIDE", 16)
    T.register_forward_pre_hook(lambda _, inputs: sizes.append(tuple(inputs[0].shape)))
    translate_tiled(T, picture(height, 300), 32, statistics="sample")
    assert sizes[1] == (16, 3, 16, 16)
    assert max(max(size[-2:]) for size in sizes[2:]) <= 32 + 2 * margin(T)


def test_memory_is_that_of_a_tile() -> None:
    T, sizes = network("tensorflow"), []
    T.register_forward_pre_hook(lambda _, inputs: sizes.append(max(inputs[0].shape[-2:])))
    translate_tiled(T, picture(40, 400), 32)
    assert max(sizes) <= max(32 + 2 * margin(T), PROBE)


def test_progress_counts_every_tile_of_every_pass() -> None:
    T, seen = network("examples"), []
    translate_tiled(T, picture(32, 96), 32, progress=lambda done, total: seen.append((done, total)))
    passes = len(norms(T)) + 1
    assert seen == [(i + 1, 3 * passes) for i in range(3 * passes)]


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 65), (31, 200), (129, 8)])
def test_tiles_cover_the_picture_once(height: int, width: int) -> None:
    count = torch.zeros(height, width)
    for tile in tiles(height, width, 32, 12):
        count[tile.drawn] += 1
        rows, columns = tile.seen
        assert 0 <= rows.start <= tile.top < tile.bottom <= rows.stop <= height
        assert tile.core(torch.zeros(1, 1, rows.stop - rows.start, columns.stop - columns.start)).shape[-2:] == (
            tile.bottom - tile.top,
            tile.right - tile.left,
        )
    assert torch.equal(count, torch.ones(height, width))


def test_a_network_that_needs_the_whole_picture_says_so() -> None:
    T = network("examples")
    T.tiles = False
    with pytest.raises(SettingsError, match="examples cannot draw in tiles: a fast_style network needs the whole"):
        translate_tiled(T, picture(), 32)


@pytest.mark.parametrize("tile", [0, -4, 15])
def test_a_tile_that_is_too_small_is_an_error(tile: int) -> None:
    with pytest.raises(SettingsError, match=f"tiles of {tile} pixels are too small: give 16 or more"):
        translate_tiled(network("mobile"), picture(), tile)


def test_wrong_words_and_pictures_are_errors() -> None:
    T = network("mobile")
    with pytest.raises(SettingsError, match="unknown statistics 'exakt': did you mean exact"):
        translate_tiled(T, picture(), 32, statistics="exakt")
    with pytest.raises(SettingsError, match="strength"):
        translate_tiled(T, picture(), 32, 3)
    with pytest.raises(PictureError, match="too small"):
        translate_tiled(T, picture(3, 100), 32)


def test_an_error_on_the_way_leaves_the_network_as_it_was() -> None:
    T = network("mosaic")
    before = T.translate(picture())

    def stop(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    for statistics in ("exact", "sample"):
        with pytest.raises(KeyboardInterrupt):
            translate_tiled(T, picture(), 32, progress=stop, statistics=statistics)
    torch.testing.assert_close(T.translate(picture()), before, rtol=0, atol=0)


def test_a_translator_in_tiles_is_a_translator() -> None:
    T, style = network("mosaic"), torch.eye(4)[2]
    inside = Tiled(T, 32)
    assert (inside.name, inside.style_dim, inside.style_names) == ("mosaic", 4, T.style_names)
    made = inside.translate(picture(64, 96), 0.5, style=style)
    torch.testing.assert_close(made, T.translate(picture(64, 96), 0.5, style=style), rtol=0, atol=LEVEL / 10)
    T.tiles = False
    with pytest.raises(SettingsError, match="cannot draw in tiles"):
        Tiled(T, 32)
