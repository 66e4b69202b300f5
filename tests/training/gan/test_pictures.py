"""Pictures of any kind become a set, and what is wrong with a folder is one line."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from layouts.small_gan import a_gan, drawings
from PIL import Image

from latentart.errors import PictureError, SettingsError, TargetError
from latentart.training import run, state
from latentart.training.gan import Settings, pictures
from latentart.training.run import Schedule

SMALL = Settings(size=16)


def picture(mode: str = "RGB", size: tuple[int, int] = (20, 18)) -> Image.Image:
    values = np.random.RandomState(len(mode)).randint(0, 255, (size[1], size[0], 4), np.uint8)
    whole = Image.fromarray(values)
    return whole if mode == "RGBA" else whole.convert("RGB").convert(mode)


def folder(place: Path) -> Path:
    """One picture of each kind that folders of people hold."""
    place.mkdir()
    picture("RGB").save(place / "rgb.png")
    picture("RGB", (300, 20)).save(place / "wide.jpg")
    picture("CMYK").save(place / "cmyk.jpg")
    picture("P").save(place / "palette.png")
    picture("1").save(place / "bits.png")
    Image.fromarray(np.linspace(0, 65535, 400).astype(np.uint16).reshape(20, 20)).save(place / "deep.png")
    picture("P").save(place / "moving.gif", save_all=True, append_images=[picture("P")])
    picture("RGB").save(os.fsencode(place) + b"/latin-\xe9.png")
    (place / "cut.png").write_bytes((place / "rgb.png").read_bytes()[:60])
    (place / "text.jpg").write_text("no picture")
    return place


def test_every_kind_of_picture_is_read_and_damaged_ones_are_left_out(tmp_path: Path) -> None:
    found = pictures.read(folder(tmp_path / "set"), SMALL)
    assert found.frames.shape == (8, 16, 16, 3)
    assert len(found.faults) == 2
    assert all(name in " ".join(found.faults) for name in ("cut.png", "text.jpg"))
    assert found.fingerprint.startswith("8 pictures, crc ")


def test_channels_are_those_that_the_pictures_need(tmp_path: Path) -> None:
    for i in range(2):
        picture("L").save(tmp_path / f"{i}.png")
    assert pictures.read(tmp_path, SMALL).channels == 1
    picture("RGBA").save(tmp_path / "clear.png")
    assert pictures.read(tmp_path, SMALL).channels == 4
    assert pictures.read(tmp_path, Settings(size=16, channels=3)).channels == 3


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        picture().save(tmp_path / name / "x.png")
    found = pictures.read(tmp_path, Settings(size=16, classes=True))
    assert found.class_names == ("a", "b")
    assert found.labels.tolist() == [0, 1]
    (tmp_path / "set.json").write_text('{"classes": [{"folder": "a", "name": "Alpha"}]}')
    assert pictures.read(tmp_path, Settings(size=16, classes=True)).class_names == ("Alpha", "b")
    (tmp_path / "set.json").write_text('{"classes": [5]}')
    with pytest.raises(SettingsError, match="does not name classes"):
        pictures.read(tmp_path, Settings(size=16, classes=True))
    (tmp_path / "set.json").unlink()
    picture().save(tmp_path / "loose.png")
    with pytest.raises(SettingsError, match=r"'loose\.png' is in no sub-folder"):
        pictures.read(tmp_path, Settings(size=16, classes=True))


def test_folders_that_cannot_be_trained_on(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no folder"):
        pictures.read(tmp_path / "none", SMALL)
    with pytest.raises(SettingsError, match="no pictures in"):
        pictures.read(tmp_path, SMALL)
    picture().save(tmp_path / "one.png")
    with pytest.raises(PictureError, match="has one picture that can be read"):
        pictures.read(tmp_path, SMALL)


def test_hidden_colours_of_transparent_pixels_change_nothing() -> None:
    img = torch.rand(2, 4, 8, 8) * 2 - 1
    img[:, 3] = -1  # fully transparent
    other = torch.cat([torch.rand(2, 3, 8, 8), img[:, 3:]], dim=1)
    assert torch.equal(pictures.composited(img), pictures.composited(other))
    frame = np.zeros((8, 8, 4), np.uint8)
    frame[:, :4] = (255, 0, 0, 255)  # red; the hidden colour beside it is black
    small = pictures.straight_resize(frame, (5, 5))
    seen = small[..., 3] > 0
    assert (small[seen][:, 0] > 245).all()


def test_a_sequence_shows_every_picture_once_an_epoch() -> None:
    found = drawings(6)
    order = pictures.chosen(found, 0, 12, 5)
    assert sorted(order[:6]) == sorted(order[6:]) == list(range(6))
    assert (pictures.chosen(found, 4, 5, 5) == order[4:9]).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"net": "stylegan4"}, "did you mean stylegan2"), ({"critic": "adaa"}, "did you mean ada"),
        ({"loss": "wgan"}, "unknown loss 'wgan'"), ({"size": 100}, "size 100 does not suit a first block of 4"),
        ({"init_res": (0, 4)}, "init_res"), ({"batch": 1}, "batch 1"), ({"batch": 0}, "batch 0 is out of range"),
        ({"gamma": -1.0}, "gamma -1.0"), ({"rate": float("nan")}, "rate nan"), ({"augment": 2.0}, "augment 2.0"),
        ({"channels": 2}, "channels 2"), ({"mixing": 7.0}, "mixing 7.0"),
        ({"critic": "projected", "loss": "rp"}, "hinge"), ({"net": "progan", "init_res": (2, 4)}, "begins at 4x4"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings(**changes)


def test_a_batch_must_divide(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="batch 4 cannot be divided among 1 processes in pieces of 3"):
        a_gan(micro=3)


def test_what_fits_is_named_when_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = a_gan(batch=8)
    learn = gan.learn

    def small(number: int, progress: float) -> run.Losses:
        if gan.pieces_of > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return learn(number, progress)

    monkeypatch.setattr(gan, "learn", small)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    with pytest.raises(SettingsError, match="out of memory on cpu with 8 pictures at a time: --micro 2 fits"):
        gan.step(0, 0.0)


def test_a_training_that_runs_off_keeps_what_was_good(tmp_path: Path) -> None:
    gan = a_gan()
    run.train(gan, tmp_path, Schedule(1))
    with torch.no_grad():
        next(iter(gan.D.parameters())).fill_(float("nan"))
    monkey = a_gan()
    monkey.restore = lambda tensors: gan.tensors() and None  # type: ignore[method-assign, assignment]
    monkey.D.load_state_dict(gan.D.state_dict())
    with pytest.raises(SettingsError, match=r"is nan after step 1: give a lower --rate; .* holds step 1"):
        run.train(monkey, tmp_path, Schedule(2))
    tensors, facts = state.read(tmp_path / run.STATE)
    assert facts["step"] == 1
    assert all(bool(torch.isfinite(t).all()) for t in tensors.values())


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run.train(a_gan(), tmp_path, Schedule(1))
    before = (tmp_path / run.STATE).read_bytes()

    def full(path: Path, checkpoint: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("latentart.training.state.safe.write", full)
    with pytest.raises(TargetError, match="no room left"):
        run.train(a_gan(), tmp_path, Schedule(2))
    monkeypatch.undo()
    assert (tmp_path / run.STATE).read_bytes() == before
    assert run.train(a_gan(), tmp_path, Schedule(2)).ended == "done"
