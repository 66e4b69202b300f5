"""Sequences and stills beyond the contract of every sink."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import tifffile
from PIL import Image

from latentart import provenance
from latentart.errors import SettingsError, TargetError
from latentart.media import transparency
from latentart.pixels import Deep, Frame
from latentart.sinks import open_sink
from latentart.sinks.images import write_image


def frame(value: int = 0, channels: int = 3) -> Frame:
    made = np.full((6, 8, channels), value, np.uint8)
    made[:3, :4] = 200
    return made


def sequence(target: str, count: int = 3, **options: object) -> Path:
    with open_sink(target, **options) as sink:
        for i in range(count):
            sink.write(frame(i))
    return sink.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("target", ["frames/", "frames"])
def test_frames_are_named_as_artists_know_them(target: str, tmp_path: Path) -> None:
    if not target.endswith("/"):
        (tmp_path / target).mkdir()
    made = sequence(f"{tmp_path}/{target}")
    assert names(made) == ["frame0000.png", "frame0001.png", "frame0002.png", "settings.json"]


def test_a_pattern_numbers_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sequence("still-%d.PNG", 11)
    assert names(tmp_path) == sorted([*(f"still-{i}.PNG" for i in range(11)), "settings.json"])


@pytest.mark.parametrize("name", ["%d-%d.png", "%s.png", "%.png", "50%.png", "%500d.png", "%%d.png"])
def test_patterns_without_one_number_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="one place for the number"):
        open_sink(f"{tmp_path}/{name}")


def test_a_folder_keeps_what_else_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "frame.png").write_text("mine")
    sequence(f"{tmp_path}/", 4)
    sequence(f"{tmp_path}/", 2, overwrite=True)
    # The two frames that the longer film had more are gone: they would be taken for part of this one.
    assert names(tmp_path) == ["frame.png", "frame0000.png", "frame0001.png", "notes.txt", "settings.json"]
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_with_frames_is_an_existing_target(tmp_path: Path) -> None:
    sequence(f"{tmp_path}/")
    with pytest.raises(TargetError, match=r"has frames named 'frame%04d.png' already: .*--overwrite"):
        open_sink(f"{tmp_path}/")


@pytest.mark.parametrize("ending", ["png", "jpg", "JPEG", "webp"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_still_carries_its_record(ending: str, channels: int, tmp_path: Path) -> None:
    made = write_image(tmp_path / f"a.{ending}", frame(9, channels), provenance.record(seed=7, note="été"))
    assert names(tmp_path) == [made.name]
    assert provenance.read(made).items() >= {"seed": 7, "note": "été"}.items()
    with Image.open(made) as image:
        shown = np.asarray(image.convert("RGBA" if channels == 4 and image.mode == "RGBA" else "RGB"))
    wanted = np.repeat(frame(9, channels), 3, axis=2) if channels == 1 else frame(9, channels)
    if ending.lower().startswith("j"):
        wanted = transparency.over(wanted)
    assert np.abs(shown.astype(int) - wanted).max() <= (40 if ending.lower().startswith("j") else 0)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_still_is_laid_over_the_ground_that_is_asked_for(ending: str, tmp_path: Path) -> None:
    clear = np.zeros((8, 8, 4), np.uint8)
    made = write_image(tmp_path / f"a.{ending}", clear, ground="white")
    assert provenance.read(made)["ground"] == "white"
    with Image.open(made) as image:
        assert image.mode == "RGB"
        assert np.asarray(image).min() >= 254


def test_a_still_without_settings_says_at_least_what_made_it(tmp_path: Path) -> None:
    assert "torch" in provenance.read(write_image(tmp_path / "a.png", frame()))


def test_a_still_is_not_replaced_unless_told(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", frame(1))
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(TargetError, match="exists already"):
        write_image(tmp_path / "a.png", frame(2))
    assert (tmp_path / "a.png").read_bytes() == before
    write_image(tmp_path / "a.png", frame(2), overwrite=True)
    assert (tmp_path / "a.png").read_bytes() != before


def test_an_ending_that_is_no_picture_is_told(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"unknown picture ending '.pgn': did you mean .png\?"):
        write_image(tmp_path / "a.pgn", frame())


def test_a_record_too_long_for_jpeg_is_told(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"use \.png"):
        write_image(tmp_path / "a.jpg", frame(), {"note": "x" * 70_000})
    assert names(tmp_path) == []
    assert len(provenance.read(write_image(tmp_path / "a.png", frame(), {"note": "x" * 70_000}))["note"]) == 70_000


def deep_frame(i: int, channels: int = 3) -> Deep:
    """Every value of 16 bits, no two pictures alike."""
    return ((np.arange(256 * 256 * channels, dtype=np.uint32) * 40503 + i) % 65536).astype(np.uint16).reshape(
        256, 256, channels
    )  # fmt: skip


def decoded(path: Path) -> Deep:
    """As a program that knows nothing of this project sees it: FFmpeg for PNG, tifffile for TIFF."""
    if path.suffix != ".png":
        return np.asarray(tifffile.imread(path))
    with av.open(str(path)) as file:
        return np.asarray(next(file.decode(video=0)).to_ndarray())


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("target", "options"), [
    ("frames/", {"format": "png16"}), ("frames/", {"format": "tiff16"}), ("%03d.tif", {}), ("%03d.TIFF", {}),
    ("%03d.png", {"format": "png16"}),
])  # fmt: skip
def test_sixteen_bits_come_back_exactly(target: str, options: dict[str, str], channels: int, tmp_path: Path) -> None:
    with open_sink(f"{tmp_path}/{target}", settings={"seed": 7}, **options) as sink:
        for i in range(2):
            sink.write(deep_frame(i, channels))
    made = sink.close()
    assert provenance.read(made)["seed"] == 7
    pictures = sorted(path for path in made.iterdir() if path.suffix != ".json")
    assert len(pictures) == 2
    for i, path in enumerate(pictures):
        assert np.array_equal(decoded(path), np.repeat(deep_frame(i, channels), 3 if channels == 1 else 1, axis=2))
    if pictures[0].suffix == ".png":
        assert provenance.read(pictures[0])["seed"] == 7


def test_eight_bits_in_a_sequence_of_sixteen_keep_their_place(tmp_path: Path) -> None:
    made = sequence(f"{tmp_path}/frames/", format="png16")
    assert np.array_equal(decoded(made / "frame0001.png"), frame(1).astype(np.uint16) * 257)


@pytest.mark.parametrize(("target", "options", "said"), [
    ("frames/", {"format": "png8"}, "unknown format of a sequence 'png8'"),
    ("%d.png", {"format": "tiff16"}, r"'tiff16' does not go into '%d.png': use .tif or .tiff"),
    ("%d.tif", {"format": "png"}, r"'png' does not go into"),
])  # fmt: skip
def test_formats_that_do_not_go_with_a_name_are_refused(target: str, options: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        open_sink(f"{tmp_path}/{target}", **options)


def test_sixteen_bits_are_refused_where_eight_are_kept(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a frame is uint8 "), open_sink(f"{tmp_path}/frames/") as sink:
        sink.write(deep_frame(0))


@pytest.mark.parametrize("channels", [3, 4])
def test_a_lossless_film_keeps_sixteen_bits(channels: int, tmp_path: Path) -> None:
    with open_sink(tmp_path / "film.mkv", format="ffv1-16") as sink:
        sink.write(deep_frame(3, channels))
    with av.open(str(sink.close())) as film:
        shown = next(film.decode(video=0)).to_ndarray(format="rgb48le" if channels == 3 else "rgba64le")
    assert np.array_equal(shown, deep_frame(3, channels))


def test_ten_bits_are_ten_bits_of_the_picture(tmp_path: Path) -> None:
    """A dark slope: from 8 bits it would have a handful of levels."""
    slope = np.broadcast_to(np.linspace(0, 6000, 512).astype(np.uint16)[None, :, None], (128, 512, 3))
    levels = {}
    for name, picture in (("deep", slope), ("flat", (slope // 257).astype(np.uint8))):
        with open_sink(tmp_path / f"{name}.mov") as sink:
            sink.write(picture)
        with av.open(str(sink.close())) as film:
            luma = next(film.decode(video=0)).reformat(format="gray10le").to_ndarray()
        levels[name] = len(np.unique(luma))
    assert levels["deep"] > 2.5 * levels["flat"]
