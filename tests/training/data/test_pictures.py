"""A folder of pictures made a set: every kind of file, every way to be broken, and a run that was cut off."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from latentart import pixels
from latentart.errors import PictureError, SettingsError, TargetError
from latentart.training.data import duplicates, pictures, reading, sets
from latentart.training.data.pictures import Kind


def scene(seed: int = 0, size: tuple[int, int] = (80, 60)) -> Image.Image:
    """A smooth random picture in RGB that is like no other seed's."""
    small = np.random.RandomState(seed).randint(0, 255, (5, 5, 3), np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def make(tmp_path: Path, **options: object) -> sets.Done:
    """The set of tmp_path/in, in tmp_path/out, 32x32."""
    return pictures.make(tmp_path / "in", tmp_path / "out", Kind(**{"size": (32, 32), **options}))  # type: ignore[arg-type]


def written(tmp_path: Path) -> list[str]:
    out = tmp_path / "out"
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))


def test_a_set_has_pictures_of_one_size_and_its_facts(tmp_path: Path) -> None:
    for i in range(3):
        save(tmp_path / "in" / f"{i}.jpg", scene(i, (80 + 9 * i, 60)), quality=95)
    done = make(tmp_path)
    assert (done.written, done.faults, written(tmp_path)) == (3, [], ["0.png", "1.png", "2.png"])
    assert pixels.open_image(tmp_path / "out" / "0.png").shape == (32, 32, 3)
    facts = json.loads((tmp_path / "out" / "set.json").read_text())
    assert (facts["size"], facts["channels"], facts["count"], facts["classes"]) == ([32, 32], 3, 3, [])
    assert not sets.part_of(tmp_path / "out").exists()


def test_the_middle_is_cut_and_other_fits_show_more(tmp_path: Path) -> None:
    wide = Image.new("RGB", (96, 32), "red")
    wide.paste("blue", (32, 0, 64, 32))
    path = save(tmp_path / "wide.png", wide)
    assert (reading.read(path, (32, 32), 3)[16, 2:30] == (0, 0, 255)).all()
    padded = reading.read(path, (32, 32), 3, "pad")
    assert (tuple(padded[16, 1]), tuple(padded[2, 16])) == ((255, 0, 0), (255, 255, 255))
    assert tuple(reading.read(path, (32, 32), 3, "stretch")[0, 0]) == (255, 0, 0)
    assert reading.read(path, (48, 16), 3).shape == (16, 48, 3)


def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 64), "white")
    image.paste("black", (0, 0, 64, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise: what is above is right then
    path = save(tmp_path / "turned.jpg", image, exif=exif, quality=95)
    frame = reading.read(path, (16, 16), 1)[:, :, 0]
    assert frame[:, :6].min() > 240
    assert frame[:, 10:].max() < 15


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("CMYK", "a.jpg"),
        ("P", "a.png"),
        ("P", "a.gif"),
        ("L", "a.png"),
        ("RGBA", "a.webp"),
        ("1", "a.tif"),
        ("LA", "a.png"),
    ],
)
def test_every_kind_of_picture_keeps_its_look(tmp_path: Path, mode: str, name: str) -> None:
    source = scene(1).convert("L").convert("RGB") if mode in ("L", "LA", "1") else scene(1)
    frame = reading.read(save(tmp_path / name, source.convert(mode)), (40, 30), 3)
    wanted = np.asarray(source.resize((40, 30), Image.Resampling.BICUBIC), float)
    assert np.abs(frame - wanted).mean() < (40 if mode == "1" else 12)


def test_sixteen_bits_keep_their_upper_byte(tmp_path: Path) -> None:
    levels = np.tile(np.arange(64, dtype=np.uint16) * 1024, (64, 1))
    path = save(tmp_path / "deep.png", Image.fromarray(levels))
    assert np.abs(reading.read(path, (64, 64), 1)[5, :, 0] - np.arange(64) * 4.0).max() < 2


def test_colour_profiles_are_applied(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    linear = save(tmp_path / "lab.tif", Image.new("RGB", (32, 32), (180, 20, 20)), icc_profile=profile)
    assert tuple(reading.read(linear, (8, 8), 3)[4, 4]) == (180, 20, 20)  # of another colour space: left alone
    broken = save(tmp_path / "bad.png", Image.new("RGB", (32, 32), (180, 20, 20)), icc_profile=b"no profile")
    assert tuple(reading.read(broken, (8, 8), 3)[4, 4]) == (180, 20, 20)


def test_a_wide_gamut_picture_becomes_srgb(tmp_path: Path) -> None:
    # sRGB with its red and green primaries exchanged: red numbers mean green.
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    for at in range(132, 132 + 12 * count, 12):
        data[at : at + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(bytes(data[at : at + 4]), data[at : at + 4])
    exchanged = bytes(data).replace("sRGB".encode("utf-16-be"), "xRGB".encode("utf-16-be")).replace(b"sRGB", b"xRGB")
    path = save(tmp_path / "wide.png", Image.new("RGB", (32, 32), (255, 0, 0)), icc_profile=exchanged)
    red, green, blue = (int(each) for each in reading.read(path, (8, 8), 3)[4, 4])
    assert green > 240
    assert max(red, blue) < 30


def test_alpha_is_kept_when_most_pictures_have_some(tmp_path: Path) -> None:
    for i in range(4):
        image = scene(i).convert("RGBA")
        image.putalpha(Image.new("L", image.size, 255))
        if i:
            image.paste((0, 0, 0, 0), (0, 0, 30, 60))
        save(tmp_path / "in" / f"{i}.png", image)
    make(tmp_path)
    assert pixels.open_image(tmp_path / "out" / "1.png", "RGBA")[16, 0, 3] == 0
    shutil.rmtree(tmp_path / "out")
    make(tmp_path, alpha=False)
    assert tuple(pixels.open_image(tmp_path / "out" / "1.png")[16, 0]) == (255, 255, 255)
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "in" / "1.png").unlink()
    (tmp_path / "in" / "2.png").unlink()
    make(tmp_path)
    assert json.loads((tmp_path / "out" / "set.json").read_text())["channels"] == 3


def test_colour_behind_clear_pixels_does_not_shine_through(tmp_path: Path) -> None:
    image = Image.new("RGBA", (64, 64), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 31, 64))
    frame = reading.read(save(tmp_path / "a.png", image), (16, 16), 4)
    assert frame[:, :, 1][frame[:, :, 3] > 0].max() < 8


def test_grey_pictures_make_a_grey_set(tmp_path: Path) -> None:
    for i in range(2):
        save(tmp_path / "in" / f"{i}.png", scene(i).convert("L"))
    make(tmp_path)
    assert json.loads((tmp_path / "out" / "set.json").read_text())["channels"] == 1


def test_sub_folders_are_classes_with_names_that_every_disk_takes(tmp_path: Path) -> None:
    for i, name in enumerate(("Cat", "cat", "a:b/deep", "con")):
        save(tmp_path / "in" / name / "1.png", scene(i))
    save(tmp_path / "in" / "bare.png", scene(9))
    done = make(tmp_path)
    assert written(tmp_path) == ["Cat/1.png", "_con/1.png", "a_b/deep-1.png", "bare.png", "cat-2/1.png"]
    assert any("1 pictures lie in no sub-folder" in note for note in done.notes)
    facts = json.loads((tmp_path / "out" / "set.json").read_text())
    assert [each["folder"] for each in facts["classes"]] == ["Cat", "_con", "a_b", "cat-2"]
    shutil.rmtree(tmp_path / "out")
    assert any("bare.png' lies in no sub-folder" in fault for fault in make(tmp_path, classes=True).faults)
    shutil.rmtree(tmp_path / "out")
    make(tmp_path, classes=False)
    assert "a_b-deep-1.png" in written(tmp_path)


def test_doubles_are_left_out_and_the_largest_is_kept(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", scene(1, (40, 30)))
    save(tmp_path / "in" / "b.jpg", scene(1, (160, 120)), quality=60)
    save(tmp_path / "in" / "c.png", scene(2))
    done = make(tmp_path)
    assert written(tmp_path) == ["b.png", "c.png"]
    assert [fault for fault in done.faults if "a.png' is nearly the same as" in fault and "b.jpg'" in fault]
    shutil.rmtree(tmp_path / "out")
    assert make(tmp_path, doubles=True).written == 3


def test_doubles_are_found_among_many_and_others_are_not() -> None:
    frames = [np.asarray(scene(i, (32, 32))) for i in range(300)]
    again = np.clip(frames[7].astype(int) + 4, 0, 255).astype(np.uint8)
    prints = [duplicates.fingerprint(frame) for frame in [*frames, again]]
    assert duplicates.doubles(prints) == {300: 7}
    discs = [np.full((32, 32, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255))]
    assert duplicates.doubles(duplicates.fingerprint(frame) for frame in discs) == {}


def test_a_folder_of_everything_that_can_be_wrong(tmp_path: Path) -> None:
    place = tmp_path / "in"
    good = save(place / "good.png", scene(1))
    (place / "empty.png").touch()
    (place / "text.jpg").write_text("no picture")
    (place / "cut.png").write_bytes(good.read_bytes()[:400])
    jpeg = save(place / "whole.jpg", scene(2)).read_bytes()
    (place / "half.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    os.mkfifo(place / "pipe.png")
    (place / "device.png").symlink_to("/dev/zero")
    (place / "nothing.png").symlink_to("/nowhere/at/all")
    (place / "loop").symlink_to(place)
    (place / "float.tif").write_bytes(b"")
    save(place / "float.tif", Image.fromarray(np.full((8, 8), 300, np.float32)))
    (place / "notes.txt").write_text("mine")
    gif = [scene(i).convert("P") for i in (5, 6)]
    gif[0].save(place / "moving.gif", save_all=True, append_images=gif[1:])
    unnamed = os.fsencode(place) + b"/\xff\xfe.png"
    Path(os.fsdecode(unnamed)).write_bytes(save(tmp_path / "x.png", scene(8)).read_bytes())
    done = make(tmp_path)
    assert written(tmp_path) == ["__.png", "good.png", "moving.png", "whole.png"]
    for words in ("empty.png' is empty", "text.jpg'", "cut.png'", "half.jpg'", "pipe.png' is a device, a pipe",
                  "device.png' is a device", "nothing.png': a link to nothing", "loop' is a link to a folder",
                  "float.tif'"):  # fmt: skip
        assert sum(words in fault for fault in done.faults) == 1, words
    assert len(done.faults) == 9
    assert all("\n" not in line and line.isprintable() for line in (*done.faults, *done.notes))
    assert any("moving.gif' has several frames" in note for note in done.notes)
    assert any("1 .txt" in note for note in done.notes)


def test_forty_megapixels_are_no_burden_and_more_than_200_are_left_out(tmp_path: Path) -> None:
    Image.new("L", (7000, 6000), 90).save(tmp_path / "large.jpg")
    with reading.quiet():
        assert reading.read(tmp_path / "large.jpg", (32, 32), 1)[9, 9, 0] == 90
        Image.new("1", (20_000, 10_100)).save(tmp_path / "huge.png")
        with pytest.raises(PictureError, match="202 million pixels"):
            reading.header(tmp_path / "huge.png")


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(6):
        save(tmp_path / "in" / f"{i}.png", scene(i))
    read, calls = reading.read, []

    def stopping(path: Path, *rest: object) -> np.ndarray:
        calls.append(path.name)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return read(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "read", stopping)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path)
    assert not (tmp_path / "out").exists()
    left = len(list(sets.part_of(tmp_path / "out").glob("*.png")))
    assert 2 <= left < 6
    calls[:] = [""] * 9
    assert make(tmp_path).written == 6
    assert len(calls) == 9 + 6 - left


def test_another_runs_remains_are_not_mixed_in(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", scene(1))
    part = sets.begin(tmp_path / "out", {"kind": "other"})
    save(part / "old.png", scene(2))
    make(tmp_path)
    assert written(tmp_path) == ["a.png"]


def test_a_full_disk_stops_with_one_line_and_keeps_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(3):
        save(tmp_path / "in" / f"{i}.png", scene(i))
    replace = os.replace

    def full(source: str | Path, target: str | Path) -> None:
        if Path(target).name == "2.png":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(TargetError, match="no room left"):
        make(tmp_path)
    assert not list(sets.part_of(tmp_path / "out").glob("*.tmp"))
    monkeypatch.setattr(os, "replace", replace)
    assert make(tmp_path).written == 3


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", scene(1))
    make(tmp_path)
    with pytest.raises(TargetError, match="exists already"):
        make(tmp_path)
    save(tmp_path / "in" / "b.png", scene(2))
    pictures.make(tmp_path / "in", tmp_path / "out", Kind((32, 32)), overwrite=True)
    assert written(tmp_path) == ["a.png", "b.png"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("mine")
    with pytest.raises(TargetError, match="holds other files"):
        pictures.make(tmp_path / "in", tmp_path / "mine", Kind((32, 32)), overwrite=True)
    assert (tmp_path / "mine" / "diary.txt").read_text() == "mine"


def test_a_set_inside_the_folder_of_pictures_is_not_read_again(tmp_path: Path) -> None:
    save(tmp_path / "a.png", scene(1))
    for _ in range(2):
        done = pictures.make(tmp_path, tmp_path / "set", Kind((32, 32)), overwrite=True)
        assert done.written == 1
    with pytest.raises(SettingsError, match="is the folder of the pictures"):
        pictures.make(tmp_path / "set", tmp_path / "set", Kind((32, 32)), overwrite=True)


def test_folders_and_settings_that_make_no_set(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(SettingsError, match=r"no pictures in .*it is empty"):
        make(tmp_path)
    (tmp_path / "in" / "a.png").write_text("no picture")
    with pytest.raises(PictureError, match="none of 1 pictures"):
        make(tmp_path)
    assert not (tmp_path / "out").exists()
    with pytest.raises(SettingsError, match="there is no folder"):
        pictures.make(tmp_path / "none", tmp_path / "out")
    for wrong, words in (({"size": (2, 32)}, "size 2x32"), ({"fit": "krop"}, "unknown fit 'krop'"),
                         ({"grey": True, "alpha": True}, "grey pictures with alpha")):  # fmt: skip
        with pytest.raises(SettingsError, match=words):
            Kind(**wrong)  # type: ignore[arg-type]
