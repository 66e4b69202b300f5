"""The two networks that were trained with these commands and ship: they open by name, and do what their cards say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from latentart import pixels
from latentart.translators.load import load_translator
from latentart.weights import cards
from tests.training.data.test_pairs import scene


def drawing() -> Tensor:
    """A face in black lines on white, [1, 3, 128, 128]."""
    image = Image.new("RGB", (512, 512), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((90, 90, 420, 420), outline="black", width=16)
    for x in (200, 310):
        draw.ellipse((x - 16, 200, x + 16, 232), fill="black")
    draw.arc((180, 220, 330, 340), 20, 160, fill="black", width=16)
    return pixels.resize(pixels.to_float(np.asarray(image)), (128, 128))


@pytest.mark.parametrize(
    ("name", "family", "most"), [("openmoji-128", "pix2pix", 6_000_000), ("waves", "fast_style", 1_000_000)]
)
def test_they_open_by_name_and_state_their_licence(name: str, family: str, most: int) -> None:
    T = load_translator(name, "cpu")
    assert (T.name, T.family) == (name, family)
    assert T.licence == cards.card(name).facts["license"]
    assert cards.card(name).path.stat().st_size < most
    assert {"license", "data", "training", "notes"} <= cards.card(name).facts.keys()


def test_a_drawn_face_becomes_yellow_and_the_paper_stays_white() -> None:
    made = load_translator("openmoji-128", "cpu").translate(drawing())[0]
    inside = made[:, 60:75, 55:73].mean((1, 2))
    assert float(inside[0]) > 0.5  # red and green, no blue
    assert float(inside[1]) > 0.3
    assert float(inside[2]) < 0.2
    assert float(made[:, :12, :12].mean()) > 0.9


def test_waves_paints_lines_and_keeps_forms() -> None:
    photo = pixels.resize(pixels.to_float(scene(size=(512, 512))), (256, 256))
    made = load_translator("waves", "cpu").translate(photo)
    lines = [float((img.mean(1).diff(dim=1).abs() > 0.04).float().mean()) for img in (photo, made)]
    assert lines[1] > 5 * lines[0]
    forms = [torch.nn.functional.avg_pool2d(img, 16).mean(1).flatten() for img in (photo, made)]
    assert float(torch.corrcoef(torch.stack(forms))[0, 1]) > 0.6


def test_the_painting_is_the_one_that_the_script_draws() -> None:
    path = Path(__file__).parents[2] / "docs" / "images" / "training" / "waves.jpg"
    shown = pixels.open_image(path)
    assert shown.shape == (640, 640, 3)
    assert shown[160, 430, 0] > shown[160, 430, 2] + 80  # the sun
