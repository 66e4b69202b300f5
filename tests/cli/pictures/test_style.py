"""`latentart style` and `latentart dream`, as people type them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentart import footage, pixels, provenance
from latentart.errors import SettingsError
from latentart.render import style
from tests.render.test_convert import film, grey, levels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("style")
    y, x = np.mgrid[:40, :48]
    photo = np.stack([np.sin(x / 5) * np.cos(y / 6), np.sin(y / 7), np.cos(x / 9)], -1) * 100 + 128
    Image.fromarray(photo.astype(np.uint8)).save(folder / "photo.png")
    lines = np.repeat((np.sin(x * 0.9 + y * 0.4) * 120 + 128)[..., None], 3, axis=2)
    for name in ("lines.png", "my=art.png"):
        Image.fromarray(lines.astype(np.uint8)).save(folder / name)
    half = np.zeros((40, 48), np.uint8)
    half[:, :24] = 255
    Image.fromarray(half).save(folder / "left.png")
    Image.fromarray(half[:24]).save(folder / "wrong.png")
    Image.fromarray(half * 0).save(folder / "black.png")
    film(folder / "clip.mp4", [40, 60, 80])
    (folder / "notes.txt").write_text("no picture")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def run(arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """(exit code, stdout, stderr)."""
    from latentart.cli import main

    monkeypatch.chdir(folder)
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    for number, handler in before.items():
        signal.signal(number, handler)
    said = capsys.readouterr()
    return stop.value.code or 0, said.out, said.err


PAINT = ["--style", "lines.png", "--steps", "2"]


def test_a_painting_with_its_search(folder: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    out = [*PAINT, "-o", str(tmp_path / "a.png"), "--film", str(tmp_path / "search.mp4")]
    assert run(["style", "photo.png", *out], folder, monkeypatch, capsys)[:2] == (0, f"{tmp_path}/a.png: 48x40\n")
    record = provenance.read(tmp_path / "a.png")["painting"]
    assert (record["steps"], record["styles"]) == (2, [{"name": "lines.png", "share": 1.0, "mask": False}])
    assert len(levels(tmp_path / "search.mp4")) == 2 + style.FILM_FPS


def test_options_of_painting_arrive(folder: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    given = {"style_weight": "9", "content_weight": "2", "tv": "0.1", "style_scale": "0.9", "loss": "wasserstein",
             "init": "noise", "seed": "4", "strength": "0.5"}  # fmt: skip
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    out = ["--keep-colours", "--size", "36", "--mask", "left.png", "-o", str(tmp_path / "a.png")]
    code, said, error = run(["style", "photo.png", *PAINT, *words, *out], folder, monkeypatch, capsys)
    assert (code, said) == (1, ""), error
    assert "36x30 is too small to paint: give 32 pixels" in error
    out[2] = "40"
    assert run(["style", "photo.png", *PAINT, *words, *out], folder, monkeypatch, capsys)[0] == 0
    kept = provenance.read(tmp_path / "a.png")["painting"]
    wanted = {"style": 9.0, "content": 2.0, "tv": 0.1, "scale": 0.9, "loss": "wasserstein", "init": "noise", "seed": 4,
              "strength": 0.5, "keep_colours": "luminance"}  # fmt: skip
    assert {name: kept[name] for name in wanted} == wanted
    assert kept["styles"][0]["mask"] is True


def test_a_network_draws_pictures_folders_and_films(folder: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    network = ["--style", "mosaic26:7=0.5+3=0.5", "--strength", "0.6"]
    assert run(["style", "photo.png", *network, "-o", f"{tmp_path}/a.png"], folder, monkeypatch, capsys)[0] == 0
    then = provenance.read(tmp_path / "a.png")["then"][0]
    assert (then["network"], then["styles"], then["strength"]) == ("mosaic26", ["7=0.5+3=0.5"], [0.6])
    code, said, error = run(["style", "clip.mp4", *network, "-o", f"{tmp_path}/b.mp4"], folder, monkeypatch, capsys)
    assert (code, said) == (0, f"{tmp_path}/b.mp4: 64x48, 3 frames at 10 fps\n"), error
    assert provenance.read(tmp_path / "b.mp4")["smoothing"] == 0.8
    code, said, error = run(["style", ".", *network, "-o", f"{tmp_path}/out"], folder, monkeypatch, capsys)
    assert code == 0
    assert "left out: cannot open image 'broken.jpg'" in error
    assert "6 pictures" in said


def test_a_film_is_painted(folder: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    out = [*PAINT, "-o", f"{tmp_path}/b.mp4"]
    assert run(["style", "clip.mp4", *out], folder, monkeypatch, capsys)[0] == 0
    assert len(levels(tmp_path / "b.mp4")) == 3


def test_dreams_and_flights(folder: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    quick = ["--layer", "relu1_2", "--steps", "1", "--octaves", "1"]
    out = ["-o", f"{tmp_path}/a.png", "--film", f"{tmp_path}/z.mp4", "--seconds", "0.4", "--fps", "10", "--loop"]
    code, said, error = run(["dream", "photo.png", *quick, *out], folder, monkeypatch, capsys)
    assert code == 0, error
    assert f"{tmp_path}/z.mp4: 48x40, 4 frames at 10 fps" in said
    assert provenance.read(tmp_path / "z.mp4")["flight"]["loop"] is True
    assert provenance.read(tmp_path / "a.png")["dream"]["layer"] == "relu1_2"
    again = ["dream", "photo.png", *quick, "--channels", "3,8-9", "--guide", "lines.png", "-o", f"{tmp_path}/c.png"]
    assert run([*again, "--strength", "0"], folder, monkeypatch, capsys)[0] == 0
    assert np.array_equal(pixels.open_image(tmp_path / "c.png"), pixels.open_image(folder / "photo.png"))
    assert run(["dream", "clip.mp4", *quick, "-o", f"{tmp_path}/d.mp4"], folder, monkeypatch, capsys)[0] == 0
    assert len(levels(tmp_path / "d.mp4")) == 3


def test_an_option_without_use_is_called_by_its_name(folder: Path, monkeypatch, capsys) -> None:
    for words in (["--style-weight", "3"], ["--mask", "left.png"]):
        arguments = ["style", "photo.png", "--style", "mosaic26:7", *words, "-o", "x.png"]
        assert f"{words[0]} is for styles painted" in run(arguments, folder, monkeypatch, capsys)[2]


def test_motifs_are_channels_by_name() -> None:
    from latentart.cli.pictures.dream import channels
    from latentart.painting.dream import MOTIFS

    assert channels("pearls") == MOTIFS["pearls"]
    assert channels("3,7-9") == (3, 7, 8, 9)
    with pytest.raises(SettingsError, match="scales, pearls"):
        channels("dogs")


BAD = {
    "no such picture": ["style", "none.png", *PAINT, "-o", "x.png"],
    "no such style": ["style", "photo.png", "--style", "none.png", "-o", "x.png"],
    "a damaged style": ["style", "photo.png", "--style", "broken.jpg", "-o", "x.png"],
    "no picture at all": ["style", "notes.txt", *PAINT, "-o", "x.png"],
    "no such network": ["style", "photo.png", "--style", "moziac26:7", "-o", "x.png"],
    "no such style of it": ["style", "photo.png", "--style", "mosaic26:99", "-o", "x.png"],
    "a text as network": ["style", "photo.png", "--style", "notes.txt", "-o", "x.png"],
    "both": ["style", "photo.png", *PAINT, "--style", "mosaic26:7", "-o", "x.png"],
    "two networks": ["style", "photo.png", "--style", "mosaic26:7", "--style", "mosaic26:8", "-o", "x.png"],
    "a share in words": ["style", "photo.png", "--style", "lines.png=much", "-o", "x.png"],
    "strength": ["style", "photo.png", *PAINT, "--strength", "1.5", "-o", "x.png"],
    "strength of a network": ["style", "photo.png", "--style", "mosaic26:7", "--strength", "nan", "-o", "x.png"],
    "steps of a network": ["style", "photo.png", "--style", "mosaic26:7", "--steps", "3", "-o", "x.png"],
    "loss": ["style", "photo.png", *PAINT, "--loss", "gramm", "-o", "x.png"],
    "too many masks": ["style", "photo.png", *PAINT, "--mask", "left.png", "--mask", "left.png", "-o", "x.png"],
    "another mask": ["style", "photo.png", *PAINT, "--mask", "wrong.png", "-o", "x.png"],
    "a black mask": ["style", "photo.png", *PAINT, "--mask", "black.png", "-o", "x.png"],
    "smoothing of a painting": ["style", "clip.mp4", *PAINT, "--smoothing", "0.5", "-o", "x.mp4"],
    "smoothing": ["style", "clip.mp4", "--style", "mosaic26:7", "--smoothing", "2", "-o", "x.mp4"],
    "a film of a film": ["style", "clip.mp4", *PAINT, "--film", "s.mp4", "-o", "x.mp4"],
    "ending": ["style", "photo.png", *PAINT, "-o", "x.tga"],
    "existing": ["style", "photo.png", *PAINT, "-o", "photo.png"],
    "no folder": ["style", "photo.png", *PAINT, "-o", "nowhere/x.png"],
    "pixels": ["style", "photo.png", *PAINT, "--size", "0", "-o", "x.png"],
    "a dream of nothing": ["dream", "photo.png"],
    "layer": ["dream", "photo.png", "--layer", "relu9", "-o", "x.png"],
    "channels": ["dream", "photo.png", "--channels", "x", "-o", "x.png"],
    "too high a channel": ["dream", "photo.png", "--channels", "999", "-o", "x.png"],
    "seconds without flight": ["dream", "photo.png", "--seconds", "2", "-o", "x.png"],
    "seconds": ["dream", "photo.png", "--film", "x.mp4", "--seconds", "0"],
    "guide": ["dream", "photo.png", "--guide", "none.png", "-o", "x.png"],
    "strength of a dream": ["dream", "photo.png", "--strength", "3", "-o", "x.png"],
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_line_and_leaves_nothing(case: str, folder: Path, monkeypatch, capsys) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    code, _, error = run(BAD[case], folder, monkeypatch, capsys)
    assert code == 1
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize(
    ("spec", "picture", "share"),
    [("a.jpg", True, 1.0), ("a.jpg=0.7", True, 0.7), ("mosaic26:7=0.5+3=0.5", False, None), ("style.pth", False, None),
     ("adain/:a.jpg", False, None), ("magenta:art/a.jpg", False, None),
     ("C:/a.jpg", True, 1.0), ("C/b.png=2", True, 2.0), ("mosaic26", False, None)],
)  # fmt: skip
def test_what_a_style_is(spec: str, picture: bool, share: float | None) -> None:
    assert style.is_picture(spec) is picture
    if share is not None:
        assert style.share(spec)[1] == share


def test_a_picture_with_an_equals_sign_in_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert style.is_picture("my=art.png")
    assert style.share("my=art.png") == ("my=art.png", 1.0)
    assert style.share("my=art.png=0.3") == ("my=art.png", 0.3)
    with pytest.raises(SettingsError, match="cannot read the share"):
        style.share("lines.png=x")


def test_ctrl_c_keeps_the_painting(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "latentart", "style", "photo.png", "--style", "lines.png", "--steps", "99999",
               "--preview", str(tmp_path / "now.png"), "-o", str(tmp_path / "a.png")]  # fmt: skip
    quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=quiet)
    deadline = time.monotonic() + 80
    # The preview is there two seconds into the search.
    while not (tmp_path / "now.png").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert f"{tmp_path}/a.png' holds the painting after" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]
    painted, photo = (pixels.open_image(path).astype(int) for path in (tmp_path / "a.png", folder / "photo.png"))
    assert np.abs(painted - photo).mean() > 1


def test_a_folder_painted_stops_where_it_was_stopped(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(grey(90)).save(tmp_path / "in" / name)
    styles = style.read_styles([str(folder / "lines.png")])

    def stop(done: int, total: int, draw: object) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        style.paint_file(styles, tmp_path / "in", tmp_path / "out", style.PaintingSettings(steps=9), on_step=stop)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]
    assert not footage.moves(tmp_path / "out" / "a.png")


def test_a_network_draws_in_tiles(folder: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    network = ["style", "photo.png", "--style", "mosaic26:24", "--size", "90x75"]
    for name, more in {"whole": [], "tiles": ["--tile", "32"]}.items():
        code, _, error = run([*network, *more, "-o", f"{tmp_path}/{name}.png"], folder, monkeypatch, capsys)
        assert code == 0, error
    whole, tiled = (pixels.open_image(tmp_path / f"{name}.png").astype(int) for name in ("whole", "tiles"))
    assert np.abs(whole - tiled).max() <= 1
    assert provenance.read(tmp_path / "tiles.png")["tile"] == 32
    code, _, error = run([*network, "--tile", "3", "-o", f"{tmp_path}/a.png"], folder, monkeypatch, capsys)
    assert (code, "tiles of 3 pixels are too small" in error) == (1, True)
    code, _, error = run(["style", "photo.png", *PAINT, "--tile", "64", "-o", "a.png"], folder, monkeypatch, capsys)
    assert (code, "--tile is for networks" in error) == (1, True)


def test_a_picture_that_is_there_is_no_preview(folder: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "mine.png").write_bytes((folder / "photo.png").read_bytes())
    (tmp_path / "a.preview.png").write_text("mine as well")
    out = ["--steps", "2", "--size", "40", "-o", f"{tmp_path}/a.png"]
    told = run(["style", "photo.png", *PAINT, *out, "--preview", f"{tmp_path}/mine.png"], folder, monkeypatch, capsys)
    assert told[0] == 1
    assert "mine.png' exists already" in told[2]
    assert run(["style", "photo.png", *PAINT, *out], folder, monkeypatch, capsys)[0] == 0
    assert (tmp_path / "mine.png").read_bytes() == (folder / "photo.png").read_bytes()
    assert (tmp_path / "a.preview.png").read_text() == "mine as well"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["style", "photo.png", "--style", ""], "a style without a name"),
        (["style", "photo.png", "--style", "mosaic26:7", "--strength", "nan"], "strength nan is out of range"),
        (["style", "photo.png", "--style", "mosaic26:7", "--strength", "1e400"], "strength inf is out of range"),
        (["style", "clip.mp4", "--style", "mosaic26:7", "--smoothing", "nan"], "smoothing nan is out of range"),
        (["style", "photo.png", "--style", "lines.png=nan"], "cannot read the share 'nan'"),
        (["style", "photo.png", "--style", "lines.png=-1"], "cannot read the share '-1'"),
        (["dream", "photo.png", "--film", "z.mp4", "--seconds", "0.1", "--speed", "-1"], "speed -1.0 is out of range"),
        (["dream", "photo.png", "--film", "z.mp4", "--seconds", "0.1", "--speed", "nan"], "speed nan is out of range"),
        (["dream", "photo.png", "--film", "z.mp4", "--seconds", "0.1", "--turn", "inf"], "turn inf is out of range"),
    ],
)
def test_numbers_that_are_none_are_named(words, said, folder: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    out = ["-o", str(tmp_path / f"out{Path(words[1]).suffix}")]
    code, _, error = run([*words, *out] if words[0] == "style" else words, folder, monkeypatch, capsys)
    assert code == 1
    assert said in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())
    assert not (folder / "z.mp4").exists()
