"""Films: what is particular to them beyond the contract of every sink."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from latentart import provenance
from latentart.errors import LatentartError, SettingsError, TargetError
from latentart.pixels import Frame
from latentart.sinks import open_sink
from latentart.sinks.formats import DEFAULTS, FORMATS
from latentart.sinks.video import count_frames


def frame(i: int = 0, height: int = 128, width: int = 160) -> Frame:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 2 + i * 9) % 256, y * 2 % 256, (x + y) % 256], axis=2).astype(np.uint8)


def film(target: Path, count: int = 4, **options: Any) -> Path:
    with open_sink(target, **options) as sink:
        for i in range(count):
            sink.write(frame(i))
    return sink.close()


def test_the_ending_chooses_the_format(tmp_path: Path) -> None:
    codecs = {"h264": "h264", "prores4444": "prores", "ffv1": "ffv1", "vp9a": "vp9"}
    for ending, name in DEFAULTS.items():
        made = film(tmp_path / f"a{ending.upper()}")
        with av.open(str(made)) as opened:
            assert opened.streams.video[0].codec_context.name == codecs[name]
        assert provenance.read(made)["encoder"]["format"] == name
        (tmp_path / "a.json").unlink()


def test_the_encoder_s_settings_are_in_the_record(tmp_path: Path) -> None:
    made = film(tmp_path / "a.mp4", crf=30, preset="ultrafast", threads=2)
    wanted = {"format": "h264", "crf": "30", "preset": "ultrafast", "x264-params": "cpu-independent=1", "threads": 2}
    assert provenance.read(made)["encoder"] == wanted


# Prints a hash of what was encoded for each format and size.
FILMS = """
import hashlib, sys, tempfile
from pathlib import Path
import av
from test_video import noise
from latentart.sinks import open_sink
from latentart.sinks.formats import FORMATS

for name, chosen in FORMATS.items():
    for width, height in ((32, 64), (144, 144)):
        if min(width, height) >= chosen.smallest:
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder) / f"film{chosen.endings[0]}"
                with open_sink(target, format=name) as sink:
                    for i in range(24):
                        sink.write(noise(i, height, width))
                with av.open(str(sink.close())) as film:
                    encoded = b"".join(bytes(packet) for packet in film.demux(video=0) if packet.size)
            print(name, width, height, hashlib.sha256(encoded).hexdigest())
"""


def noise(i: int, height: int, width: int) -> Frame:
    """Something with much to decide for an encoder, that moves and dims."""
    ground = np.random.RandomState(0).randint(0, 256, (2 * height // 8, 2 * width // 8, 3)).repeat(8, 0).repeat(8, 1)
    y, x = int(i * 1.3) % height, int(i * 0.7) % width
    return (ground[y : y + height, x : x + width] * (0.6 + 0.4 * np.cos(i / 7))).astype(np.uint8)


def test_what_memory_held_before_does_not_show(tmp_path: Path) -> None:
    """An encoder that reads memory nobody wrote gives another film when that memory is another: glibc fills it."""
    told = []
    for filling in ("85", "170"):
        surroundings = {"MALLOC_PERTURB_": filling, "MALLOC_MMAP_THRESHOLD_": str(2**25), "OMP_NUM_THREADS": "1"}
        line = [sys.executable, "-c", FILMS]
        paths = {"PYTHONPATH": str(Path(__file__).parent)}
        done = subprocess.run(line, env={**os.environ, **surroundings, **paths}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.splitlines())
    assert len(told[0]) == 2 * len(FORMATS) - 1
    assert told[0] == told[1]


def test_crf_and_preset_reach_the_encoder(tmp_path: Path) -> None:
    sizes = [film(tmp_path / f"{crf}.mp4", 20, crf=crf).stat().st_size for crf in (0, 16, 45)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < sizes[0] / 2
    assert b"subme=0" in film(tmp_path / "a.mp4", preset="ultrafast").read_bytes()
    assert b"subme=0" not in film(tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("name", ["h264", "ffv1"])
def test_the_memory_of_a_frame_may_be_used_again(name: str, tmp_path: Path) -> None:
    target = tmp_path / f"a{FORMATS[name].endings[0]}"
    memory = np.empty((128, 160, 3), np.uint8)
    with open_sink(target, format=name) as sink:
        for i in range(12):
            memory[:] = noise(i, 128, 160)
            sink.write(memory)
            memory[:] = 255
    with open_sink(tmp_path / f"b{target.suffix}", format=name) as sink:
        for i in range(12):
            sink.write(noise(i, 128, 160))
    assert packets(target) == packets(sink.close())


def packets(made: Path) -> list[bytes]:
    with av.open(str(made)) as film:
        return [bytes(packet) for packet in film.demux(video=0) if packet.size]


@pytest.mark.parametrize(
    ("size", "preset", "frames"),
    [((1440, 2562), None, 10), ((1440, 2560), None, 20), ((1440, 2562), "slow", 10)],
)
def test_large_pictures_are_looked_at_ahead_less(size: Any, preset: Any, frames: int, tmp_path: Path) -> None:
    with open_sink(tmp_path / "a.mp4", preset=preset) as sink:
        sink.write(np.zeros((*size, 3), np.uint8))
    assert f"rc_lookahead={frames} ".encode() in sink.close().read_bytes()


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("a.mp4", {"format": "h246"}, r"unknown format 'h246': did you mean h264\?"),
        ("a.mp4", {"format": "prores4444"}, r"'prores4444' does not go into '.mp4': use .mov or .mkv"),
        ("a.mp4", {"crf": -1}, r"crf -1 makes no sense: give a number from 0 \(best\) to 51"),
        ("a.mp4", {"crf": "good"}, r"crf 'good' makes no sense"),
        ("a.mp4", {"crf": "nan"}, r"crf 'nan' makes no sense"),
        ("a.mkv", {"crf": 20}, r"ffv1 by default, which has no presets and no crf"),
        ("a.mp4", {"preset": "slowest"}, r"unknown preset of h264 'slowest': did you mean slow"),
        ("a.webm", {"preset": "slow"}, r"preset 'slow': .webm is vp9a by default, which has no presets"),
        ("a.mp4", {"threads": 0}, r"threads 0 makes no sense"),
        ("a.mp4", {"threads": "many"}, r"threads 'many' makes no sense"),
        ("a.mp4", {"quality": 3}, r"unknown option for 'a.mp4': 'quality'"),
        ("a.mp4", {"fps": "fast"}, r"fps 'fast' is not a rate"),
        ("a.mp4", {"fps": 0}, r"fps 0 is out of range"),
        ("a.mp4", {"settings": {"psi": float("nan")}}, r"the setting psi = nan cannot be recorded"),
        ("a.avi", {}, r"no sink knows this ending: use one of .*\.mp4, \.mov, \.mkv, \.webm"),
        ("a.png", {}, r"no sink knows this ending: .*%04d\.png"),
        ("film", {}, r"no sink knows this ending"),
    ],
)
def test_bad_settings_get_one_line_before_the_first_frame(
    target: str, options: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LatentartError, match=words) as told:
        open_sink(target, **options)
    assert "\n" not in str(told.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("height", "width", "even"), [(31, 48, "48x32"), (32, 47, "48x32"), (1, 1, "2x2")])
def test_an_odd_size_is_told_with_the_nearest_even_one(height: int, width: int, even: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"size {width}x{height} is odd.*use --size {even}"):
        open_sink(tmp_path / "a.mp4").write(frame(0, height, width))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_films_of_hevc_are_whole(count: int, tmp_path: Path) -> None:
    for i in range(4):
        made = film(tmp_path / f"{i}.mp4", count, format="hevc")
        with av.open(str(made)) as opened:
            assert [float(shown.time) * 30 for shown in opened.decode(video=0)] == pytest.approx(list(range(count)))


def test_a_size_that_harms_the_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="size 48x64 is too small for hevc: use at least 128"):
        open_sink(tmp_path / "a.mp4", format="hevc").write(frame(0, 64, 48))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["prores4444", "ffv1", "fast-lossless"])
def test_formats_of_full_chroma_take_odd_sizes(name: str, tmp_path: Path) -> None:
    with open_sink(tmp_path / f"a{FORMATS[name].endings[0]}", format=name) as sink:
        sink.write(frame(0, 31, 47))
    with av.open(str(sink.close())) as opened:
        assert (opened.streams.video[0].width, opened.streams.video[0].height) == (47, 31)


def test_a_browser_can_start_before_the_whole_film_is_there(tmp_path: Path) -> None:
    data = film(tmp_path / "a.mp4", 30).read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".webm"])
def test_both_metadata_keys_hold_the_record(ending: str, tmp_path: Path) -> None:
    made = film(tmp_path / f"a{ending}", settings={"note": "été"})
    with av.open(str(made)) as opened:
        found = {name.lower(): text for name, text in opened.metadata.items()}
    assert json.loads(found["comment"]) == json.loads(found["latentart"]) == provenance.read(made)


@pytest.mark.parametrize("planned", [4, 9])
def test_apple_s_tag_of_hevc_survives_the_copy_of_a_shorter_film(planned: int, tmp_path: Path) -> None:
    made = film(tmp_path / "a.mp4", format="hevc", settings={"frames": planned})
    with av.open(str(made)) as opened:
        assert opened.streams.video[0].codec_context.codec_tag == "hvc1"
        assert len(list(opened.decode(video=0))) == 4


@pytest.mark.parametrize("name", ["night:one.mp4", "50%d.mp4", "-y.mp4", "a b?.mp4", "ü.mp4", "file:x.mp4"])
def test_names_that_ffmpeg_would_read_otherwise(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = film(Path(name))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, Path(name).with_suffix(".json").name])
    assert count_frames(made) == 4


def test_somebody_s_json_of_the_same_name_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"my": "data"}')
    film(tmp_path / "a.mp4")
    assert (tmp_path / "a.json").read_text() == '{"my": "data"}'
    assert provenance.read(tmp_path / "a.mp4.json")["encoder"]["format"] == "h264"


def test_the_film_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "a.mp4")
    sink.write(frame())
    (tmp_path / "a.mp4").write_text("somebody else's")
    assert sink.close() == tmp_path / "a.partial.mp4"
    assert (tmp_path / "a.mp4").read_text() == "somebody else's"


def test_what_the_encoder_refuses_is_one_line(tmp_path: Path) -> None:
    # SVT-AV1 takes no picture under 64 pixels... its own limit, asked of it and not of a table.
    sink = open_sink(tmp_path / "a.mp4", format="av1")
    with pytest.raises(TargetError, match=r"cannot encode .*a\.mp4': .*try another format or size"):
        sink.write(frame(0, 2, 2))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("planned", [0, 3])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("name", ["a.webm", "a.mkv", "a.mov"])
def test_a_film_with_alpha_says_so(name: str, channels: int, planned: int, tmp_path: Path) -> None:
    options = {"format": "vp9a"} if name == "a.mkv" else {}
    clear = np.full((64, 64, channels), 60, np.uint8)
    with open_sink(tmp_path / name, settings={"frames": planned}, **options) as sink:
        for _ in range(3):
            sink.write(clear)
    # AlphaMode (RFC 9559): browsers look at nothing else.
    assert (b"\x53\xc0\x81\x01" in (tmp_path / name).read_bytes()) == (channels == 4 and name != "a.mov")
