"""Many styles in one network, the one that ships, and styles in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from layouts.fast_style import mosaic, mosaic_state
from PIL import Image
from torch import Tensor

from latentart.errors import LatentartError, SettingsError, WeightsError
from latentart.translators.base import Translator
from latentart.translators.load import load_translator, names, open_translator
from latentart.translators.style.spelling import read_style
from latentart.weights import cards, safe


def picture(height: int = 24, width: int = 32, number: int = 1) -> Tensor:
    return torch.rand(number, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


def saved(folder: Path, **shape: int) -> Path:
    path = folder / "net.pth"
    torch.save(mosaic_state(5, **shape), path)
    return path


@pytest.fixture(scope="module")
def T() -> Translator:
    return load_translator("mosaic26", "cpu")


@pytest.mark.parametrize("shares", [(1.0, 0.0, 0.0, 0.0), (0.0, 0.25, 0.0, 0.75)])
@pytest.mark.parametrize("shape", [{}, {"width": 4, "blocks": 3}])
def test_it_computes_what_the_paper_says(shares: tuple[float, ...], shape: dict[str, int], tmp_path: Path) -> None:
    net = load_translator(saved(tmp_path, **shape), "cpu")
    state = {name: tensor.double() for name, tensor in mosaic_state(5, **shape).items()}
    wanted = mosaic(state, picture().double() / 2 + 0.5, torch.tensor(shares).double()) * 2 - 1
    made = net(picture(), style=torch.tensor(shares))
    assert float((made - wanted).norm() / wanted.norm()) <= 1e-5
    assert made.std() > 0.05


def test_what_ships_is_complete_and_small(T: Translator) -> None:
    card = cards.card("mosaic26")
    assert "mosaic26" in names()
    assert (T.style_dim, len(T.style_names), sum(p.numel() for p in T.parameters())) == (26, 26, 166_104)
    assert card.path.stat().st_size < 1 << 20
    assert "Apache" in T.licence
    assert "Apache License, Version 2.0" in card.facts["notice"]
    assert "Apache License" in card.path.with_name("mosaic26.LICENSE").read_text()
    assert card.facts["styles"] == 26


def test_what_ships_makes_26_different_pictures_of_one(T: Translator) -> None:
    img = torch.nn.functional.interpolate(picture(6, 6), (48, 48), mode="bicubic").clamp(-1, 1)
    made = T.translate(img.expand(26, -1, -1, -1), style=torch.eye(26))
    apart = torch.cdist(made.flatten(1), made.flatten(1)) + torch.eye(26) * 1e6
    assert float(apart.min()) > 5
    assert float(made.flatten(1).std(1).min()) > 0.05


def test_the_style_played_first_is_the_one_in_the_config(T: Translator) -> None:
    first = T.style_names[int(T.style.argmax())]  # type: ignore[union-attr]
    torch.testing.assert_close(T.translate(picture()), T.translate(picture(), style=read_style(T, first)))


def test_a_style_for_each_picture_is_as_one_by_one(T: Translator) -> None:
    batch, rows = picture(number=2), torch.eye(26)[[3, 9]]
    together = T.translate(batch, style=rows)
    alone = [T.translate(batch[[i]], style=rows[i]) for i in range(2)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-4)


def test_half_a_strength_is_a_blend_over_the_picture(T: Translator) -> None:
    img = picture()
    torch.testing.assert_close(T.translate(img, 0.5), (img + T.translate(img)) / 2)


@pytest.mark.parametrize("style", [None, torch.zeros(25), torch.zeros(2, 25), torch.zeros(1, 1, 26)])
def test_a_style_of_another_length_is_an_error(T: Translator, style: Tensor | None) -> None:
    with pytest.raises(SettingsError, match="mosaic26 wants a style of 26 shares, not"):
        T._row(style)  # type: ignore[operator]
    if style is not None:
        with pytest.raises(SettingsError, match="wants a style of 26 shares"):
            T.translate(picture(), style=style)


def test_our_own_file_of_it_gives_the_same_pictures(tmp_path: Path) -> None:
    path = saved(tmp_path)
    safe.write(tmp_path / "ours.safetensors", open_translator(path))
    pictures = [load_translator(p, "cpu")(picture()) for p in (path, tmp_path / "ours.safetensors")]
    torch.testing.assert_close(*pictures, rtol=0, atol=0)


@pytest.mark.parametrize("first", [4, -1, "3", 1.0])
def test_a_first_style_that_is_none_is_an_error(first: object, tmp_path: Path) -> None:
    found = open_translator(saved(tmp_path))
    safe.write(tmp_path / "ours.safetensors", type(found)(found.tensors, {**found.config, "style": first}, "", "test"))
    with pytest.raises(WeightsError, match="is not one of the 4 styles"):
        load_translator(tmp_path / "ours.safetensors", "cpu")


def test_broken_files_are_errors_that_name_tensors(tmp_path: Path) -> None:
    state = mosaic_state(5, width=4)
    for name in state:
        for wrong in (None, torch.tensor(1.0), torch.zeros(3)):
            changed = {n: t for n, t in state.items() if n != name or wrong is not None}
            torch.save({**changed, **({} if wrong is None else {name: wrong})}, tmp_path / "net.pth")
            with pytest.raises(WeightsError, match=r"missing|shape|layout|kernel|whole"):
                load_translator(tmp_path / "net.pth", "cpu")


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("7", {7: 1.0}),
        ("7=0.5+3=0.5", {7: 0.5, 3: 0.5}),
        ("7=3+3", {7: 0.75, 3: 0.25}),
        (" 0 = 2 ", {0: 1.0}),
        ("1+1", {1: 1.0}),
    ],
)
def test_styles_in_words(T: Translator, text: str, shares: dict[int, float]) -> None:
    style = read_style(T, text)
    assert {i: pytest.approx(float(style[i])) for i in style.nonzero().flatten().tolist()} == shares
    assert float(style.sum()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("26", "unknown style of mosaic26 '26': did you mean"),
        ("", "unknown style of mosaic26 ''"),
        ("7=x", "cannot read the style '7=x': write 7 or 7=0.5"),
        ("7=nan", "the share 'nan' in '7=nan' is out of range"),
        ("7=-1+3=2", "the share '-1'"),
        ("7=1e999", "the share '1e999'"),
        ("7=0", "add up to nothing"),
        ("a" * 500, "unknown style"),
    ],
)
def test_words_that_make_no_style_are_errors(T: Translator, text: str, message: str) -> None:
    with pytest.raises(LatentartError, match=message) as raised:
        read_style(T, text)
    assert "\n" not in str(raised.value)


class Tinted(Translator):
    """Takes the mean colour of a picture as its style."""

    style_dim, name = 3, "tinted"

    def style_of(self, img: Tensor) -> Tensor:
        return img.mean((0, 2, 3))


def test_a_picture_is_a_style_where_the_network_takes_pictures(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4), (255, 0, 255)).save(tmp_path / "style.png")
    tinted = Tinted()
    tinted.register_parameter("weight", torch.nn.Parameter(torch.zeros(1)))
    torch.testing.assert_close(read_style(tinted, str(tmp_path / "style.png")), torch.tensor([1.0, -1.0, 1.0]))
    with pytest.raises(LatentartError, match="cannot open image"):
        read_style(tinted, str(tmp_path / "missing.png"))


def test_a_network_of_one_style_takes_no_words() -> None:
    plain = Tinted()
    plain.style_dim = 0
    with pytest.raises(SettingsError, match="tinted has one style only: leave out '7'"):
        read_style(plain, "7")
