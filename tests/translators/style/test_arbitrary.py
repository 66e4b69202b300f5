"""AdaIN, WCT and MicroAST against plain transcriptions in the names of their origin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from layouts import arbitrary as layout
from torch import Tensor

from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.translators.base import Translator
from latentart.translators.load import load_translator, open_translator
from latentart.translators.style import palette, vgg_autoencoder
from latentart.weights import safe


def picture(height: int = 32, width: int = 48, seed: int = 5, count: int = 1) -> Tensor:
    """Smooth noise in [0, 1]."""
    random = torch.rand(count, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(random, size=(height, width), mode="bilinear")


def relative(made: Tensor, wanted: Tensor) -> float:
    """The error beside what varies in the picture: a network that is dead makes pictures of one colour."""
    return float((made - wanted).norm() / (wanted - wanted.mean((2, 3), keepdim=True)).norm())


def plays(T: Translator, content: Tensor, style: Tensor, alpha: float = 1.0) -> Tensor:
    """Pictures in [0, 1], as the origins have them."""
    return (T(content * 2 - 1, style=T.style_of(style * 2 - 1), strength=alpha) + 1) / 2


def adain(folder: Path) -> Path:
    return layout.save(folder, layout.adain()[2])


def wct(folder: Path) -> Path:
    return layout.save(folder, layout.wct_files(*layout.wct((3, 1))))


def microast(folder: Path) -> Path:
    return layout.save(folder, layout.microast(), "_iter_160000.pth.tar")


FAMILIES: dict[str, Callable[[Path], Path]] = {"adain": adain, "wct": wct, "microast": microast}


@pytest.mark.parametrize("alpha", [1.0, 0.4])
def test_adain(tmp_path: Path, alpha: float) -> None:
    encoder, decoder, files = layout.adain()
    T = load_translator(layout.save(tmp_path, files), "cpu")
    content, style = picture(count=2), picture(45, 37, 6)
    assert (T.family, T.style_dim, T.strength_by) == ("adain", 40, "features")
    # Both sides round in float32, and processors differ in the order of their sums: up to 1.2e-5 was seen.
    assert relative(plays(T, content, style, alpha), layout.adain_plays(encoder, decoder, content, style, alpha)) < 2e-5


def test_adain_as_training_saves_it(tmp_path: Path) -> None:
    _, _, files = layout.adain()
    layout.save(tmp_path, {"vgg_normalised": files["vgg_normalised"]})
    layout.save(tmp_path, {"decoder": files["decoder"]}, "_iter_160000.pth.tar")
    assert load_translator(tmp_path, "cpu").family == "adain"


def test_positions_are_those_of_the_files() -> None:
    assert list(vgg_autoencoder.encoder_positions(4)) == [0, 2, 5, 9, 12, 16, 19, 22, 25, 29]
    assert list(vgg_autoencoder.decoder_positions(4)) == [1, 5, 8, 11, 14, 18, 21, 25, 28]
    assert vgg_autoencoder.encoder_positions(1) == {0: "colour", 2: "conv1_1"}
    with pytest.raises(WeightsError, match="7 convolutions"):
        vgg_autoencoder.depth_of(7)


def test_adain_gives_the_style_the_colours_of_the_picture_first(tmp_path: Path) -> None:
    T = load_translator(adain(tmp_path), "cpu")
    content, style = picture(), picture(40, 40, 6) * torch.tensor([1, 0.5, 0.2])[:, None, None]
    wanted = layout.coral(style[0], content[0])
    torch.testing.assert_close((palette.matched(style * 2 - 1, content * 2 - 1)[0] + 1) / 2, wanted, atol=1e-5, rtol=0)
    found = T.style_of(style * 2 - 1, like=content * 2 - 1)
    torch.testing.assert_close(found, T.style_of((wanted[None] * 2 - 1).clamp(-1, 1)), atol=1e-4, rtol=1e-4)


def test_adain_keeps_the_colours_of_the_picture(tmp_path: Path) -> None:
    T = load_translator(adain(tmp_path), "cpu", preserve_colour=True)
    content = picture() * 2 - 1
    made = T(content, style=T.style_of(picture(seed=6) * 2 - 1))
    torch.testing.assert_close(made.mean((2, 3)), content.mean((2, 3)), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.cov(made[0].flatten(1)), torch.cov(content[0].flatten(1)), atol=1e-3, rtol=1e-2)


def test_colours_of_a_plain_picture_do_not_break_it() -> None:
    assert torch.isfinite(palette.matched(torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.5))).all()


@pytest.mark.parametrize("alpha", [1.0, 0.6])
@pytest.mark.parametrize("depths", [(3,), (2,), (1,)])
def test_wct(tmp_path: Path, depths: tuple[int, ...], alpha: float) -> None:
    encoders, decoders = layout.wct(depths)
    T = load_translator(layout.save(tmp_path, layout.wct_files(encoders, decoders)), "cpu")
    content, style = picture(64, 48), picture(80, 64, 6)
    assert T.family == "wct"
    assert T.inferred[0] == f"levels {', '.join(map(str, depths))}"
    assert relative(plays(T, content, style, alpha), layout.wct_plays(encoders, decoders, content, style, alpha)) < 1e-5


def test_wct_with_all_levels(tmp_path: Path) -> None:
    """In float64: five whitenings in a row let single precision drift apart whoever computes them."""
    encoders, decoders = layout.wct((5, 4, 3, 2, 1))
    T = load_translator(layout.save(tmp_path, layout.wct_files(encoders, decoders)), "cpu").double()
    for network in (*encoders.values(), *decoders.values()):
        network.double()
    content, style = picture(96, 80).double(), picture(80, 96, 6).double()
    assert relative(plays(T, content, style, 0.8), layout.wct_plays(encoders, decoders, content, style, 0.8)) < 1e-8


def test_wct_sixteen_times_smaller(tmp_path: Path) -> None:
    encoders, decoders = layout.wct((2, 1))
    T = load_translator(layout.save(tmp_path, layout.wct_small_files(encoders, decoders)), "cpu")
    for depth, decoder in decoders.items():
        decoders[depth] = torch.nn.Sequential(decoder, torch.nn.ReLU())
    content, style = picture(64, 48), picture(48, 64, 6)
    assert "16 times smaller" in T.inferred
    assert relative(plays(T, content, style, 0.6), layout.wct_plays(encoders, decoders, content, style, 0.6)) < 1e-5


def test_wct_in_folders_of_their_own_and_with_fewer_levels(tmp_path: Path) -> None:
    encoders, decoders = layout.wct((2, 1))
    for depth in (1, 2):
        (tmp_path / f"vgg19_{depth}").mkdir()
        files = layout.wct_files({depth: encoders[depth]}, {depth: decoders[depth]})
        layout.save(tmp_path / f"vgg19_{depth}", files)
    T = load_translator(tmp_path, "cpu", levels=[1])
    content, style = picture(), picture(seed=6)
    assert relative(plays(T, content, style), layout.wct_plays({1: encoders[1]}, decoders, content, style, 1.0)) < 1e-5
    with pytest.raises(SettingsError, match=r"levels \[4\]: this WCT has 1, 2"):
        load_translator(tmp_path, "cpu", levels=[4])


@pytest.mark.parametrize("alpha", [1.0, 0.3])
def test_microast(tmp_path: Path, alpha: float) -> None:
    files = layout.microast()
    T = load_translator(microast(tmp_path), "cpu")
    content, style = picture(count=2), picture(44, 36, 6)
    assert (T.family, T.style_dim, T.strength_by) == ("microast", 128, "style")
    assert relative(plays(T, content, style, alpha), layout.microast_plays(files, content, style, alpha)) < 1e-5


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0, 1.5])
def test_the_scale_of_content_features_is_not_in_a_microast_picture(tmp_path: Path, strength: float) -> None:
    """Its features are normalised wherever a style is put in: what they are multiplied by must not come through."""
    files = layout.microast()
    content, style = picture(), picture(44, 36, 6)
    for name, tensor in files["content_encoder"].items():
        if name.endswith("bias"):
            tensor.zero_()  # so that a network of convolutions and ReLUs multiplies what it is given
    layout.save(tmp_path / "plain", files, ".pth")
    files["content_encoder"]["enc1.0.conv_layer.weight"] *= 50
    layout.save(tmp_path / "scaled", files, ".pth")
    plain, scaled = (plays(load_translator(tmp_path / n, "cpu"), content, style, strength) for n in ("plain", "scaled"))
    assert plain.std() > 1e-3
    assert relative(scaled, plain) < 1e-3


def test_a_microast_of_a_picture_with_its_own_style_has_one_strength(tmp_path: Path) -> None:
    T = load_translator(microast(tmp_path), "cpu")
    content = picture()
    assert relative(plays(T, content, content, 0.3), plays(T, content, content, 1.0)) < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_styles_are_latents_that_mix(tmp_path: Path, family: str) -> None:
    T = load_translator(FAMILIES[family](tmp_path), "cpu")
    img = picture(count=2) * 2 - 1
    a, b = (T.style_of(picture(seed=seed) * 2 - 1) for seed in (6, 7))
    assert a.shape == (T.style_dim,)
    between = T(img[:1], style=torch.lerp(a, b, 0.5))
    assert torch.isfinite(between).all()
    assert relative(between, T(img[:1], style=a)) > 1e-3
    both = T(img, style=torch.stack([a, b]))
    torch.testing.assert_close(both[1:], T(img[1:], style=b), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_strength_grows_inside_the_network(tmp_path: Path, family: str) -> None:
    T = load_translator(FAMILIES[family](tmp_path), "cpu")
    img, style = picture() * 2 - 1, T.style_of(picture(seed=6) * 2 - 1)
    none, half, full = (T(img, style=style, strength=s) for s in (1e-6, 0.5, 1.0))
    assert 0 < relative(half, none) < relative(full, none)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_style_is_needed_and_must_fit(tmp_path: Path, family: str) -> None:
    T = load_translator(FAMILIES[family](tmp_path), "cpu")
    with pytest.raises(SettingsError, match="has no style of its own: give a picture"):
        T.translate(picture() * 2 - 1)
    with pytest.raises(SettingsError, match="a style of 3 numbers"):
        T.translate(picture() * 2 - 1, style=torch.zeros(3))
    with pytest.raises(PictureError, match="too small"):
        T.translate(torch.zeros(1, 3, 4, 50), style=torch.zeros(T.style_dim))


@pytest.mark.parametrize("family", FAMILIES)
def test_small_grey_and_odd_pictures_work_as_style_and_content(tmp_path: Path, family: str) -> None:
    T = load_translator(FAMILIES[family](tmp_path), "cpu")
    style = T.style_of(picture(4, 8)[:, :1] * 2 - 1)
    assert torch.isfinite(style).all()
    assert T.translate(picture(37, 51)[:, :1] * 2 - 1, style=style).shape[1:] == picture(37, 51).shape[1:]


@pytest.mark.parametrize("family", FAMILIES)
def test_it_comes_back_from_safetensors(tmp_path: Path, family: str) -> None:
    source = FAMILIES[family](tmp_path)
    safe.write(tmp_path / "ours.safetensors", open_translator(source))
    (tmp_path / "ours.safetensors").rename(tmp_path.parent / f"{family}.safetensors")
    first, again = (load_translator(p, "cpu") for p in (source, tmp_path.parent / f"{family}.safetensors"))
    img, style = picture(), picture(seed=6)
    assert again.family == family
    torch.testing.assert_close(plays(again, img, style), plays(first, img, style))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_missing_file_is_named(tmp_path: Path, family: str) -> None:
    folder = FAMILIES[family](tmp_path)
    gone = sorted(folder.iterdir())[0]
    gone.unlink()
    with pytest.raises(WeightsError, match=gone.name.partition("_iter")[0].removesuffix(".pth")):
        load_translator(folder)


def test_one_file_of_the_folder_says_that_the_others_are_wanted(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"half of an AdaIN, vgg_normalised\.pth is missing"):
        load_translator(adain(tmp_path) / "decoder.pth")
    layout.save(tmp_path, {"modulator": layout.microast()["modulator"]})
    with pytest.raises(WeightsError, match="no whole MicroAST, missing: content_encoder"):
        load_translator(tmp_path / "modulator.pth")


@pytest.mark.parametrize("family", FAMILIES)
def test_keys_that_are_missing_or_left_over_are_named(tmp_path: Path, family: str) -> None:
    folder = FAMILIES[family](tmp_path)
    file = next(p for p in sorted(folder.iterdir()) if "decoder" in p.name or "invertor" in p.name)
    tensors = torch.load(file)
    lost = list(tensors)[-1]
    torch.save({n: t for n, t in tensors.items() if n != lost} | {"extra.weight": torch.ones(2)}, file)
    with pytest.raises(WeightsError, match=rf"missing: {lost}; left over: extra.weight"):
        load_translator(folder)


def test_a_broken_file_in_the_folder_is_named(tmp_path: Path) -> None:
    (adain(tmp_path) / "decoder.pth").write_bytes(b"<html>not found</html>")
    with pytest.raises(WeightsError, match=r"file 'decoder\.pth': it is no torch file"):
        load_translator(tmp_path)


def test_the_hash_of_a_folder_is_that_of_all_its_files(tmp_path: Path) -> None:
    first = open_translator(adain(tmp_path)).sha256
    (tmp_path / "within").mkdir()
    (tmp_path / "decoder.pth").rename(tmp_path / "within" / "decoder.pth")
    assert open_translator(tmp_path).sha256 != first
