"""GIF and WebP beyond the contract of every sink."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentart import provenance
from latentart.errors import LatentartError
from latentart.pixels import Frame
from latentart.sinks import open_sink
from latentart.sinks.animation import add_exif, gif_comment, gif_head, webp_milliseconds


def frame(i: int) -> Frame:
    y, x = np.mgrid[0:64, 0:64]
    return np.stack([x * 4, y * 4, (x + y + i * 30) % 256], axis=2).astype(np.uint8)


def loop(target: Path, frames: list[Frame], **options: Any) -> Path:
    with open_sink(target, **options) as sink:
        for picture in frames:
            sink.write(picture)
    return sink.close()


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("a.gif", {"fps": 60}, r"\.gif at 60 fps would play slower: give at most 50"),
        ("a.webp", {"fps": 120}, r"\.webp at 120 fps would play slower: give at most 100"),
        ("a.gif", {"quality": 80}, r"a GIF has no quality, but 80 was given"),
        ("a.webp", {"quality": 101}, r"quality 101 makes no sense"),
        ("a.webp", {"quality": "best"}, r"quality 'best' makes no sense"),
        ("a.gif", {"crf": 16}, r"unknown option for 'a.gif': 'crf'"),
    ],
)
def test_bad_settings_get_one_line(
    target: str, options: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LatentartError, match=words):
        open_sink(target, **options)


def test_each_frame_of_a_gif_has_its_own_colours(tmp_path: Path) -> None:
    frames = [frame(i) for i in range(4)]
    with Image.open(loop(tmp_path / "a.gif", frames)) as gif:
        for i, wanted in enumerate(frames):
            gif.seek(i)
            assert np.abs(np.asarray(gif.convert("RGB")).astype(int) - wanted).mean() < 7


def test_quality_of_webp_reaches_the_encoder(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(3)]
    sizes = [loop(tmp_path / f"{q}.webp", frames, quality=q).stat().st_size for q in (10, 90, 100)]
    assert sizes[0] < sizes[1] / 2 < sizes[2] / 2


@pytest.mark.parametrize("ending", [".gif", ".webp"])
@pytest.mark.parametrize("count", [1, 5])
def test_a_film_that_stands_still_is_still_a_film(ending: str, count: int, tmp_path: Path) -> None:
    made = loop(tmp_path / f"a{ending}", [frame(0)] * count)
    assert provenance.read(made)["frames"] == count


def test_a_long_record_survives_in_both(tmp_path: Path) -> None:
    for ending in (".gif", ".webp"):
        made = loop(tmp_path / f"a{ending}", [frame(0), frame(1)], settings={"note": "x" * 100_000})
        (tmp_path / "a.json").unlink()
        assert len(provenance.read(made)["note"]) == 100_000


@pytest.mark.parametrize("length", [0, 1, 254, 255, 256, 510, 1000])
def test_a_gif_comment_of_any_length_is_read_by_others(length: int) -> None:
    plain = io.BytesIO()
    Image.new("P", (2, 2)).save(plain, "GIF")
    plain.seek(0)
    text = b"y" * length
    made = gif_head(plain) + gif_comment(text) + plain.read()
    assert Image.open(io.BytesIO(made)).info.get("comment", b"") == text


@pytest.mark.parametrize("length", [10, 11])
def test_exif_is_appended_to_a_webp_as_others_read_it(length: int) -> None:
    made = io.BytesIO()
    pictures = [Image.fromarray(frame(i)) for i in range(3)]
    pictures[0].save(made, "WEBP", save_all=True, append_images=pictures[1:], duration=40)
    assert webp_milliseconds(made) == 120
    add_exif(made, provenance.user_comment("z" * length))
    assert len(made.getvalue()) == int.from_bytes(made.getvalue()[4:8], "little") + 8
    with Image.open(io.BytesIO(made.getvalue())) as read:
        assert read.getexif().get_ifd(0x8769)[0x9286] == b"ASCII\0\0\0" + b"z" * length
        assert read.n_frames == 3


def test_a_gif_clears_what_moved_away(tmp_path: Path) -> None:
    frames = [np.zeros((8, 16, 4), np.uint8) for _ in range(3)]
    for i, frame in enumerate(frames):
        frame[:, 4 * i : 4 * i + 4] = (200, 40, 40, 255)
    loop(tmp_path / "a.gif", frames)
    with Image.open(tmp_path / "a.gif") as made:
        for i, frame in enumerate(frames):
            made.seek(i)
            assert np.array_equal(np.asarray(made.convert("RGBA"))[..., 3], frame[..., 3])
