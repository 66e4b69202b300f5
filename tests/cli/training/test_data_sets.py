"""latentart data pictures and its neighbours at the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from latentart import pixels
from latentart.cli import main


def run(words: list[str]) -> int:
    """The exit code of `latentart WORDS`."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


def test_pictures_says_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for i, colour in enumerate(("red", "blue")):
        (tmp_path / "in" / colour).mkdir(parents=True)
        Image.new("RGB", (70 + i, 40), colour).save(tmp_path / "in" / colour / "1.png")
    (tmp_path / "in" / "red" / "broken.jpg").write_text("no picture")
    assert run(["data", "pictures", "in", "-o", "set", "--size", "48x32"]) == 0
    out, err = capsys.readouterr()
    assert out == "set: 2 pictures in 2 classes, 1 left out\n"
    assert "left out: cannot open 'in/red/broken.jpg': it is no picture, or damaged" in err
    assert pixels.open_image(tmp_path / "set" / "red" / "1.png").shape == (32, 48, 3)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["pictures", "none", "-o", "x"], "there is no folder 'none'"),
        (["pictures", ".", "-o", "x", "--size", "3000"], "size 3000x3000 is out of range"),
        (["pictures", ".", "-o", "x", "--fit", "krop"], "unknown fit 'krop': did you mean crop?"),
        (["fluent", "-o", "x", "--size", "100"], "size 100 is not supported"),
        (["fluent", "-o", "x", "--from", "none"], "there is no file 'none/lobehub-fluent-emoji-3d-1.1.0.tgz'"),
        (["landscapes", "-o", "x", "--crops", "99"], "99 crops"),
        (["landscapes", "-o", "x", "--from", "none.deb"], "there is no file 'none.deb'"),
        (["glyphs", "-o", "x", "--count", "0"], "0 fonts"),
        (["glyphs", "-o", "x", "--count", "1", "--from", "none"], "there is no file 'none/expo-google-fonts-"),
    ],
)
def test_bad_input_gets_one_line(
    words: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", *words]) == 1
    err = capsys.readouterr().err
    assert line in err
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
