"""Picture files as the world has them: profiles, deep and floating pixels, turned by EXIF, HEIC, and what is none."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layouts.profiles import SPACES, profile, to_srgb
from PIL import Image

from latentart import footage, pixels
from latentart.errors import PictureError
from latentart.live.web import inputs
from latentart.media import image_files
from latentart.render import convert
from latentart.training.data import reading
from latentart.translators.load import load_translator

COLOURS = np.array([(250, 60, 20), (30, 200, 90), (20, 40, 220), (128, 128, 128), (255, 255, 255), (240, 220, 60)])
KINDS = {
    ".png": {},
    ".tif": {},
    ".webp": {"lossless": True},
    ".jpg": {"quality": 100, "subsampling": 0},
    ".avif": {"quality": 100},
}


def patches(mode: str = "RGB") -> Image.Image:
    """Each colour on 16x16 pixels, side by side."""
    return Image.fromarray(np.repeat(np.repeat(COLOURS[None], 16, 0), 16, 1).astype(np.uint8)).convert(mode)


def middles(frame: Any) -> Any:
    return frame[8, 8::16, :3].astype(int)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("ending", KINDS)
def test_colours_of_every_embedded_profile_become_those_of_srgb(space: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    patches().save(path, icc_profile=profile(space), **KINDS[ending])
    within = 8 if ending in (".jpg", ".avif") else 2
    assert np.abs(middles(pixels.open_image(path)) - to_srgb(space, COLOURS)).max() <= within
    assert np.abs(middles(reading.read(path, (96, 16), 3)) - to_srgb(space, COLOURS)).max() <= within + 2


@pytest.mark.parametrize("mode", ["RGBA", "P", "PA", "LA", "L", "1"])
@pytest.mark.parametrize("space", ["Display P3", "grey"])
def test_profiles_of_every_kind_of_pixels(mode: str, space: str, tmp_path: Path) -> None:
    picture = patches("P").convert("PA") if mode == "PA" else patches(mode)
    path = tmp_path / ("a.tif" if mode == "PA" else "a.png")
    picture.save(path, icc_profile=profile(space))
    made = middles(pixels.open_image(path, "RGBA"))
    assert made[4].min() >= 253
    if mode == "RGBA" and space == "Display P3":
        assert np.abs(made - to_srgb(space, COLOURS)).max() <= 2
    if mode in ("L", "LA") and space == "grey":
        wanted = to_srgb("linear sRGB", 255 * (middles(np.asarray(picture.convert("RGB"))) / 255) ** 1.8)
        assert np.abs(made - wanted).max() <= 2


def test_srgb_pictures_keep_their_bytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png", icc_profile=profile("sRGB"))
    assert np.array_equal(pixels.open_image(tmp_path / "a.png"), noise)


@pytest.mark.parametrize("damaged", [b"no profile", profile("Display P3")[:200], bytes(128)])
def test_a_damaged_profile_leaves_the_numbers(damaged: bytes, tmp_path: Path) -> None:
    patches().save(tmp_path / "a.png", icc_profile=damaged)
    assert np.array_equal(middles(pixels.open_image(tmp_path / "a.png")), COLOURS)


@pytest.mark.parametrize("ending", [".png", ".webp"])
def test_animated_pictures_have_profiles_too(ending: str, tmp_path: Path) -> None:
    first = patches()
    others = [first.transpose(Image.Transpose.FLIP_TOP_BOTTOM).rotate(180)]
    path = tmp_path / f"a{ending}"
    first.save(
        path, save_all=True, append_images=others, duration=100, lossless=True, icc_profile=profile("Display P3")
    )
    frame = next(footage.read(footage.open_footage(path)))
    assert np.abs(middles(frame) - to_srgb("Display P3", COLOURS)).max() <= 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_live_input_is_read_as_files_are(kind: str) -> None:
    data, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the right
    patches().save(data, kind, icc_profile=profile("Display P3"), exif=exif, quality=100, lossless=True)
    frame = np.rot90(inputs.decode(data.getvalue(), kind))
    assert np.abs(middles(frame) - to_srgb("Display P3", COLOURS)).max() <= 12


def test_live_input_of_16_bits_is_scaled() -> None:
    data = io.BytesIO()
    Image.fromarray(np.array([[0, 0x7FFF, 0xFFFF]], np.uint16)).save(data, "PNG")
    assert inputs.decode(data.getvalue(), "PNG")[0, :, 0].tolist() == [0, 127, 255]


def test_floating_pixels_are_scaled_or_refused(tmp_path: Path) -> None:
    values = np.array([[0.0, 0.5, 1.0]] * 4, np.float32)
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert pixels.open_image(tmp_path / "a.tif", "L")[0, :, 0].tolist() == [0, 128, 255]
    assert reading.read(tmp_path / "a.tif", (3, 4), 1)[0, :, 0].tolist() == [0, 128, 255]
    for wrong in (values * 300, values - 1, values * np.float32("nan")):
        Image.fromarray(wrong).save(tmp_path / "b.tif")
        for read in (pixels.open_image, lambda path: reading.read(path, (3, 4), 1)):
            with pytest.raises(PictureError, match=r"b\.tif.*floating-point pixels from .*scale them to 0\.\.1"):
                read(tmp_path / "b.tif")


WITHOUT_HEIC = """
import sys
sys.modules["pillow_heif"] = None
from latentart import pixels
try:
    pixels.open_image(sys.argv[1])
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.jpg"])
def test_heic_is_opened_with_its_package_and_named_without(name: str, tmp_path: Path) -> None:
    import pillow_heif

    path, exif = tmp_path / name, Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the right
    heic = pillow_heif.from_pillow(patches().resize((192, 64), Image.Resampling.NEAREST))
    heic.info["icc_profile"], heic.info["icc_profile_type"] = profile("Display P3"), "prof"
    heic.save(path, format="HEIF", quality=100, chroma=444, exif=exif.tobytes())
    frame = np.rot90(pixels.open_image(path))
    assert frame.shape == (64, 192, 3)
    assert np.abs(frame[32, 16::32].astype(int) - to_srgb("Display P3", COLOURS)).max() <= 10
    assert image_files.ENDINGS.count(path.suffix.lower()) == 1
    assert reading.header(path).size in ((64, 192), (192, 64))
    done = subprocess.run([sys.executable, "-c", WITHOUT_HEIC, str(path)], capture_output=True, text=True, check=True)
    assert "PictureError" in done.stdout
    assert "it is a HEIC picture: install 'latentart[heic]' to open those, or save it as JPEG" in done.stdout


def test_the_name_of_a_sequence_suggests_its_folder(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"names a sequence, not a file: give the folder of its pictures, '.*'$"):
        pixels.open_image(tmp_path / "shot_%04d.png")
    translate = load_translator("cartoon")
    with pytest.raises(PictureError, match="names a sequence"):
        convert.translate_file(translate, tmp_path / "shot_%04d.png", tmp_path / "a.mp4")


MISNAMED = {
    "empty": (b"", "is empty"),
    "film": (b"\0\0\0\x20ftypisom" + bytes(40), r"MP4 or MOV film, no picture: give its name the ending \.mp4"),
    "document": (b"%PDF-1.7\n" + bytes(40), "a PDF document, which is not read as a picture: save it as PNG"),
    "cut short": (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(40), "a JPEG picture, but damaged or cut short"),
}


@pytest.mark.parametrize("name", MISNAMED)
def test_what_is_no_picture_is_named_with_the_remedy(name: str, tmp_path: Path) -> None:
    content, words = MISNAMED[name]
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(PictureError, match=words):
        pixels.open_image(tmp_path / "a.png")
    with pytest.raises(PictureError, match=words):
        reading.header(tmp_path / "a.png")
