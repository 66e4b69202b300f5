"""Files in, files out: films of every kind, pictures, folders, and what is none of them."""

from __future__ import annotations

import io
import itertools
import shutil
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from latentart import footage, pixels, provenance
from latentart.errors import LatentartError, PictureError, SettingsError, TargetError
from latentart.files import regular
from latentart.render import convert
from latentart.sinks.sink import open_sink
from latentart.translators.base import Translator


class Negative(Translator):
    """Inverts colours."""

    name, sha256, family, licence = "negative", "0" * 64, "test", "CC0"

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        return -img


class Dropped(Translator):
    """Random by its nature."""

    name = "dropped"

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        return torch.nn.functional.dropout(img + 1, 0.5, training=True) - 1


def grey(value: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, np.uint8)


def film(path: Path, values: Any, *, times: Any = None, fps: int = 10, rotation: int = 0, sound: bool = False,
         size: tuple[int, int] = (64, 48), codec: str = "mpeg4", shape: Fraction | None = None) -> Path:  # fmt: skip
    """A film whose frames are grey, or pictures; `times` in milliseconds make its rate vary."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, width=size[0], height=size[1], pix_fmt="yuv420p")
        stream.codec_context.bit_rate = 2_000_000
        if shape:
            stream.codec_context.sample_aspect_ratio = shape
        if rotation:
            stream.set_display_rotation(rotation)
        audio = container.add_stream("aac", rate=48000, layout="mono") if sound else None
        for i, value in enumerate(values):
            picture = value if isinstance(value, np.ndarray) else grey(value, size[1], size[0])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if times:
                stream.codec_context.time_base = Fraction(1, 1000)
                frame.time_base = Fraction(1, 1000)
            frame.pts = times[i] if times else i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio:
            tone = (np.sin(np.arange(48000 * len(values) // fps) * 0.05) * 0.5).astype(np.float32)
            heard = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
            heard.sample_rate, heard.pts = 48000, 0
            container.mux(audio.encode(heard))
            container.mux(audio.encode(None))
    return path


def levels(path: Path) -> list[int]:
    """The mean of each frame."""
    return [round(float(frame.mean())) for frame in footage.read(footage.open_footage(path))]


def close(found: list[int], wanted: list[int], within: int = 4) -> bool:
    return len(found) == len(wanted) and all(abs(a - b) <= within for a, b in zip(found, wanted, strict=True))


def test_a_film_is_read_frame_by_frame(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [0, 100, 200])
    found = footage.open_footage(path)
    assert (found.size, found.fps, found.frames, found.sound) == ((64, 48), 10, 3, False)
    assert close(levels(path), [0, 100, 200])


@pytest.mark.parametrize("ending", [".mkv", ".mov", ".avi", ".m4v"])
def test_the_usual_containers(ending: str, tmp_path: Path) -> None:
    assert close(levels(film(tmp_path / f"a{ending}", [10, 150])), [10, 150])


def test_a_changing_rate_becomes_a_constant_one(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", [0, 60, 120, 180], times=[0, 100, 400, 500], codec="libx264")
    found = list(footage.read(footage.open_footage(path, 10)))
    assert close([round(float(f.mean())) for f in found], [0, 60, 60, 60, 120, 180])


def test_another_rate_takes_the_nearest_frames(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [0, 40, 80, 120, 160, 200])
    found = [round(float(f.mean())) for f in footage.read(footage.open_footage(path, 5))]
    assert close(found, [0, 80, 160])
    assert len(list(footage.read(footage.open_footage(path, 20)))) == 12


def test_a_film_held_in_the_hand_upright_is_read_upright(tmp_path: Path) -> None:
    picture = grey(30)
    picture[:24, :32] = 220
    path = film(tmp_path / "a.mp4", [picture] * 2, rotation=90)
    found = footage.open_footage(path)
    assert found.size == (48, 64)
    frame = next(footage.read(found))
    assert frame.shape == (64, 48, 3)
    # Turned against the clock by a quarter, what was at the top left is at the bottom left.
    assert frame[40:, :20].mean() > 200 > 60 > frame[:24, :20].mean()


MATRICES = {
    "as it is": (1, 0, 0, 1), "mirrored": (-1, 0, 0, 1), "upside down": (1, 0, 0, -1), "half a turn": (-1, 0, 0, -1),
    "a quarter": (0, 1, -1, 0), "three quarters": (0, -1, 1, 0), "over the diagonal": (0, 1, 1, 0),
    "over the other": (0, -1, -1, 0),
}  # fmt: skip
"""a, b, c, d of x' = a x + c y, y' = b x + d y: the eight that a display matrix can mean."""


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("ending", [".mp4", ".mov"])
def test_films_are_seen_as_players_show_them(name: str, ending: str, tmp_path: Path) -> None:
    a, b, c, d = MATRICES[name]
    picture = grey(30)
    picture[:24, :32], picture[:24, 32:] = 220, 120
    path = film(tmp_path / f"a{ending}", [picture] * 2)
    data = path.read_bytes()
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    # The last is the track's; the first, in the header of the film, is left alone.
    at = data.rindex(plain)
    path.write_bytes(data[:at] + turned + data[at + 36 :])
    found = footage.open_footage(path)
    wanted = np.zeros((48, 64) if a else (64, 48), np.uint8)
    for y, x in itertools.product(range(48), range(64)):
        # Columns and rows of a negative axis are counted from the other end.
        left, top = a * x + c * y, b * x + d * y
        wanted[top if b + d > 0 else top - 1, left if a + c > 0 else left - 1] = picture[y, x, 0]
    assert found.size == wanted.shape[::-1]
    assert np.abs(next(footage.read(found))[..., 0].astype(int) - wanted).mean() < 6


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
def test_the_last_picture_is_held_to_its_end(name: str, sound: bool, tmp_path: Path) -> None:
    codec, heard_as = ("libvpx-vp9" if name == "a.webm" else "libx264"), ("aac" if name == "a.mov" else "libopus")
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=10, width=64, height=48, pix_fmt="yuv420p")
        stream.codec_context.time_base = Fraction(1, 1000)
        tone = container.add_stream(heard_as, rate=48000, layout="mono") if sound else None
        for value, start, length in ((0, 0, 200), (120, 200, 300), (240, 500, 1500)):
            frame = av.VideoFrame.from_ndarray(grey(value), format="rgb24")
            frame.pts, frame.time_base, frame.duration = start, Fraction(1, 1000), length
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            packet.duration = {0: 200, 200: 300, 500: 1500}[packet.pts]
            container.mux(packet)
        if tone:
            heard = av.AudioFrame.from_ndarray(np.zeros((1, 96000), np.float32), format="fltp", layout="mono")
            heard.sample_rate, heard.pts = 48000, 0
            container.mux(tone.encode(heard))
            container.mux(tone.encode(None))
    found = levels_at(tmp_path / name, 10)
    assert close(found, [0] * 2 + [120] * 3 + [240] * 15)


def levels_at(path: Path, fps: int) -> list[int]:
    return [round(float(frame.mean())) for frame in footage.read(footage.open_footage(path, fps))]


def test_pixels_that_are_not_square_become_square(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", [50], shape=Fraction(4, 3))
    assert footage.open_footage(path).size == (85, 48)


def test_animated_pictures_keep_their_timing(tmp_path: Path) -> None:
    pictures = [Image.fromarray(grey(v)) for v in (0, 90, 200)]
    for ending in (".gif", ".png", ".webp"):
        path = tmp_path / f"a{ending}"
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100, 300, 200], lossless=True)
        assert footage.moves(path)
        assert close(levels(path), [0, 90, 90, 90, 200, 200]), ending


def test_colours_of_ones_own_films_come_back(tmp_path: Path) -> None:
    wanted = np.zeros((64, 64, 3), np.uint8)
    wanted[:32, :32], wanted[32:, :32], wanted[:32, 32:] = (200, 40, 40), (40, 180, 60), (30, 60, 210)
    with open_sink(tmp_path / "a.mp4", fps=10, crf=4) as sink:
        sink.write(wanted)
    found = next(footage.read(footage.open_footage(tmp_path / "a.mp4"))).astype(int)
    for y, x in ((16, 16), (48, 16), (16, 48), (48, 48)):
        assert np.abs(found[y, x] - wanted[y, x]).max() <= 4


def hostile(folder: Path) -> dict[str, Path]:
    whole = film(folder / "whole.mkv", [i * 20 for i in range(10)])
    files = {
        "missing.mp4": None, "empty.mp4": b"", "text.mp4": b"hello" * 100, "list.mp4": b"#EXTM3U\n/etc/passwd\n",
        "noise.mkv": np.random.RandomState(0).bytes(5000), "head.mkv": whole.read_bytes()[:300],
        "strange.xyz": b"1", "frames.gif": b"GIF89a" + bytes(20), "zero.webp": b"RIFF\0\0\0\0WEBP",
    }  # fmt: skip
    for name, data in files.items():
        if data is not None:
            (folder / name).write_bytes(data)
    with av.open(str(folder / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.float32), format="fltp", layout="mono")
        heard.sample_rate = 48000
        container.mux(stream.encode(heard))
        container.mux(stream.encode(None))
    return {name: folder / name for name in [*files, "sound.mp4"]}


def test_what_is_no_film_ends_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    for name, path in hostile(tmp_path).items():
        with pytest.raises(LatentartError) as caught:
            convert.translate_file(Negative(), path, tmp_path / "out.mp4")
        assert "\n" not in str(caught.value), name
        assert not list(tmp_path.glob("out*")), name


def test_films_that_are_cut_short_or_misnamed_say_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    noise = [np.random.RandomState(i).randint(0, 255, (48, 64, 3)).astype(np.uint8) for i in range(20)]
    whole, matroska = film(tmp_path / "whole.mp4", noise), film(tmp_path / "whole.mkv", [0, 90])
    data = whole.read_bytes()
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    # By default the index comes last.
    cases = {
        "empty.mp4": (b"", r"is empty \(0 bytes\): copy"), "cut.mp4": (data[: len(data) // 2], "its index is missing"),
        "other.mp4": (matroska.read_bytes(), r"a Matroska or WebM film under another name: .* ending \.mkv"),
        "other.mkv": (data, r"an MP4 or MOV film under another name: .* ending \.mp4"),
        "picture.mp4": ((tmp_path / "a.png").read_bytes(), "a PNG picture, no film"),
    }  # fmt: skip
    for name, (content, words) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PictureError, match=words):
            footage.open_footage(tmp_path / name)
    with open_sink(tmp_path / "front.mp4", fps=10, crf=4) as sink:
        for frame in noise:
            sink.write(frame)
    front = (tmp_path / "front.mp4").read_bytes()
    (tmp_path / "front.mp4").write_bytes(front[: len(front) // 2])
    assert 4 < len(levels(tmp_path / "front.mp4")) < 18
    assert "of 2.0 s: the file was cut short" in caplog.text


def test_a_jump_in_time_does_not_fill_the_disk(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", [0, 100], times=[0, 4_000_000], codec="libx264")
    with pytest.raises(PictureError, match="stands still for 4000 s"):
        list(footage.read(footage.open_footage(path, 25)))


def test_damaged_places_are_skipped_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=10, width=64, height=48, pix_fmt="rgb24")
        for i in range(12):
            noise = np.random.RandomState(i).randint(0, 255, (48, 64, 3)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(noise, format="rgb24")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 9400] = bytes(9400)
    path.write_bytes(data)
    found = list(footage.read(footage.open_footage(path)))
    assert len(found) == 12
    assert sum(np.array_equal(a, b) for a, b in itertools.pairwise(found)) == 2
    assert "a.mov is damaged in 2 places" in caplog.text


def test_a_picture_becomes_a_picture_with_its_record(tmp_path: Path) -> None:
    Image.fromarray(grey(50, 33, 21)).save(tmp_path / "a.png")
    made = convert.translate_file(Negative(), tmp_path / "a.png", tmp_path / "b.png", strength=0.5)
    assert (made.frames, made.size) == (1, (21, 33))
    assert abs(int(pixels.open_image(made.target)[0, 0, 0]) - 128) <= 1
    record = provenance.read(made.target)
    assert record["translator"]["name"] == "negative"
    assert (record["translation"]["strength"], record["source"]) == (0.5, "a.png")
    with pytest.raises(TargetError, match="exists already"):
        convert.translate_file(Negative(), tmp_path / "a.png", tmp_path / "b.png")


def test_sizes(tmp_path: Path) -> None:
    Image.fromarray(grey(50, 40, 80)).save(tmp_path / "a.png")
    assert convert.translate_file(Negative(), tmp_path / "a.png", tmp_path / "b.png", size=20).size == (20, 10)
    assert convert.translate_file(Negative(), tmp_path / "a.png", tmp_path / "c.png", size=(16, 16)).size == (16, 16)
    with pytest.raises(SettingsError, match="out of range"):
        convert.translate_file(Negative(), tmp_path / "a.png", tmp_path / "d.png", size=-3)


def test_a_folder_becomes_a_folder_without_what_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.jpg", "b.bmp"):
        Image.fromarray(grey(10)).save(tmp_path / "in" / name)
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "in" / "notes.txt").write_text("left alone")
    seen: list[tuple[int, int]] = []
    made = convert.translate_file(Negative(), tmp_path / "in", tmp_path / "out", on_frame=lambda *at: seen.append(at))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "b.jpg", "b.png"]
    assert (made.frames, len(made.skipped), seen[-1]) == (3, 1, (4, 4))
    assert "broken.png" in made.skipped[0]
    with pytest.raises(TargetError, match="exists already"):
        convert.translate_file(Negative(), tmp_path / "in", tmp_path / "out")


def test_folders_that_do_not_go(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(PictureError, match="no picture"):
        convert.translate_file(Negative(), tmp_path / "in", tmp_path / "out")
    (tmp_path / "in" / "a.png").write_bytes(b"broken")
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetError, match="it is a file"):
        convert.translate_file(Negative(), tmp_path / "in", tmp_path / "file")
    with pytest.raises(PictureError, match="could be used"):
        convert.translate_file(Negative(), tmp_path / "in", tmp_path / "out")


def test_a_film_becomes_a_film_with_its_sound(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", [40, 120, 200, 80, 40], sound=True)
    made = convert.translate_file(Negative(), source, tmp_path / "b.mp4")
    assert (made.frames, made.size, made.fps) == (5, (64, 48), 10)
    assert close(levels(made.target), [215, 135, 55, 175, 215], 6)
    assert provenance.read(made.target)["translator"]["family"] == "test"
    with av.open(str(source)) as before, av.open(str(made.target)) as after:
        sounds = [[bytes(p) for p in c.demux(c.streams.audio[0]) if p.size] for c in (before, after)]
    assert sounds[0] == sounds[1]
    assert sounds[0]


def test_sound_that_does_not_fit_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = film(tmp_path / "a.mp4", [40, 120], sound=True)
    made = convert.translate_file(Negative(), source, tmp_path / "b.webm")
    assert "the sound (aac) does not go into .webm" in caplog.text
    assert not footage.open_footage(made.target).sound


def test_an_odd_film_loses_a_row(tmp_path: Path) -> None:
    Image.fromarray(grey(1, 21, 33)).save(
        tmp_path / "a.gif", save_all=True, append_images=[Image.fromarray(grey(90, 21, 33))], duration=100
    )
    assert convert.translate_file(Negative(), tmp_path / "a.gif", tmp_path / "b.mp4").size == (32, 20)
    assert convert.translate_file(Negative(), tmp_path / "a.gif", tmp_path / "b.gif").size == (33, 21)


def test_ctrl_c_keeps_the_film_so_far(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", [40] * 6)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="holds 3 of 6 frames"):
        convert.translate_file(Negative(), source, tmp_path / "b.mp4", on_frame=stop)
    assert len(levels(tmp_path / "b.mp4")) == 3


def test_strength_can_change_over_a_film(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", [200] * 4)
    made = convert.translate_file(Negative(), source, tmp_path / "b.mp4", strength=lambda u: u)
    assert close(levels(made.target), [200, 164, 128, 92], 6)


def test_what_is_random_is_the_same_in_every_frame(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", [128] * 2)
    before = torch.random.get_rng_state()
    made = convert.translate_file(Dropped(), source, tmp_path / "b.mkv", seed=3, format="ffv1")
    first, second = footage.read(footage.open_footage(made.target))
    assert np.array_equal(first, second)
    assert first.std() > 10
    assert torch.equal(before, torch.random.get_rng_state())
    other = convert.translate_file(Dropped(), source, tmp_path / "c.mkv", seed=4, format="ffv1")
    assert not np.array_equal(first, next(footage.read(footage.open_footage(other.target))))


class Counted(io.FileIO):
    """A file that counts the bytes that are read from it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        Counted.count += len(data)
        return data


def test_a_film_is_read_in_constant_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 48, 64, 3), np.uint8)
    path = film(tmp_path / "a.mkv", noise)
    opened = footage.open_footage(path)
    monkeypatch.setattr(regular, "opened", Counted)
    monkeypatch.setattr(Counted, "count", 0)
    reader = footage.read(opened)
    next(reader), next(reader)
    # Two frames given, and most of the file is still unread: FFmpeg's buffer and threads reach a few frames ahead.
    assert 0 < Counted.count < path.stat().st_size / 3
    reader.close()
    shutil.move(path, tmp_path / "b.mkv")
