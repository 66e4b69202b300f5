"""Folders of numbered pictures as films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentart import footage, sequence
from latentart.errors import PictureError, TargetError
from latentart.painting.goal import PaintingSettings
from latentart.render import convert, dream, style
from latentart.translators.load import load_translator


def frames(folder: Path, count: int = 11) -> Path:
    folder.mkdir()
    for i in range(count):
        Image.fromarray(np.full((32, 48, 3), 20 * i, np.uint8)).save(folder / f"shot{i}.png")
    return folder


def levels(path: Path) -> list[int]:
    return [round(float(frame.mean()) / 20) for frame in footage.read(footage.open_footage(path))]


@pytest.mark.parametrize("target", ["a.mp4", "a.webm", "a.gif", "a.webp", "a.mkv"])
def test_a_folder_becomes_a_film_in_the_order_of_its_numbers(target: str, tmp_path: Path) -> None:
    T = load_translator("cartoon")
    made = convert.translate_file(T, frames(tmp_path / "in"), tmp_path / target, strength=0, fps=25)
    assert (made.frames, made.size, made.fps) == (11, (48, 32), 25)
    assert levels(made.target) == list(range(11))
    with pytest.raises(TargetError, match="exists already"):
        convert.translate_file(T, tmp_path / "in", tmp_path / target, strength=0)


def test_every_command_makes_a_film_of_a_folder(tmp_path: Path) -> None:
    source = frames(tmp_path / "in", 2)
    painting = style.read_styles([str(source / "shot1.png")])
    made = [
        style.draw_file("mosaic26:7", source, tmp_path / "a.mp4"),
        style.paint_file(painting, source, tmp_path / "b.mp4", PaintingSettings(steps=1)),
        dream.dream_file(source, tmp_path / "c.mp4", strength=0),
    ]
    assert [(each.frames, each.fps, each.target.is_file()) for each in made] == [(2, 30, True)] * 3


def test_other_sizes_fill_the_first_and_damage_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = frames(tmp_path / "in", 3)
    Image.fromarray(np.full((64, 96, 4), 60, np.uint8)).save(source / "shot3.png")
    (source / "shot4.png").write_bytes(b"no picture")
    film = sequence.open_footage(source)
    assert (film.size, film.fps, film.alpha) == ((48, 32), 30, True)
    assert [frame.shape for frame in sequence.read(film)] == [(32, 48, 3)] * 4
    assert [frame.shape for frame in sequence.read(film, None)] == [(32, 48, 4)] * 4
    assert "shot4.png" in caplog.text
    for picture in source.iterdir():
        picture.write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"no picture of .*in' could be used"):
        sequence.open_footage(source)
