"""The contract of a translator, and the door to its files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from layouts import pix2pix as layout
from torch import Tensor

from latentart.errors import LatentartError, PictureError, SettingsError, WeightsError
from latentart.translators.base import Translator, pad
from latentart.translators.load import load_translator
from latentart.weights.families import families


class Negative(Translator):
    """Inverts colours; wants sides of a multiple of 8."""

    multiple, smallest, name = 8, 4, "negative"

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        assert img.shape[-1] % 8 == 0
        assert img.shape[-2] % 8 == 0
        return -img


def picture(height: int = 13, width: int = 21, channels: int = 3) -> Tensor:
    return torch.rand(2, channels, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize(("height", "width"), [(13, 21), (8, 16), (4, 100), (5, 4)])
def test_any_size_comes_back_in_its_size(height: int, width: int) -> None:
    img = picture(height, width)
    torch.testing.assert_close(Negative().translate(img), -img)


def test_strength_goes_from_the_picture_to_the_effect() -> None:
    img = picture()
    torch.testing.assert_close(Negative().translate(img, 0), img)
    torch.testing.assert_close(Negative().translate(img, 0.5), torch.zeros_like(img))
    torch.testing.assert_close(Negative().translate(img, 0.25), img * 0.5)


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_pictures_become_rgb(channels: int) -> None:
    assert Negative().translate(picture(channels=channels), 0.5).shape == (2, 3, 13, 21)


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf"), 2.1])
def test_a_strength_out_of_range_is_an_error(strength: float) -> None:
    with pytest.raises(SettingsError, match="strength"):
        Negative().translate(picture(), strength)


def test_a_picture_that_is_too_small_is_an_error() -> None:
    with pytest.raises(PictureError, match="30x3 is too small for negative: it takes 4 pixels"):
        Negative().translate(picture(3, 30))


def test_one_pixel_is_padded_too() -> None:
    assert pad(torch.zeros(1, 3, 1, 1), 8).shape == (1, 3, 8, 8)


def test_a_style_from_a_picture_is_refused_by_families_without() -> None:
    with pytest.raises(SettingsError, match="takes no style from a picture"):
        Negative().style_of(picture())


def test_unknown_names_and_layouts_say_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="unknown translator 'moziac26'"):
        load_translator("moziac26")
    torch.save({"a.weight": torch.zeros(2)}, tmp_path / "strange.pth")
    with pytest.raises(WeightsError, match=r"unknown layout: 1 tensors, a\.weight; none of") as raised:
        load_translator(tmp_path / "strange.pth")
    assert all(name in str(raised.value) for name in families("translator"))


def test_an_unknown_layout_is_one_line_that_names_the_nearest(tmp_path: Path) -> None:
    torch.save({f"model.{i}.conv_block.{'x' * 300}.weight": torch.zeros(2) for i in range(90)}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"90 tensors, .* \.\.\.; nearest pix2pix-resnet \(looks for") as raised:
        load_translator(tmp_path / "net.pth")
    words = str(raised.value).replace(str(tmp_path), "")
    assert len(words) < 600
    assert "animegan" not in words


@pytest.mark.parametrize("names", [("params", "params_ema"), ("params_ema", "params"), ("netG", "netG_EMA")])
def test_of_two_sets_of_weights_the_averaged_ones_are_taken(tmp_path: Path, names: tuple[str, str]) -> None:
    averaged = next(name for name in names if "ema" in name.lower())
    states = {name: layout.shaken(layout.ResNet(2, 4), seed).state_dict() for seed, name in enumerate(names)}
    torch.save(states, tmp_path / "net.pth")
    T = load_translator(tmp_path / "net.pth", "cpu")
    assert torch.equal(T.state_dict()["last.weight"], states[averaged]["model.19.weight"])
    assert f"the averaged weights, {averaged}" in T.inferred


def test_what_only_sounds_averaged_is_not_preferred(tmp_path: Path) -> None:
    states = {
        name: layout.shaken(layout.ResNet(2, 4), seed).state_dict() for seed, name in enumerate(["net", "cinema"])
    }
    torch.save(states, tmp_path / "net.pth")
    T = load_translator(tmp_path / "net.pth", "cpu")
    assert torch.equal(T.state_dict()["last.weight"], states["net"]["model.19.weight"])
    assert not any("averaged" in words for words in T.inferred)


def test_a_generator_is_no_translator() -> None:
    with pytest.raises(LatentartError, match="is a generator"):
        load_translator("glyphs-64")


def test_a_picture_file_is_no_translator(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n" + bytes(60))
    with pytest.raises(WeightsError, match="a picture"):
        load_translator(tmp_path / "a.png")
    with pytest.raises(WeightsError, match="a folder"):
        load_translator(tmp_path)
