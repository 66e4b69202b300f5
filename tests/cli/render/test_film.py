"""The commands as people type them: in a process of their own."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.render.test_film import frames_of

QUICK = ["--seconds", "0.2", "--fps", "10"]


def latentart(*arguments, cwd, **options):
    command = [sys.executable, "-m", "latentart", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, **options)


def test_film_and_again_with_underscores(tmp_path):
    done = latentart(
        "film", "--network", "glyphs-64", "--seeds", "3,11", "--class", "A,B:0.5+C", *QUICK, "--walk", "keyframes",
        "--interp", "cubic", "--trunc", "0.8", "--noise_mode", "none", "-o", "a.mp4", cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stdout[:7]) == (0, "a.mp4: "), done.stderr
    assert "0.20 s, 2 frames at 10 fps, 64x64" in done.stdout
    again = latentart("film", "--like", "a.mp4", "--outdir", "films", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    made = next((tmp_path / "films").glob("*.mp4"))
    assert np.array_equal(frames_of(tmp_path / "a.mp4"), frames_of(made))


def test_images_one_by_one_and_as_a_sheet(tmp_path):
    done = latentart(
        "images", "--network", "glyphs-64", "--seeds", "1-2", "--class", "A", "--outdir", "out", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "out").glob("*.png")) == ["seed0001.png", "seed0002.png"]
    sheet = ["images", "--network", "glyphs-64", "--seeds", "1-4", "--class", "A-D", "--grid", "2x2", "-o", "sheet.png"]
    assert latentart(*sheet, cwd=tmp_path).returncode == 0
    refused = latentart(*sheet, cwd=tmp_path)
    assert refused.returncode == 1
    assert "--overwrite" in refused.stderr


def test_translators_and_bends_from_a_file(tmp_path):
    (tmp_path / "turn.toml").write_text('[[bend]]\nop = "rotate"\namount = 20\nlayer = "b16.conv1"\n')
    common = ["film", "--network", "glyphs-64", "--seeds", "3", "--class", "A", "--walk", "orbit", *QUICK]
    for name, more in {"plain": [], "painted": ["--then", "style:mosaic26:7"], "bent": ["--bend", "turn.toml"]}.items():
        done = latentart(*common, *more, "-o", f"{name}.mp4", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    plain, painted, bent = (frames_of(tmp_path / f"{name}.mp4").astype(int) for name in ("plain", "painted", "bent"))
    assert abs(painted - plain).mean() > 10
    assert abs(bent - plain).mean() > 1
    again = latentart("film", "--like", "painted.mp4", "-o", "again.mp4", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert np.array_equal(frames_of(tmp_path / "again.mp4"), painted)
    still = ["images", "--network", "glyphs-64", "--seeds", "3", "--class", "A", "--outdir", "stills"]
    assert latentart(*still, "--then", "style:mosaic26:7@0.5", cwd=tmp_path).returncode == 0
    assert "changes over time" in latentart(*still, "--then", "style@0..1", cwd=tmp_path).stderr


BAD = {
    "translator kind": ["film", "--then", "stile:mosaic26"],
    "translator style": ["film", "--then", "style:mosaic26:99"],
    "translator file": ["film", "--then", "translate:none.pth"],
    "translator strength": ["film", "--then", "style@7"],
    "missing file": ["film", "--network", "none.pkl"],
    "unknown name": ["film", "--network", "landscape-256"],
    "unknown format": ["film", "--network", "text.pkl"],
    "a class too many": ["film", "--class", "A"],
    "no class": ["film", "--network", "glyphs-64"],
    "seeds": ["film", "--seeds", "4294967296"],
    "seeds in words": ["film", "--seeds", "three"],
    "psi": ["film", "--trunc", "much"],
    "psi nan": ["film", "--trunc", "nan"],
    "zero seconds": ["film", "--seconds", "0"],
    "odd size": ["film", "--size", "255x255"],
    "no ending": ["film", "-o", "film"],
    "existing": ["film", "-o", "there.mp4"],
    "folder": ["film", "-o", "folder.mp4"],
    "no folder": ["film", "-o", "nowhere/film.mp4"],
    "walk": ["film", "--walk", "orbt"],
    "like": ["film", "--like", "text.pkl"],
    "device": ["film", "--device", "warp"],
    "command": ["flim"],
    "flag": ["film", "--seedz", "3"],
    "images without seeds": ["images"],
    "grid too small": ["images", "--seeds", "1-9", "--grid", "2x2"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "text.pkl").write_text("hello")
    (folder / "there.mp4").write_bytes(b"kept")
    (folder / "folder.mp4").mkdir()
    return folder


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_line_and_leaves_nothing(case, folder, capsys, monkeypatch):
    from latentart.cli import main

    monkeypatch.chdir(folder)
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    arguments = BAD[case] + (["-o", "film.mp4"] if BAD[case][0] == "film" and "-o" not in BAD[case] else [])
    with restored_signals(), pytest.raises(SystemExit) as stop:
        main(arguments)
    said = capsys.readouterr()
    assert stop.value.code == 1
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before


class restored_signals:
    """main() takes over SIGINT and SIGTERM; the test runner wants them back."""

    def __enter__(self):
        self.before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

    def __exit__(self, *error):
        for number, handler in self.before.items():
            signal.signal(number, handler)


def test_a_folder_without_write_permission(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    if os.geteuid() == 0:
        # Root may write anywhere: a folder that is a file stands in for one that cannot be written.
        locked.rmdir()
        locked.write_text("")
    done = latentart("film", "--seeds", "1,2", *QUICK, "-o", "locked/film.mp4", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_playable_film_and_exits_130(tmp_path, number):
    command = [sys.executable, "-m", "latentart", "film", "--seeds", "1,2", "--seconds", "100", "-o", "film.mp4"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    part_appears(tmp_path, process)
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "holds" in said.splitlines()[-1]
    assert 0 < len(frames_of(tmp_path / "film.mp4")) < 3000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film.json", "film.mp4"]


def part_appears(folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not list(folder.glob("*.part*")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    assert process.poll() is None


def test_a_full_disk_leaves_nothing_and_is_said(tmp_path):
    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = latentart(
        "film", "--seeds", "1,2", "--seconds", "20", "-o", "film.mp4", cwd=tmp_path, preexec_fn=small_disk
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
