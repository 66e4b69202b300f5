"""Float to uint8 and back, sizes, sheets, image files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from latentart import pixels
from latentart.errors import PictureError, SettingsError


def ramp(height: int, width: int) -> torch.Tensor:
    """[1, 3, H, W], a slope in x, one in y, one in both."""
    y, x = torch.meshgrid(torch.linspace(-0.9, 0.9, height), torch.linspace(-0.9, 0.9, width), indexing="ij")
    return torch.stack([x, y, (x + y) / 2])[None]


def test_uint8_is_the_field_s_convention() -> None:
    img = torch.tensor([-2.0, -1.0, -0.999, 0.0, 0.5, 0.9999, 1.0, 3.0]).reshape(1, 1, 1, 8)
    # clamp(x * 127.5 + 128, 0, 255), truncated: -1 is 0 by its fraction of a half, 0 is 128.
    assert pixels.to_uint8(img).ravel().tolist() == [0, 0, 0, 128, 191, 255, 255, 255]
    assert pixels.to_uint8(torch.full((1, 1, 1, 1), -0.99)).item() == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_uint8_takes_every_float(dtype: torch.dtype) -> None:
    made = pixels.to_uint8(torch.zeros(2, 3, 4, 5, dtype=dtype, requires_grad=True))
    assert (made.shape, made.dtype, made.flags.c_contiguous) == ((2, 4, 5, 3), np.uint8, True)
    assert (made == 128).all()


def test_uint8_leaves_the_picture_as_it_was() -> None:
    img = torch.rand(1, 3, 4, 4)
    before = img.clone()
    pixels.to_uint8(img)
    assert torch.equal(img, before)


def test_a_single_nan_is_an_error_and_no_black_pixel() -> None:
    img = torch.zeros(2, 3, 8, 8)
    img[1, 2, 7, 7] = float("nan")
    with pytest.raises(PictureError, match=r"NaN: use fp32"):
        pixels.to_uint8(img)


def test_infinity_is_just_bright() -> None:
    assert pixels.to_uint8(torch.tensor([float("inf"), float("-inf")]).reshape(1, 1, 1, 2)).ravel().tolist() == [255, 0]


def test_every_byte_survives_the_way_to_float_and_back() -> None:
    frames = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    img = pixels.to_float(frames)
    assert (img.min().item(), img.max().item()) == (-1, 1)
    assert np.array_equal(pixels.to_uint8(img), frames)
    assert np.array_equal(pixels.to_uint8(pixels.to_float(frames[0])), frames)


@pytest.mark.parametrize("text", ["1920x1080", "1920-1080", " 1920 X 1080 "])
def test_sizes_are_read_in_both_spellings(text: str) -> None:
    assert pixels.parse_size(text) == (1920, 1080)


@pytest.mark.parametrize(
    "text", ["", "1920", "1920x", "x", "0x5", "5x0", "-5x5", "1e3x4", "20000x10", "9999999x1", "3x4x5"]
)
def test_sizes_that_make_no_sense(text: str) -> None:
    with pytest.raises(SettingsError, match="size"):
        pixels.parse_size(text)


@given(
    st.sampled_from(pixels.FITS),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_every_fit_gives_exactly_the_size(fit: str, old: tuple[int, int], new: tuple[int, int]) -> None:
    made = pixels.resize(torch.zeros(1, 1, *old), new, fit)
    assert made.shape == (1, 1, new[1], new[0])
    assert bool(((made == 0) | (made == -1)).all())


def test_crop_keeps_proportions_and_the_middle() -> None:
    made = pixels.resize(ramp(64, 64), (64, 32), "crop")
    assert torch.equal(made, ramp(64, 64)[:, :, 16:48])


def test_pad_shows_everything_between_black_bars() -> None:
    made = pixels.resize(ramp(32, 32), (64, 32), "pad")
    assert torch.equal(made[..., 16:48], ramp(32, 32))
    assert (made[..., :16] == -1).all()
    assert (made[..., 48:] == -1).all()


def test_stretch_changes_proportions() -> None:
    made = pixels.resize(ramp(32, 32), (64, 32), "stretch")
    assert torch.allclose(made[:, 1], ramp(32, 64)[:, 1], atol=1e-5)


def test_smaller_pictures_do_not_alias() -> None:
    stripes = torch.ones(1, 1, 64, 64)
    stripes[..., ::2] = -1
    assert pixels.resize(stripes, (20, 20), "stretch").abs().max() < 0.35


def test_the_same_size_changes_nothing() -> None:
    img = torch.rand(1, 3, 20, 30)
    for fit in pixels.FITS:
        assert torch.equal(pixels.resize(img, (30, 20), fit), img)


def test_an_unknown_fit_lists_the_known() -> None:
    with pytest.raises(SettingsError, match=r"unknown fit 'crp': did you mean crop\?"):
        pixels.resize(torch.zeros(1, 1, 4, 4), (4, 4), "crp")


def test_a_sheet_is_filled_row_by_row() -> None:
    frames = [np.full((2, 3, 3), value, np.uint8) for value in (10, 20, 30)]
    page = pixels.sheet(frames, 2)
    assert page.shape == (4, 6, 3)
    assert (page[0, 0, 0], page[0, 3, 0], page[2, 0, 0], page[2, 3, 0]) == (10, 20, 30, 0)


def test_a_sheet_may_have_gaps_and_a_background() -> None:
    page = pixels.sheet([np.zeros((2, 2, 1), np.uint8)] * 4, gap=1, background=255)
    assert page.shape == (7, 7, 1)
    assert (page[0].min(), page[3].min(), page[1, 1, 0]) == (255, 255, 0)


@pytest.mark.parametrize(
    ("shapes", "columns", "gap"),
    [([], 1, 0), ([(2, 2, 3), (2, 3, 3)], 1, 0), ([(2, 2, 3)], 0, 0), ([(2, 2, 3)], 1, -1)],
)
def test_sheets_that_cannot_be(shapes: list[Any], columns: int, gap: int) -> None:
    with pytest.raises(SettingsError, match="a sheet"):
        pixels.sheet([np.zeros(shape, np.uint8) for shape in shapes], columns, gap=gap)


def test_an_image_is_opened_upright(tmp_path: Path) -> None:
    wide = np.zeros((10, 20, 3), np.uint8)
    wide[:, :10] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the right
    Image.fromarray(wide).save(tmp_path / "a.png", exif=exif)
    made = pixels.open_image(tmp_path / "a.png")
    assert made.shape == (20, 10, 3)
    assert (made[0, 0, 0], made[19, 0, 0]) == (200, 0)


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("RGBA", 4), ("L", 1)])
def test_images_come_in_the_mode_asked_for(mode: str, channels: int, tmp_path: Path) -> None:
    for kept in ("RGB", "RGBA", "L", "P", "1", "CMYK"):
        Image.new(kept, (4, 3)).save(tmp_path / "a.tif")
        assert pixels.open_image(tmp_path / "a.tif", mode).shape == (3, 4, channels)


def test_sixteen_bits_are_scaled_and_not_cut(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0x7FFF, 0xFFFF]], np.uint16)).save(tmp_path / "a.png")
    assert pixels.open_image(tmp_path / "a.png", "L").ravel().tolist() == [0, 127, 255]


def png_of(width: int, height: int, data: bytes = b"") -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"hello", "no image, or damaged"),
        (png_of(100, 100)[:40], "damaged"),
        (png_of(100, 100), "damaged"),
        (png_of(12_000, 12_000), "more than .* pixels"),
        (png_of(60_000, 60_000), "more than .* pixels"),
    ],
)
def test_files_that_are_no_usable_image(content: bytes | None, words: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(PictureError, match=words) as told:
        pixels.open_image(tmp_path / "a.png")
    assert "a.png" in str(told.value)
    assert "\n" not in str(told.value)
