"""latentart exhibit, as people type it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time

import av
import numpy as np
import pytest

from latentart.cli import main
from tests.cli.render.test_film import latentart, restored_signals
from tests.render.test_film import frames_of

SCORE = """
title = "Wall"
fps = 10
size = "64x64"
chunk = 0.5
audio = { synth = "bells" }

[[section]]
network = "glyphs-64"
seeds = [3, 11]
classes = "A"
seconds = 2

[section.play]
light = "0.5 + 0.5 * rms"

[[screen]]
name = "left"
size = "32x64"

[[screen]]
name = "right"
at = [32, 0]
size = "32x64"
"""


@pytest.fixture
def wall(tmp_path, monkeypatch):
    (tmp_path / "wall.toml").write_text(SCORE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(*arguments):
    with restored_signals(), pytest.raises(SystemExit) as stop:
        main(["exhibit", *map(str, arguments)])
    return stop.value.code or 0


def test_two_screens_in_step_with_sound_and_a_second_run_does_nothing(wall, capsys):
    assert called("wall.toml", "-o", "out", "--workers", "0") == 0, capsys.readouterr().err
    films = [wall / "out" / f"wall-{name}.mp4" for name in ("left", "right")]
    assert sorted(p.name for p in (wall / "out").iterdir()) == [
        "wall-left.json", "wall-left.mp4", "wall-right.json", "wall-right.mp4",
    ]  # fmt: skip
    assert [len(frames_of(film)) for film in films] == [20, 20]
    with av.open(films[0]) as film:
        assert film.streams.audio[0].duration * film.streams.audio[0].time_base == pytest.approx(2, abs=0.05)
        assert film.metadata["title"] == "Wall"
    said = capsys.readouterr().out
    assert "2.00 s, 20 frames at 10 fps" in said
    before = films[0].stat().st_mtime_ns
    assert called("wall.toml", "-o", "out", "--workers", "0") == 0
    assert films[0].stat().st_mtime_ns == before
    (wall / "wall.toml").write_text(SCORE.replace("[3, 11]", "[4]"))
    assert called("wall.toml", "-o", "out", "--workers", "0") == 1
    assert "--overwrite" in capsys.readouterr().err


def test_looking_before_rendering(wall, capsys):
    assert called("wall.toml", "--check") == 0
    assert "Wall: 2 s, 20 frames, no errors" in capsys.readouterr().out
    assert called("wall.toml", "--plan", "--workers", "2") == 0
    said = capsys.readouterr().out
    assert "20 frames at 10 fps, 4 chunks" in said
    assert re.search(r"about \d+ seconds with 2 workers, [\d.]+ [KMG]B in the end", said)
    assert called("wall.toml", "--envelopes", "-o", "out") == 0
    assert called("wall.toml", "--check-player", "browser") == 0
    assert called("--check-player", "list") == 0
    assert called("wall.toml", "--preview", "-o", "out") == 0
    assert sorted(p.name for p in (wall / "out").iterdir()) == [
        "wall.envelopes.png", "wall.preview.json", "wall.preview.mp4",
    ]  # fmt: skip
    capsys.readouterr()
    assert called("--schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "latentart exhibition"


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (("psi", "psi"), ["none.toml"], "cannot read the score"),
        (("seconds = 2", "seconds = two"), [], "this is not TOML"),
        (("seeds", "sedes"), [], "wall.toml line 10: unknown key 'sedes': did you mean seeds?"),
        (("glyphs-64", "glyph-64"), [], "glyphs-64"),
        (('classes = "A"', 'classes = "AAA"'), [], "unknown class 'AAA'"),
        (('"0.5 + 0.5 * rms"', '"1 / (u - u)"'), ["wall.toml", "--check"], "has no value at t"),
        (("", ""), ["wall.toml", "--check-player", "vlc"], "unknown player 'vlc'"),
        (("", ""), ["wall.toml", "--workers", "-1"], "--workers"),
        (("psi", "psi"), [], "no score"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(change, arguments, said, wall, capsys):
    (wall / "wall.toml").write_text(SCORE.replace(*change))
    before = sorted(wall.rglob("*"))
    given = arguments or ([] if said == "no score" else ["wall.toml"])
    assert called(*given, *(["-o", "out"] if given else [])) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert sorted(wall.rglob("*")) == before


@pytest.mark.parametrize("arguments", [["--check"], ["-o", "out", "--workers", "0"], ["--plan", "-o", "out"]])
def test_a_sound_that_is_none_is_said_before_the_first_frame(arguments, wall, capsys):
    (wall / "track.wav").write_text("#EXTM3U\nother.wav\n")
    silent = re.sub(r"(?m)^audio = .*$", 'audio = "track.wav"', SCORE).replace('"0.5 + 0.5 * rms"', "0.5")
    assert 'audio = "track.wav"' in silent
    (wall / "wall.toml").write_text(silent)
    assert called("wall.toml", *arguments) == 1
    assert "cannot read the sound" in capsys.readouterr().err
    assert not list(wall.rglob("*.mp4"))


def test_ctrl_c_keeps_the_chunks_and_the_same_command_goes_on(wall):
    (wall / "wall.toml").write_text(SCORE.replace("seconds = 2", "seconds = 8"))
    line = [sys.executable, "-m", "latentart", "exhibit", "wall.toml", "-o", "out", "--workers", "1"]
    running = subprocess.Popen(line, cwd=wall, stderr=subprocess.PIPE, text=True)
    while running.poll() is None and not list(wall.glob("out/*.job-*/film0-*.mp4")):
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130, error
    assert "the same command goes on from" in error
    kept = {p: p.stat().st_mtime_ns for p in wall.glob("out/*.job-*/film0-*.mp4")}
    assert 0 < len(kept) < 16
    assert not list(wall.rglob("*.part"))
    again = latentart("exhibit", "wall.toml", "-o", "out", "--workers", "1", cwd=wall)
    assert again.returncode == 0, again.stderr
    assert np.array_equal(np.array(frames_of(wall / "out" / "wall-left.mp4").shape), [80, 64, 32, 3])
