"""What every sink promises, over every module of the sinks folder and every format of every film container."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from PIL import Image

from latentart import provenance
from latentart.errors import SettingsError, TargetError
from latentart.media import transparency
from latentart.pixels import Frame
from latentart.sinks import Background, Sink, open_sink, sink_modules
from latentart.sinks.formats import FORMATS

HEIGHT, WIDTH = 128, 160
SETTINGS = {"seeds": [3, 11], "psi": 0.8, "note": "été"}


@dataclass(frozen=True)
class Case:
    """One kind of target: its name, its options, and how far colours may be off on flat areas (of 255)."""

    target: str
    module: str
    tolerance: int
    alpha: bool
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.target.strip("/"), *map(str, self.options.values())])


def film_cases() -> list[Case]:
    tolerance = {
        "h264": 2,
        "hevc": 2,
        "av1": 3,
        "prores4444": 1,
        "vp9a": 2,
        "ffv1": 0,
        "ffv1-16": 0,
        "fast-lossless": 0,
    }
    return [
        Case(f"film{ending}", "video", tolerance[name], bool(chosen.alpha), {"format": name})
        for name, chosen in FORMATS.items()
        for ending in chosen.endings
    ]


CASES = [
    *film_cases(),
    Case("frames/", "images", 0, True),
    Case("still%03d.png", "images", 0, True),
    Case("loop.gif", "animation", 4, True),
    Case("loop.webp", "animation", 6, True),
    Case("loop.webp", "animation", 0, True, {"quality": 100}),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
films = pytest.mark.parametrize("case", [case for case in CASES if case.module == "video"], ids=str)
BARS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 0, 255), (255, 255, 0), (255, 255, 255), (0, 0, 0)]


def picture(i: int, channels: int = 3) -> Frame:
    """A gradient that moves, so that no two frames are equal."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    layers = [x * 255 // WIDTH, y * 255 // HEIGHT, (x * 3 + i * 20) % 256, 255 - x]
    layers[0] = (layers[0] + i * 24) % 256
    return np.stack(layers[:channels], axis=2).astype(np.uint8)


def colour_bars() -> Frame:
    return np.repeat(np.repeat(np.array([BARS], np.uint8), 32, axis=1), HEIGHT, axis=0)


def write(target: Path | str, case: Case, frames: list[Frame], **rest: Any) -> Path:
    with open_sink(target, **{**case.options, **rest}) as sink:
        for frame in frames:
            sink.write(frame)
    return sink.close()


def break_off(sink: Sink, frames: list[Frame], error: BaseException) -> None:
    """Writes some frames, then something happens within the block."""
    with sink:
        for frame in frames:
            sink.write(frame)
        raise error


def place(case: Case, folder: Path) -> str:
    return f"{folder}/{case.target}"


def decode(made: Path, case: Case) -> list[Frame]:
    """The frames in a file or folder, RGB or RGBA, as a program that knows nothing of this project sees them."""
    if made.is_dir():
        names = sorted(made.glob("*.png"))
        return [np.asarray(Image.open(name).convert("RGBA")) for name in names]
    return decode_film(made) if case.module == "video" else decode_loop(made)


def decode_film(made: Path) -> list[Frame]:
    with av.open(str(made)) as film:
        stream = film.streams.video[0]
        # FFmpeg's own VP9 decoder drops transparency.
        context = av.CodecContext.create("libvpx-vp9", "r") if stream.codec_context.name == "vp9" else None
        decoded = film.decode(stream) if context is None else decode_packets(context, film, stream)
        return [to_rgb(frame) for frame in decoded]


def decode_packets(context: Any, film: Any, stream: Any) -> list[av.VideoFrame]:
    found = [frame for packet in film.demux(stream) if packet.size for frame in context.decode(packet)]
    return found + context.decode(None)


def to_rgb(frame: av.VideoFrame) -> Frame:
    alpha = "a" in frame.format.name.replace("gray", "")
    if not frame.format.name.startswith("yuv"):
        return frame.to_ndarray(format="rgba" if alpha else "rgb24")
    bt709 = {"src_colorspace": 1, "dst_colorspace": 1, "src_color_range": 1, "dst_color_range": 2}
    # swscale's short cuts for the way back would add up to 2 to every difference.
    accurate = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    return frame.reformat(format="rgba" if alpha else "rgb24", interpolation=accurate, **bt709).to_ndarray()


def decode_loop(made: Path) -> list[Frame]:
    with Image.open(made) as loop:
        found = []
        for i in range(getattr(loop, "n_frames", 1)):
            loop.seek(i)
            found.append(np.asarray(loop.convert("RGBA")))
    return found


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_every_sink_module_is_covered() -> None:
    assert {module.__name__.rsplit(".")[-1] for module in sink_modules()} == {case.module for case in CASES}


def test_every_ending_of_a_module_is_handled_by_that_module() -> None:
    for module in sink_modules():
        for ending in module.ENDINGS:
            if ending.startswith("."):
                assert module.handles(f"a/film{ending}")
                assert module.handles(f"FILM{ending.upper()}")


@every_case
@pytest.mark.parametrize("channels", [1, 3])
def test_frames_that_go_in_come_out(case: Case, channels: int, tmp_path: Path) -> None:
    frames = [picture(i, channels) for i in range(7)]
    made = decode(write(place(case, tmp_path), case, frames), case)
    assert len(made) == 7
    for before, after in zip(frames, made, strict=True):
        assert after.shape[:2] == (HEIGHT, WIDTH)
        assert np.abs(before.astype(int) - after[:, :, :3]).mean() < 12


@pytest.mark.parametrize("case", [case for case in CASES if case.alpha], ids=str)
def test_transparency_survives(case: Case, tmp_path: Path) -> None:
    frames = [picture(i, 4) for i in range(3)]
    made = decode(write(place(case, tmp_path), case, frames), case)
    if case.target == "loop.gif":
        # A GIF holds whether, not how much.
        frames = [np.where(frame >= 128, 255, 0) for frame in frames]
    assert max(np.abs(b[..., 3].astype(int) - a[..., 3]).max() for b, a in zip(frames, made, strict=True)) <= 4


def test_transparency_is_kept_or_laid_over_the_ground(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bars = np.dstack([colour_bars(), np.full((HEIGHT, WIDTH * 8 // 5), 128, np.uint8)])
    for number, case in enumerate(CASES):
        for ground in (None, "#ff8000"):
            caplog.clear()
            folder = tmp_path / f"{number}-{ground}"
            folder.mkdir()
            made = write(place(case, folder), case, [bars] * 2, ground=ground)
            if ground is None and case.alpha:
                assert not caplog.text
                continue
            wanted = transparency.over(bars, transparency.colour(ground or "black")).astype(int)
            seen = decode(made, case)[0].astype(int)
            # Away from the edges, where 4:2:0 mixes neighbours by design.
            worst = max(
                np.abs(wanted[:, at] - seen[:, at, :3]).max() for at in (slice(i, i + 16) for i in range(8, 256, 32))
            )
            assert worst <= max(4, case.tolerance), (case, ground)
            assert seen.shape[2] == 3 or (seen[..., 3] == 255).all(), (case, ground)
            assert ("laid over black" in caplog.text) == (ground is None), (case, ground)


@every_case
def test_colour_bars_come_back(case: Case, tmp_path: Path) -> None:
    bars = colour_bars()
    made = decode(write(place(case, tmp_path), case, [bars, np.roll(bars, 128, axis=1), bars]), case)[0][..., :3]
    # Away from the edges, where 4:2:0 mixes neighbours by design.
    centres = [slice(32 * i + 8, 32 * i + 24) for i in range(len(BARS))]
    worst = max(np.abs(bars[:, at].astype(int) - made[:, at]).max() for at in centres)
    assert worst <= case.tolerance


@films
def test_colours_are_tagged_in_all_four_fields(case: Case, tmp_path: Path) -> None:
    made = write(place(case, tmp_path), case, [picture(0)])
    with av.open(str(made)) as film:
        context = film.streams.video[0].codec_context
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
    lossless_rgb = case.options["format"] in ("ffv1", "ffv1-16", "fast-lossless")
    assert tags == ((0, 1, 13, 2) if lossless_rgb else (1, 1, 1, 1))


@films
@pytest.mark.parametrize("fps", [30, "23.976", Fraction(60000, 1001), 12.5])
def test_films_keep_the_frame_rate_exactly(case: Case, fps: Any, tmp_path: Path) -> None:
    exact = {30: Fraction(30), "23.976": Fraction(24000, 1001), 12.5: Fraction(25, 2)}.get(fps, fps)
    made = write(place(case, tmp_path), case, [picture(i) for i in range(5)], fps=fps)
    with av.open(str(made)) as film:
        stream = film.streams.video[0]
        if case.target.endswith((".mp4", ".mov")):
            assert stream.average_rate == exact
            # To the tick: players that honour edit lists would otherwise cut a loop's last frame short.
            assert stream.duration * stream.time_base == 5 / exact
        else:
            # Matroska keeps nanoseconds.
            assert abs(stream.average_rate / exact - 1) < 1e-6
    assert provenance.read(made)["fps"] == str(exact)


@pytest.mark.parametrize("target", ["loop.gif", "loop.webp"])
def test_loops_last_as_long_as_they_should_and_never_end(target: str, tmp_path: Path) -> None:
    made = write(tmp_path / target, CASES[0], [picture(i) for i in range(24)], fps="23.976", format=None)
    total = 0
    with Image.open(made) as loop:
        for i in range(loop.n_frames):
            loop.seek(i)
            loop.load()
            total += loop.info["duration"]
        assert loop.info["loop"] == 0
    assert abs(total - 24 * 1001 / 24) <= 10


@every_case
@pytest.mark.parametrize("planned", [3, None, 8])
def test_the_record_is_in_the_file_and_beside_it(case: Case, planned: int | None, tmp_path: Path) -> None:
    settings = {**SETTINGS, **({"frames": planned} if planned else {})}
    made = write(place(case, tmp_path), case, [picture(i) for i in range(3)], settings=settings)
    (beside,) = tmp_path.rglob("*.json")
    kept = json.loads(beside.read_text())
    if case.module != "images":
        assert kept.pop("file") == made.name
    beside.unlink()
    inside = provenance.read(made if made.is_file() and case.module != "images" else min(made.glob("*.png")))
    assert inside == kept
    assert {**inside, **SETTINGS, "frames": 3, "fps": "30"} == inside
    assert "interrupted" not in inside


@every_case
def test_the_same_frames_give_the_same_bytes(case: Case, tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(place(case, tmp_path / name), case, [picture(i) for i in range(6)])
        made.append([path.read_bytes() for path in sorted((tmp_path / name).rglob("*")) if path.is_file()])
    assert made[0] == made[1]


@every_case
def test_an_exception_or_abort_leaves_nothing(case: Case, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        break_off(open_sink(place(case, tmp_path), **case.options), [picture(0)], ZeroDivisionError())
    sink = open_sink(place(case, tmp_path), **case.options)
    sink.write(picture(0))
    sink.abort()
    sink.abort()
    assert left_in(tmp_path) == []
    with pytest.raises(TargetError, match="is closed"):
        sink.write(picture(1))


@every_case
def test_ctrl_c_keeps_what_was_rendered(case: Case, tmp_path: Path) -> None:
    sink = open_sink(place(case, tmp_path), **case.options, settings={"frames": 9})
    with pytest.raises(KeyboardInterrupt):
        break_off(sink, [picture(i) for i in range(5)], KeyboardInterrupt())
    made = sink.close()
    assert len(decode(made, case)) == 5
    assert {"frames": 5, "interrupted": True}.items() <= provenance.read(made).items()
    assert not [name for name in left_in(tmp_path) if "part" in name]


@every_case
@pytest.mark.parametrize("ending", [".gif", ".webp", ".mp4", ".mkv"])
def test_the_record_of_another_film_is_never_replaced(case: Case, ending: str, tmp_path: Path) -> None:
    first = Path(case.target.strip("/")).with_suffix(ending).name
    with open_sink(tmp_path / first, settings={"film": "the first"}) as sink:
        sink.write(np.zeros((64, 64, 3), np.uint8))
    if case.target == first:
        return
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for overwrite in (False, True):
        settings = {"film": f"the second, {overwrite}"}
        with open_sink(place(case, tmp_path), settings=settings, overwrite=overwrite, **case.options) as sink:
            for number in range(3):
                sink.write(picture(number))
        assert before == {path: path.read_bytes() for path in before}
        assert provenance.read(tmp_path / first)["film"] == "the first"
        assert provenance.read(sink.close())["film"] == settings["film"]


@every_case
def test_ctrl_c_never_replaces_a_finished_film(case: Case, tmp_path: Path) -> None:
    write(place(case, tmp_path), case, [picture(i) for i in range(4)])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    sink = open_sink(place(case, tmp_path), overwrite=True, **case.options)
    with pytest.raises(KeyboardInterrupt):
        break_off(sink, [picture(0)], KeyboardInterrupt())
    assert ".partial" in sink.close().name
    assert len(decode(sink.close(), case)) == 1
    assert before == {path: path.read_bytes() for path in before}


@every_case
def test_ctrl_c_before_the_first_frame_leaves_nothing(case: Case, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        break_off(open_sink(place(case, tmp_path), **case.options), [], KeyboardInterrupt())
    assert left_in(tmp_path) == []


@every_case
def test_no_frames_are_no_film(case: Case, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no frame was written"):
        write(place(case, tmp_path), case, [])
    assert left_in(tmp_path) == []


@every_case
def test_an_existing_target_is_kept_unless_told_otherwise(case: Case, tmp_path: Path) -> None:
    write(place(case, tmp_path), case, [picture(i) for i in range(5)])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(TargetError, match=r"already.*--overwrite"):
        open_sink(place(case, tmp_path), **case.options)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    made = write(place(case, tmp_path), case, [picture(i) for i in range(2)], overwrite=True)
    assert len(decode(made, case)) == 2


@every_case
def test_targets_that_cannot_be_made_are_told_at_once(case: Case, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"no folder .*create it"):
        open_sink(place(case, tmp_path / "no" / "such"), **case.options)
    (tmp_path / "file").write_text("x")
    with pytest.raises(TargetError, match=r"file, not a folder|it is a file"):
        open_sink(place(case, tmp_path / "file"), **case.options)
    if case.module != "images":
        Path(place(case, tmp_path)).mkdir()
        with pytest.raises(TargetError, match="it is a folder"):
            open_sink(place(case, tmp_path), **case.options)
    assert not list(tmp_path.rglob("*.part"))


@every_case
@pytest.mark.parametrize(
    "bad", [np.zeros((48, 64), np.uint8), np.zeros((48, 64, 2), np.uint8), np.zeros((48, 64, 3), np.float32)]
)
def test_what_is_no_frame_is_refused(case: Case, bad: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a frame is uint8"):
        write(place(case, tmp_path), case, [bad])
    assert left_in(tmp_path) == []


@every_case
def test_frames_of_two_shapes_are_refused(case: Case, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"frame 1 is \[24, 160, 3\]"):
        write(place(case, tmp_path), case, [picture(0), picture(1)[:24]])
    assert left_in(tmp_path) == []


@every_case
def test_a_film_that_lost_frames_is_not_passed_off_as_whole(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink: Any = open_sink(place(case, tmp_path), **case.options)
    sink.write(picture(0))
    finish: Callable[[], int] = sink._finish
    monkeypatch.setattr(sink, "_finish", lambda: finish() + 1)
    with pytest.raises(TargetError, match="2 of 1 frames"):
        sink.close()
    assert left_in(tmp_path) == []


@every_case
def test_through_a_thread_the_same_film_comes_out(case: Case, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    frames = [picture(i) for i in range(6)]
    direct = write(place(case, tmp_path / "a"), case, frames)
    with Background(open_sink(place(case, tmp_path / "b"), **case.options), waiting=2) as sink:
        for frame in frames:
            sink.write(frame)
    assert all(np.array_equal(a, b) for a, b in zip(decode(direct, case), decode(sink.close(), case), strict=True))


# Noise does not compress, so that some dozen frames are more than any limit below.
FILL = """
import json, sys
import numpy as np
from latentart.errors import TargetError
from latentart.sinks import open_sink
limit, folder, cases = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(0)
frames = [rng.integers(0, 256, (128, 160, 3), dtype=np.uint8) for _ in range(12)]
def attempt(target, options):
    try:
        with open_sink(folder + "/" + target, settings={"frames": 24}, **options) as sink:
            for i in range(24):
                sink.write(frames[i % 12])
    except TargetError as error:
        return str(error)
    return "written"
print(json.dumps([attempt(*case) for case in cases]))
"""


# One of each kind: a codec fills a disk alike in every container.
KINDS = list({(case.module, case.target[-4:], *case.options.values())[-1]: case for case in reversed(CASES)}.values())


def fill(folder: Path, cases: list[Case], limit: int = 0, prefix: tuple[str, ...] = ()) -> list[str]:
    """What a process says that writes each case to a folder with no room; it must leave the folder empty."""
    given = json.dumps([(case.target, case.options) for case in cases])
    command = [*prefix, sys.executable, "-c", FILL, str(limit), str(folder), given]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    told: list[str] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("limit", [80_000, 4_000])
def test_a_file_that_may_not_grow_ends_in_one_line_and_nothing_left(limit: int, tmp_path: Path) -> None:
    # The pictures of a sequence are small files: only the lower limit stops them.
    cases = [case for case in KINDS if case.module != "images" or limit == 4_000]
    for case, told in zip(cases, fill(tmp_path, cases, limit), strict=True):
        assert "no room left in folder" in told, (str(case), told)
        assert "\n" not in told
    assert left_in(tmp_path) == []


def test_a_full_disk_ends_in_one_line_and_nothing_left(tmp_path: Path) -> None:
    mount = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
    script = 'mount -t tmpfs -o size=100k tmpfs "$0" && "$@" && ls -A "$0" >&2'
    probe = [*mount, script, str(tmp_path), "true"]
    can_mount = shutil.which("unshare") and subprocess.run(probe, check=False, capture_output=True).returncode == 0
    # Without a small disk of its own the test falls back to a limit on the size of files.
    prefix, limit = ((*mount, script, str(tmp_path)), 0) if can_mount else ((), 4_000)
    for case, told in zip(KINDS, fill(tmp_path, KINDS, limit, prefix), strict=True):
        assert told.startswith("cannot write"), (str(case), told)
        assert "no room left in folder" in told
        assert "\n" not in told


INTERRUPTED = """
import sys, signal
import numpy as np
from latentart.sinks import open_sink
rng = np.random.default_rng(0)
frames = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(12)]
try:
    with open_sink(sys.argv[1]) as sink:
        for i in range(10**6):
            sink.write(frames[i % 12])
            if i == 20:
                print("ready", flush=True)
except KeyboardInterrupt:
    print(sink.frames)
"""


@pytest.mark.parametrize("target", ["film.mp4", "loop.gif", "frames/"])
def test_a_signal_at_any_moment_leaves_a_whole_film(target: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.target == target)
    command = [sys.executable, "-c", INTERRUPTED, place(case, tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        told = int(process.communicate(timeout=60)[0])
    made = decode(tmp_path / target, case)
    assert len(made) == told >= 20
    assert provenance.read(tmp_path / target)["interrupted"] is True
    assert not list(tmp_path.rglob("*part*"))


def test_a_sink_is_a_sink(tmp_path: Path) -> None:
    sink: Sink = open_sink(tmp_path / "film.mp4")
    assert sink.frames == 0
    sink.write(picture(0))
    assert sink.frames == 1
    assert sink.close() == sink.close() == tmp_path / "film.mp4"
    sink.abort()
    assert (tmp_path / "film.mp4").is_file()
