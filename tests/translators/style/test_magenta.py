"""Magenta's arbitrary style against a plain transcription in the names of its graph."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from layouts import magenta as layout
from torch import Tensor

from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.translators.load import load_translator, open_translator
from latentart.translators.style import magenta
from latentart.weights import safe


def picture(height: int = 32, width: int = 48, seed: int = 5, count: int = 1) -> Tensor:
    """Smooth noise in [-1, 1]."""
    random = torch.rand(count, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(random, size=(height, width), mode="bilinear") * 2 - 1


def vector(seed: int = 0) -> Tensor:
    return torch.randn(layout.STYLE, generator=torch.Generator().manual_seed(seed))


def relative(made: Tensor, wanted: Tensor) -> float:
    """The error beside what varies in the picture."""
    return float((made - wanted).norm() / (wanted - wanted.mean((2, 3), keepdim=True)).norm())


def plays(tensors: layout.Tensors, img: Tensor, style: Tensor) -> Tensor:
    """As the transcription, on pictures of ours."""
    made = layout.transformer_plays(tensors, ((img + 1) / 2).permute(0, 2, 3, 1), style)
    return made.permute(0, 3, 1, 2) * 2 - 1


def both(folder: Path) -> Path:
    layout.write_tfjs(folder / "transformer", layout.transformer())
    layout.write_tfjs(folder / "style", layout.encoder())
    return folder


@pytest.mark.parametrize("separable", [True, False])
def test_the_transformer_alone_plays_vectors(tmp_path: Path, separable: bool) -> None:
    tensors = layout.transformer(separable=separable)
    T = load_translator(layout.write_tfjs(tmp_path / "model", tensors), "cpu")
    assert (T.family, T.style_dim, T.strength_by, T.licence) == ("magenta", layout.STYLE, "image", magenta.LICENCE)
    assert T.inferred == ("separable" if separable else "plain convolutions", "no style network")
    img = picture(count=2)
    assert relative(T(img, style=vector()), plays(tensors, img, vector()[None].expand(2, -1))) < 1e-5
    with pytest.raises(SettingsError, match="no network that reads styles: give a folder with both"):
        T.style_of(img[:1])


def test_styles_are_read_from_pictures(tmp_path: Path) -> None:
    T = load_translator(both(tmp_path), "cpu")
    img, style = picture(), picture(45, 52, 6)
    wanted = layout.encoder_plays(layout.encoder(), ((style + 1) / 2).permute(0, 2, 3, 1))[0]
    found = T.style_of(style)
    assert ((found - wanted).norm() / wanted.norm()) < 1e-5
    assert relative(T(img, style=found), plays(layout.transformer(), img, wanted[None])) < 1e-4


def test_strength_goes_from_the_own_style_to_the_other(tmp_path: Path) -> None:
    T = load_translator(both(tmp_path), "cpu")
    img, other = picture(), T.style_of(picture(seed=6))
    own = T.style_of(img)
    assert T.strength_by == "style"
    torch.testing.assert_close(T(img, style=other, strength=0.3), T(img, style=torch.lerp(own, other, 0.3)))
    assert relative(T.translate(img, 0.3, style=other), T.translate(img, style=other)) > 1e-3


def test_large_style_pictures_are_made_smaller(tmp_path: Path) -> None:
    T = load_translator(both(tmp_path), "cpu")
    small = T.style_of(picture(256, 256))
    large = T.style_of(torch.nn.functional.interpolate(picture(256, 256), scale_factor=1.5, mode="bilinear"))
    assert (small - large).norm() < 0.05 * small.norm()


def test_each_picture_of_a_batch_can_have_its_style(tmp_path: Path) -> None:
    T = load_translator(both(tmp_path), "cpu")
    img, styles = picture(count=2), torch.stack([vector(1), vector(2)])
    torch.testing.assert_close(T(img, style=styles)[1:], T(img[1:], style=styles[1]), atol=1e-5, rtol=1e-4)


def test_it_comes_back_from_safetensors(tmp_path: Path) -> None:
    folder = both(tmp_path / "in")
    safe.write(tmp_path / "ours.safetensors", open_translator(folder))
    first, again = load_translator(folder, "cpu"), load_translator(tmp_path / "ours.safetensors", "cpu")
    torch.testing.assert_close(again(picture(), style=vector()), first(picture(), style=vector()))
    torch.testing.assert_close(again.style_of(picture()), first.style_of(picture()))


def test_keys_that_are_missing_or_left_over_are_named(tmp_path: Path) -> None:
    tensors = layout.transformer()
    lost = "transformer/contract/conv2/BatchNorm/beta"
    changed = {n: t for n, t in tensors.items() if n != lost} | {"transformer/more/weights": torch.ones(1)}
    with pytest.raises(WeightsError, match=rf"missing: {lost}; left over: transformer/more/weights"):
        load_translator(layout.write_tfjs(tmp_path, changed))


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("transformer/contract/conv1/weights", (3, 4), "4 dimensions are wanted"),
        ("transformer/contract/conv1/BatchNorm/beta", (9,), r"batch normalisation of 'contract\.0' does not fit 4"),
        ("transformer/expand/conv1/dilate_conv/pointwise_weights", (1, 1, 5, 8), r"expand\.0\.conv\.weight"),
        ("style_params/transformer/expand/conv3/conv/StyleNorm/Conv/biases", (7,), r"expand\.2\.bias\.bias"),
    ],
)
def test_shapes_that_do_not_fit_are_named(tmp_path: Path, name: str, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        load_translator(layout.write_tfjs(tmp_path, layout.transformer() | {name: torch.ones(shape)}))


def test_a_style_is_needed_and_small_pictures_are_refused(tmp_path: Path) -> None:
    T = load_translator(both(tmp_path), "cpu")
    with pytest.raises(SettingsError, match="has no style of its own"):
        T.translate(picture())
    with pytest.raises(PictureError, match="too small"):
        T.translate(picture(8, 80), style=vector())
    assert T.translate(picture(37, 45), style=vector()).shape == picture(37, 45).shape


def waves(side: int) -> Tensor:
    """Two ramps and a product of sines, [1, 3, side, side] in [-1, 1]."""
    at = torch.linspace(0, 1, side)
    across, down = at.expand(side, -1), at[:, None].expand(-1, side)
    sines = (20 * across).sin() * (20 * down).sin() / 2 + 0.5
    return torch.stack([across, down, sines])[None] * 2 - 1


def test_the_one_that_ships_draws_what_its_graph_draws_in_float() -> None:
    """Numbers of onnxruntime, from the ONNX files that the card names, with their activations left in float.

    Within what 16-bit weights allow; with all of them in float the pictures agree to 2e-6.
    """
    T = load_translator("magenta", "cpu")
    assert (T.name, T.style_dim, T.licence) == ("magenta", 100, "Apache-2.0")
    assert T.inferred == ("plain convolutions", "styles from pictures")
    style = T.style_of(waves(256))
    wanted = torch.tensor([0.2056, -0.5094, 0.8417, 0.5293, -0.6606, 0.0688, 2.1842, 1.0881])
    assert (style[:8] - wanted).norm() < 0.01 * wanted.norm()
    made = (T.translate(waves(384), style=style) + 1) / 2
    torch.testing.assert_close(made.mean((0, 2, 3)), torch.tensor([0.58515, 0.50289, 0.54777]), atol=1e-2, rtol=0)
    torch.testing.assert_close(made.std((0, 2, 3)), torch.tensor([0.17101, 0.19902, 0.30140]), atol=1e-2, rtol=0)
    corner, inside = torch.tensor([0.6498, 0.4702, 0.2271]), torch.tensor([0.8380, 0.4471, 0.4121])
    torch.testing.assert_close(made[0, :, 0, 0], corner, atol=0.02, rtol=0)
    torch.testing.assert_close(made[0, :, 127, 127], inside, atol=0.02, rtol=0)


def test_a_config_with_another_padding_is_an_error(tmp_path: Path) -> None:
    found = open_translator(layout.write_tfjs(tmp_path / "model", layout.transformer()))
    reflecting = dataclasses.replace(found, config={**found.config, "padding": "reflect"})
    safe.write(tmp_path / "reflect.safetensors", reflecting)
    img = picture()
    plain = load_translator(tmp_path / "model", "cpu")(img, style=vector())
    apart = (load_translator(tmp_path / "reflect.safetensors", "cpu")(img, style=vector()) - plain).abs().amax((0, 1))
    assert apart[0].max() > 1e-3
    safe.write(tmp_path / "odd.safetensors", dataclasses.replace(found, config={**found.config, "padding": "mirror"}))
    with pytest.raises(WeightsError, match="padding 'mirror' makes no sense"):
        load_translator(tmp_path / "odd.safetensors", "cpu")
