"""No command replaces a file without --overwrite: results, records, previews and sheets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from latentart.cli import group
from latentart.errors import LatentartError
from latentart.sinks.images import write_image

FILM = ["film", "--network", "glyphs-64", "--class", "A", "--seconds", "0.2", "--fps", "10", "--engine", "eager"]
PROJECT = ["project", "photo.png", "--preset", "preview", "--network", "landscapes-256", "-o"]

COMMANDS: dict[str, tuple[list[str], str]] = {
    "film": ([*FILM, "--seeds", "3", "-o", "a.mp4"], "a.mp4"),
    "film's record": ([*FILM, "--seeds", "3", "-o", "a.mp4"], "a.mp4.json"),
    "frames' record": ([*FILM, "--seeds", "3", "-o", "frames/"], "frames/settings.json"),
    "images": (["images", "--network", "glyphs-64", "--class", "A", "--seeds", "1,2", "--outdir", "."], "seed0002.png"),
    "sheet": (["images", "--network", "glyphs-64", "--class", "A", "--seeds", "1,2", "-o", "s.png"], "s.png"),
    "map": (["map", "--network", "glyphs-64", "--plane", "classes", "-o", "m.html"], "m.png"),
    "style": (["style", "photo.png", "--style", "mosaic26:3", "-o", "painted.png"], "painted.png"),
    "painting's film": (["style", "photo.png", "--style", "photo.png", "--film", "f.mp4", "-o", "p.png"], "f.mp4"),
    "cartoon": (["cartoon", "photo.png", "-o", "c.png"], "c.png"),
    "dream": (["dream", "photo.png", "-o", "d.png"], "d.png"),
    "translate": (["translate", "photo.png", "--network", "openmoji-128", "-o", "t.png"], "t.png"),
    "project": ([*PROJECT, "out"], "out/photo.png"),
    "directions sheet": (["directions", "show", "-o", "d.png"], "d.png"),
    "directions find": (["directions", "find", "--directions", "d.safetensors"], "d.png"),
    "judge": (["judge", "--network", "glyphs-64", "--pictures", ".", "-o", "."], "metrics.json"),
    "envelopes": (["exhibit", "score.toml", "--envelopes", "-o", "."], "score.envelopes.png"),
    "preview": (["exhibit", "score.toml", "--preview", "-o", "."], "score.preview.mp4"),
    "exhibit": (["exhibit", "score.toml", "-o", "."], "score.mp4"),
    "bench": (["bench", "--quick", "--chart", "b.png"], "b.png"),
    "convert": (["weights", "convert", "glyphs-64", "g.safetensors"], "g.safetensors"),
    "blend": (["blend", "glyphs-64", "glyphs-64", "-o", "b.safetensors"], "b.safetensors"),
    "export": (["export", "mosaic26", "--to", "onnx", "-o", "m.onnx"], "m.onnx"),
}
SCORE = """
size = "64x64"
fps = 10
audio = "tone.wav"
[[section]]
network = "glyphs-64"
classes = "A"
seeds = [3]
seconds = 4
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import wave

    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "photo.png", np.full((40, 40, 3), 90, np.uint8))
    with wave.open("tone.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((np.sin(np.arange(8000) / 3) * 9000).astype("<i2").tobytes())
    (tmp_path / "score.toml").write_text(SCORE)
    return tmp_path


@pytest.mark.parametrize("case", COMMANDS)
def test_a_file_that_is_there_stays(case: str, place: Path) -> None:
    arguments, taken = COMMANDS[case]
    (place / taken).parent.mkdir(exist_ok=True)
    (place / taken).write_bytes(b"somebody's work")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    result = CliRunner().invoke(group, arguments)
    if result.exit_code:
        assert isinstance(result.exception, LatentartError), result.exception
        assert "exists already" in str(result.exception)
    after = {path: path.read_bytes() for path in before}
    assert after == before
    new = [path for path in place.rglob("*") if path.is_file() and path not in before]
    assert not new or not result.exit_code, f"it refused, but left {new}"


def test_a_photo_is_not_replaced_by_its_own_projection(place: Path) -> None:
    before = (place / "photo.png").read_bytes()
    for options in ([], ["--overwrite"]):
        result = CliRunner().invoke(group, [*PROJECT, ".", *options])
        assert "would replace 'photo.png' itself" in str(result.exception)
        assert (place / "photo.png").read_bytes() == before


def test_films_of_one_stem_keep_a_record_each(place: Path) -> None:
    from latentart import provenance

    runs: list[Callable[[], object]] = []
    for seed, ending in ((3, "gif"), (7, "webm"), (9, "mp4")):
        runs.append(lambda s=seed, e=ending: CliRunner().invoke(group, [*FILM, "--seeds", str(s), "-o", f"k.{e}"]))  # type: ignore[misc]
    for run in runs:
        run()
    assert sorted(p.name for p in place.glob("k.*")) == [
        "k.gif", "k.json", "k.mp4", "k.mp4.json", "k.webm", "k.webm.json",
    ]  # fmt: skip
    for name, seed in (("k.json", 3), ("k.webm.json", 7), ("k.mp4.json", 9), ("k.gif", 3), ("k.webm", 7)):
        assert provenance.read(place / name)["film"]["seeds"] == [seed]
