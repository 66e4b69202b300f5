"""Fitting pictures in: rotation, transparency, grey, sizes, masks, and files that are no pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tiny
from PIL import Image

from latentart.errors import PictureError, SettingsError
from latentart.models.base import Generator
from latentart.projection.target import make_target, open_target, to_channels


def halves(width: int = 32, height: int = 32) -> np.ndarray:
    """Left half red, right half blue."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[:, : width // 2, 0] = 255
    frame[:, width // 2 :, 2] = 255
    return frame


def test_a_picture_becomes_the_generators_size(G: Generator) -> None:
    target = make_target(halves(), G)
    assert target.img.shape == (1, 3, 16, 16)
    assert target.img[0, 0, 8, 2] > 0.9
    assert target.img[0, 2, 8, 13] > 0.9
    assert target.mask is None


def test_exif_rotation_is_followed(G: Generator, tmp_path: Path) -> None:
    image = Image.fromarray(halves())
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    img = open_target(tmp_path / "a.jpg", G).img
    assert img[0, 0, 2].mean() > 0.5 > img[0, 0, 13].mean()


def test_pad_shows_everything_and_counts_only_the_picture(G: Generator) -> None:
    target = make_target(halves(32, 16), G, fit="pad")
    assert target.mask is not None
    assert target.mask[0, 0, 8].min() > 0.9
    assert target.mask[0, 0, 1].max() < 0.1
    assert make_target(halves(32, 16), G, fit="stretch").mask is None


def test_transparency_is_a_mask(G: Generator) -> None:
    frame = np.concatenate([halves(), np.full((32, 32, 1), 255, np.uint8)], axis=2)
    assert make_target(frame, G).mask is None
    frame[:16, :, 3] = 0
    mask = make_target(frame, G).mask
    assert mask is not None
    assert mask[0, 0, 2].max() < 0.1
    assert mask[0, 0, 13].min() > 0.9
    frame[:, :, 3] = 0
    with pytest.raises(PictureError, match="nothing of 'picture' counts"):
        make_target(frame, G)


def test_models_with_transparency_get_it() -> None:
    G = tiny(img_channels=4)
    frame = np.concatenate([halves(), np.full((32, 32, 1), 0, np.uint8)], axis=2)
    target = make_target(frame, G)
    assert target.mask is None
    assert target.img[:, 3].max() < -0.99


@pytest.mark.parametrize(("given", "wanted"), [(1, 3), (3, 1), (4, 3), (4, 1), (1, 4), (3, 4), (3, 3)])
def test_channels(given: int, wanted: int) -> None:
    assert to_channels(torch.ones(2, given, 4, 4), wanted) == pytest.approx(1)
    assert to_channels(torch.ones(2, given, 4, 4), wanted).shape == (2, wanted, 4, 4)


def test_grey_is_luma() -> None:
    green = torch.tensor([-1.0, 1.0, -1.0]).view(1, 3, 1, 1)
    assert to_channels(green, 1).item() == pytest.approx(2 * 0.7152 - 1, abs=1e-5)
    with pytest.raises(PictureError, match="2 channels"):
        to_channels(torch.ones(1, 2, 4, 4), 3)


def test_a_mask_of_another_size_is_named(G: Generator, tmp_path: Path) -> None:
    Image.fromarray(halves()).save(tmp_path / "a.png")
    Image.new("L", (31, 32), 255).save(tmp_path / "m.png")
    with pytest.raises(PictureError, match="31x32 pixels, its picture 32x32"):
        open_target(tmp_path / "a.png", G, mask=tmp_path / "m.png")
    Image.new("L", (32, 32), 255).save(tmp_path / "m.png")
    target = open_target(tmp_path / "a.png", G, mask=tmp_path / "m.png")
    assert target.mask is not None
    assert target.mask.min() > 0.99


def test_what_is_no_picture_is_said(G: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(PictureError, match="cannot open image"):
        open_target(tmp_path / "a.png", G)
    Image.fromarray(halves()).save(tmp_path / "b.png")
    with pytest.raises(SettingsError, match="did you mean crop"):
        open_target(tmp_path / "b.png", G, fit="corp")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(PictureError, match="more than 500 pixels"):
        open_target(tmp_path / "b.png", G)
