"""Translators behind a generator: how a line is read, and what a chain draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from latentart.errors import LatentartError, SettingsError
from latentart.translators import chain
from latentart.translators.base import Translator
from latentart.translators.chain import Chain, parse, spelled


class Tint(Translator):
    """Adds its style, a colour, to the picture."""

    name, family, style_dim, style_names = "tint", "tint", 3, ("red", "green", "blue")

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        return img if style is None else img + style[:, None, None]


@pytest.fixture
def tint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "load_translator", lambda network, device=None: Tint())


def dark(count: int = 1) -> Tensor:
    return torch.full((count, 3, 4, 6), -1.0)


@pytest.mark.parametrize(
    ("text", "network", "styles", "strengths"),
    [
        ("cartoon", "cartoon", (), (1.0,)),
        ("cartoon@0.5", "cartoon", (), (0.5,)),
        ("style", "mosaic26", (), (1.0,)),
        ("style:mosaic26:7@0.6", "mosaic26", ("7",), (0.6,)),
        ("style:mosaic26:7=0.5+3=0.5", "mosaic26", ("7=0.5+3=0.5",), (1.0,)),
        ("style:mosaic26:3..7..12@0..1..0", "mosaic26", ("3", "7", "12"), (0.0, 1.0)),
        ("translate:a/b.pth@1", "a/b.pth", (), (1.0,)),
        ("style:adain:../sea.jpg@1", "adain", ("../sea.jpg",), (1.0,)),
    ],
)
def test_a_line_is_read(text: str, network: str, styles: tuple[str, ...], strengths: tuple[float, ...]) -> None:
    link = parse(text)
    assert (link.network, link.styles, link.strength.keys) == (network, styles, strengths)


def test_colons_and_at_signs_may_belong_to_a_path(tmp_path: Path) -> None:
    file = tmp_path / "me@home:1.pth"
    file.touch()
    assert parse(f"translate:{file}@0.5").network == str(file)
    assert parse(f"style:{file}:7").styles == ("7",)
    assert spelled(f"style:{file}:7@0.5") == "style:me@home:1.pth:7@0.5"
    assert spelled("cartoon@0..1..0") == "cartoon@0..1..0"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stile:mosaic26", "unknown translator kind 'stile': did you mean style"),
        ("translate", "names no network"),
        ("translate:@0.5", "names no network"),
        ("cartoon@-1", "strength -1.0 is out of range"),
        ("cartoon@0..3", "strength 3.0 is out of range"),
        ("cartoon@0..", "cannot read the amount"),
        ("", "unknown translator kind ''"),
    ],
)
def test_a_wrong_line_is_one_clear_error(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as raised:
        parse(text)
    assert "\n" not in str(raised.value)


def test_too_many_translators_and_unknown_networks() -> None:
    with pytest.raises(SettingsError, match="at most 8"):
        Chain(["cartoon"] * 9)
    with pytest.raises(LatentartError, match="unknown translator 'mosaik26'"):
        Chain(["style:mosaik26"])


@pytest.mark.usefixtures("tint")
def test_strength_and_style_follow_the_phase() -> None:
    play = Chain(["style:tint:red..blue@0..1"])
    made = play(dark(4), np.array([0, 0.25, 0.5, 0.75]))
    assert made.shape == (4, 3, 4, 6)
    torch.testing.assert_close(made[0], dark()[0])
    torch.testing.assert_close(made[2, :, 0, 0], torch.tensor([-1.0, -1.0, 0.0]))
    # Halfway around, half of each colour at half strength.
    torch.testing.assert_close(made[1, :, 0, 0], torch.tensor([-0.75, -1.0, -0.75]))
    torch.testing.assert_close(made[1], made[3])


@pytest.mark.usefixtures("tint")
def test_translators_play_one_after_the_other() -> None:
    made = Chain(["style:tint:red", "style:tint:green@0.5"])(dark(), np.zeros(1))
    torch.testing.assert_close(made[0, :, 0, 0], torch.tensor([0.0, -0.5, -1.0]))


@pytest.mark.usefixtures("tint")
def test_grey_pictures_and_a_chain_without_style() -> None:
    assert Chain(["style:tint"])(dark()[:, :1], np.zeros(1)).shape == (1, 3, 4, 6)


@pytest.mark.usefixtures("tint")
def test_an_unknown_style_names_those_there_are() -> None:
    with pytest.raises(SettingsError, match="unknown style of tint 'rad': did you mean red"):
        Chain(["style:tint:rad"])


@pytest.mark.usefixtures("tint")
def test_the_record_names_networks_styles_and_strengths() -> None:
    assert Chain(["style:tint:red..blue@0.5"]).record() == [
        {"network": "tint", "styles": ["red", "blue"], "strength": [0.5], "family": "tint", "sha256": ""}
    ]
