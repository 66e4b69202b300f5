"""`latentart cartoon` as people type it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from layouts import arbitrary, cartoons
from layouts.pix2pix import UNet, shaken

from latentart import footage, pixels, provenance
from latentart.cli import group
from latentart.errors import LatentartError
from latentart.sinks.images import write_image
from latentart.sinks.sink import open_sink
from latentart.translators.chain import Chain
from latentart.translators.load import load_translator


def run(*arguments: object) -> Result:
    return CliRunner().invoke(group, ["cartoon", *map(str, arguments), "--device", "cpu"])


def error(result: Result) -> str:
    assert isinstance(result.exception, LatentartError), result.output
    return str(result.exception)


def drawing(path: Path, height: int = 40, width: int = 52) -> Path:
    down, across = np.mgrid[:height, :width]
    disc = (down - height / 2) ** 2 + (across - width / 2) ** 2 < (height / 3) ** 2
    frame = np.stack([disc * 120 + 60, across * 3, down * 4], axis=2).astype(np.uint8)
    return write_image(path, frame)


def white_box(folder: Path) -> Path:
    np.savez(folder / "whitebox.npz", **{name: t.numpy() for name, t in cartoons.whitebox().items()})
    return folder / "whitebox.npz"


def test_a_picture_becomes_what_the_library_draws(tmp_path: Path) -> None:
    photo = drawing(tmp_path / "photo.png")
    result = run(photo, "-o", tmp_path / "out.png", "--lines", 1.5, "--levels", 5)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[0] == (
        "ink: ink; lines 1.5; levels 5; smoothness 1; licence: MIT, part of latentart"
    )
    assert result.output.splitlines()[-1] == str(tmp_path / "out.png")
    T = load_translator("ink", "cpu", lines=1.5, levels=5)
    with torch.inference_mode():
        wanted = pixels.to_uint8(T.translate(pixels.to_float(pixels.open_image(photo))))[0]
    assert np.array_equal(pixels.open_image(tmp_path / "out.png"), wanted)


def test_the_picture_carries_its_settings(tmp_path: Path) -> None:
    run(drawing(tmp_path / "photo.png"), "-o", tmp_path / "out.png", "--strength", 0.5, "--levels", 4)
    record = provenance.read(tmp_path / "out.png")
    assert (record["translator"]["family"], record["source"]) == ("ink", "photo.png")
    assert record["translation"]["strength"] == 0.5
    assert "levels 4" in record["translator"]["switches"]


def test_a_folder_becomes_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        drawing(tmp_path / "in" / f"{name}.png")
    (tmp_path / "in" / "torn.png").write_bytes(b"\x89PNG torn")
    result = run(tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    assert "left out: cannot open image" in result.output


def test_a_film_becomes_a_film(tmp_path: Path) -> None:
    with open_sink(str(tmp_path / "clip.mp4"), fps=10) as sink:
        for _ in range(3):
            sink.write(
                pixels.open_image(drawing(tmp_path / "photo.png") if not sink.frames else tmp_path / "photo.png")
            )
    result = run(tmp_path / "clip.mp4", "-o", tmp_path / "out.mp4", "--smoothing", 0.5)
    assert result.exit_code == 0, result.output
    made = footage.open_footage(tmp_path / "out.mp4")
    assert (made.size, made.fps, len(list(footage.read(made)))) == ((52, 40), 10, 3)


def test_a_network_of_another_project_says_its_licence(tmp_path: Path) -> None:
    photo, network = drawing(tmp_path / "photo.png"), white_box(tmp_path)
    result = run(photo, "--network", network, "-o", tmp_path / "out.png")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("whitebox: whitebox; widths 4, 8, 16; 2 blocks;")
    assert "licence: CC BY-NC-SA 4.0, Wang and Yu: no commercial use" in result.output


def test_a_network_of_another_kind_says_which_command_plays_it(tmp_path: Path) -> None:
    photo, unet = drawing(tmp_path / "photo.png"), tmp_path / "unet.pth"
    torch.save(shaken(UNet(5, 4)).state_dict(), unet)
    words = error(run(photo, "--network", unet, "-o", tmp_path / "out.png"))
    assert "is no cartoon network, it is of family 'pix2pix': say latentart translate PICTURE --network" in words
    words = error(run(photo, "--network", "mosaic26", "-o", tmp_path / "out.png"))
    assert "say latentart style PICTURE --style mosaic26:0 -o OUT" in words
    (tmp_path / "adain").mkdir()
    arbitrary.save(tmp_path / "adain", arbitrary.adain()[2])
    words = error(run(photo, "--network", tmp_path / "adain", "-o", tmp_path / "out.png"))
    assert "adain:PAINTING -o OUT" in words
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--network", "inc"], "unknown translator 'inc': did you mean ink?"),
        (["--lines", "9"], "lines 9.0 is out of range"),
        (["--strength", "-1"], "strength -1.0 is out of range"),
        (["--smoothing", "nan"], "smoothing nan is out of range"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(LatentartError, match=words):
        raise run(drawing(tmp_path / "photo.png"), "-o", tmp_path / "out.png", *arguments).exception  # type: ignore[misc]


def test_ink_has_no_meaning_for_a_network(tmp_path: Path) -> None:
    result = run(drawing(tmp_path / "p.png"), "--network", white_box(tmp_path), "--lines", 1, "-o", tmp_path / "o.png")
    assert "unknown switch of whitebox 'lines'" in error(result)


def test_pictures_that_are_too_small_or_missing_are_said(tmp_path: Path) -> None:
    assert "too small for ink" in error(run(drawing(tmp_path / "tiny.png", 5, 9), "-o", tmp_path / "out.png"))
    assert "cannot open image" in error(run(tmp_path / "none.png", "-o", tmp_path / "out.png"))


def test_it_is_the_cartoon_of_a_chain() -> None:
    img = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    made = Chain(["cartoon@0.5"], "cpu")(img, np.zeros(1))
    torch.testing.assert_close(made, load_translator("ink", "cpu").translate(img, 0.5))
