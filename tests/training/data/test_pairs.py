"""Pairs: where they are found, how they are made, and every way in which a folder of pictures can be wrong."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentart import pixels
from latentart.errors import PictureError, SettingsError, TargetError, WeightsError
from latentart.training import pool
from latentart.training.data import gui_page, openmoji, pairs, preprocess

Frame = pixels.Frame


def scene(seed: int = 0, size: tuple[int, int] = (48, 40)) -> Frame:
    """A dark disc and a bright bar on a soft ground, [H, W, 3]."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    frame = np.full((height, width, 3), (200, 190, 170), np.uint8)
    frame[(x - width / 3) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2] = (40, 60, 120 + seed)
    frame[height // 4 : -height // 4, -width // 5 : -width // 8] = (250, 120, 60)
    return frame


def save(path: Path, frame: Frame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame).save(path)
    return path


def folders(root: Path, left: str = "abc", right: str = "abc") -> Path:
    for side, names in (("A", left), ("B", right)):
        for name in names:
            save(root / side / f"{name}.png", scene(ord(name)))
    return root


# --- makers


def test_edges_are_thin_black_lines_where_the_picture_changes() -> None:
    drawn = preprocess.make("edges", scene(size=(96, 80)))
    assert set(np.unique(drawn)) == {0, 255}
    lines = drawn[:, :, 0] == 0
    assert 0.01 < lines.mean() < 0.12
    assert lines[40, 8:18].sum() in (1, 2)  # the disc's left rim, one line thick
    assert not lines[30:50, 28:36].any()  # nothing inside it


def test_a_flat_or_grainy_picture_has_no_edges() -> None:
    grain = (128 + np.random.RandomState(0).randint(-1, 2, (64, 64, 3))).astype(np.uint8)
    assert (preprocess.make("edges", grain) == 255).all()
    assert (preprocess.make("edges", np.full((16, 16, 3), 9, np.uint8)) == 255).all()


def test_ink_is_black_where_the_picture_is_dark_and_white_where_it_is_light() -> None:
    drawn = preprocess.make("ink", scene(size=(96, 80)))
    assert drawn[40, 32].max() < 60
    assert drawn[5, 5].min() > 240


def test_posterised_pictures_have_few_colours_and_no_specks() -> None:
    noisy = scene(size=(96, 80)).astype(int) + np.random.RandomState(1).randint(-20, 21, (80, 96, 3))
    flat = preprocess.make("posterise", np.clip(noisy, 0, 255).astype(np.uint8))
    assert set(np.unique(flat)) <= {0, 51, 102, 153, 204, 255}
    assert len(np.unique(flat.reshape(-1, 3), axis=0)) < 30


def test_a_hole_is_white_and_the_seed_says_where() -> None:
    picture = scene(size=(96, 80))
    holed = preprocess.make("blank", picture, 3, 7)
    changed = (holed != picture).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert (holed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 255).all()
    assert 0.05 < changed.mean() < 0.27
    assert (preprocess.make("blank", picture, 3, 7) == holed).all()
    assert (preprocess.make("blank", picture, 3, 8) != holed).any()


def test_grey_keeps_brightness() -> None:
    drawn = preprocess.make("grey", np.full((8, 8, 3), (0, 255, 0), np.uint8))
    assert (drawn == round(0.7152 * 255)).all()


@pytest.mark.parametrize("name", preprocess.MAKERS)
def test_every_maker_keeps_the_size(name: str) -> None:
    for size in ((48, 40), (8, 9)):
        made = preprocess.make(name, scene(size=size))
        assert (made.shape, made.dtype) == ((size[1], size[0], 3), np.uint8)


def test_unknown_makers_and_tiny_pictures() -> None:
    with pytest.raises(SettingsError, match="did you mean edges"):
        preprocess.make("edgs", scene())
    with pytest.raises(PictureError, match="4x40 is too small"):
        preprocess.make("edges", scene()[:, :4])


# --- finding


def test_side_by_side_and_two_folders_are_the_same_pairs(tmp_path: Path) -> None:
    joined = pairs.join(folders(tmp_path / "two"), tmp_path / "one")
    assert (joined.written, joined.faults) == (3, [])
    assert [s.name for s in pairs.find(tmp_path / "one").sources] == ["a", "b", "c"]
    for one, two in zip(pairs.find(tmp_path / "one").sources, pairs.find(tmp_path / "two").sources, strict=True):
        for a, b in zip(one.read(), two.read(), strict=True):
            np.testing.assert_array_equal(a, b)
    pairs.split(tmp_path / "one", tmp_path / "again")
    again = pixels.open_image(tmp_path / "again" / "B" / "b.png")
    np.testing.assert_array_equal(again, pixels.open_image(tmp_path / "two" / "B" / "b.png"))


def test_names_without_a_partner_are_named(tmp_path: Path) -> None:
    found = pairs.find(folders(tmp_path, "abc", "bcd"))
    assert [source.name for source in found.sources] == ["b", "c"]
    assert found.faults == ["'a' is in A but not in B", "'d' is in B but not in A"]
    with pytest.raises(SettingsError, match=r"no pairs in .*'x' is in A but not in B"):
        pairs.find(folders(tmp_path / "none", "x", "y"))


def test_pairs_of_other_shapes_and_odd_widths_are_named(tmp_path: Path) -> None:
    folders(tmp_path, "ab", "ab")
    save(tmp_path / "B" / "b.png", scene(size=(40, 40)))
    read = pool.pairs_of(tmp_path, 16)
    assert read.names == ["a"]
    assert read.faults == ["A and B of 'b' differ in shape: 48x40 and 40x40"]
    save(tmp_path / "odd" / "a.png", scene(size=(33, 16)))
    with pytest.raises(PictureError, match=r"none of 1 pictures could be read.*'a' is 33 pixels wide"):
        pool.pairs_of(tmp_path / "odd", 16)


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_folders_without_pictures(tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").mkdir()
    for ask in (pairs.find, pairs.photos):
        with pytest.raises(SettingsError, match=what):
            ask(tmp_path / what)


# --- making


def test_a_folder_of_photographs_becomes_pairs_and_damaged_ones_are_listed(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", scene())
    save(tmp_path / "in" / "a.jpg", scene())
    whole = save(tmp_path / "in" / "cut.png", scene()).read_bytes()
    (tmp_path / "in" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in" / "text.jpg").write_text("no picture")
    (tmp_path / "in" / "readme.txt").write_text("not looked at")
    seen: list[tuple[int, int]] = []
    done = pairs.make(tmp_path / "in", tmp_path / "out", "grey", report=lambda *at: seen.append(at))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "a.png.png"]
    assert done.written == 2
    assert len(done.faults) == 2
    assert "cut.png" in done.faults[0]
    assert "text.jpg" in done.faults[1]
    assert seen[-1] == (4, 4)
    a, b = pairs.find(tmp_path / "out").sources[0].read()
    assert (a[:, :, 0] == a[:, :, 1]).all()
    assert b.shape == (40, 48, 3)


def test_a_size_cuts_squares(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", scene())
    pairs.make(tmp_path / "in", tmp_path / "out", "edges", size=32)
    assert pixels.open_image(tmp_path / "out" / "a.png").shape == (32, 64, 3)


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", scene())
    pairs.make(tmp_path / "in", tmp_path / "out", "grey")
    with pytest.raises(TargetError, match="exists already"):
        pairs.make(tmp_path / "in", tmp_path / "out", "grey")
    pairs.make(tmp_path / "in", tmp_path / "out", "grey", overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetError, match="file"):
        pairs.make(tmp_path / "in", tmp_path / "file", "grey")


def test_only_damaged_pictures_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_text("no")
    with pytest.raises(PictureError, match="none of 1 pictures could be used"):
        pairs.make(tmp_path / "in", tmp_path / "out", "grey")


# --- the pool


def test_each_epoch_is_another_order_of_all(tmp_path: Path) -> None:
    epochs = [[pool.order(place, 7, 3) for place in range(7 * e, 7 * e + 7)] for e in range(3)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_a_step_has_its_own_pictures_whoever_asks(tmp_path: Path) -> None:
    seen = pool.pairs_of(folders(tmp_path), 20)
    augment = pool.Augment(colour=0.2)
    first = pool.batch(seen, 5, 2, 16, augment=augment, seed=1)
    assert first.shape == (2, 6, 16, 16)
    assert (pool.batch(seen, 5, 2, 16, augment=augment, seed=1) == first).all()
    assert (pool.batch(seen, 6, 2, 16, augment=augment, seed=1) != first).any()
    assert (pool.batch(seen, 5, 2, 16, augment=augment, seed=2) != first).any()


def test_a_and_b_are_moved_mirrored_and_coloured_alike(tmp_path: Path) -> None:
    folders(tmp_path)
    seen = pool.pairs_of(tmp_path, 20)
    for step in range(8):
        both = pool.batch(seen, step, 2, 16, augment=pool.Augment(colour=0.3), seed=0)
        np.testing.assert_array_equal(both[:, :3], both[:, 3:])
    plain = pool.batch(seen, 0, 1, 20, augment=pool.Augment(flip=False, jitter=False), seed=0)
    want = pixels.to_float(seen.frames[pool.order(0, 3, 0)])
    np.testing.assert_array_equal(plain, want)


def test_swapped_pairs_and_a_pool_too_large_for_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        save(tmp_path / f"{name}.png", np.concatenate([scene() * 0, scene()], axis=1))
    plain = pool.pairs_of(tmp_path, 16)
    monkeypatch.setattr(pool, "IN_MEMORY", 10)
    swapped = pool.pairs_of(tmp_path, 16, swap=True)
    assert isinstance(swapped.frames, np.memmap)
    np.testing.assert_array_equal(swapped.frames[..., :3], plain.frames[..., 3:])
    assert not swapped.frames[..., 3:].any()
    assert plain.fingerprint != swapped.fingerprint


# --- OpenMoji and interfaces


SVG = '<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg"><path d="M9 9H63V63H9Z" fill="{}"/></svg>'


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a face, a skin tone, a flag, one that has no black drawing, and other files."""
    path = tmp_path / "openmoji.tgz"
    kept = {
        f"package/{kind}/svg/{name}.svg": SVG.format(fill)
        for kind, fill in (("black", "#000"), ("color", "#f00"))
        for name in ("1F600", "1F44B-1F3FD", "1F1E6-1F1F9")
    }
    kept |= {"package/color/svg/1F601.svg": SVG, "package/black/svg/../../x.svg": SVG, "package/src/a.svg": SVG}
    with tarfile.open(path, "w:gz") as tar:
        for name, text in kept.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    monkeypatch.setattr(openmoji, "PACKAGE_SHA256", __import__("hashlib").sha256(path.read_bytes()).hexdigest())
    return path


def test_emoji_have_lines_left_and_colours_right_and_their_licence_beside(package: Path, tmp_path: Path) -> None:
    done = openmoji.make(tmp_path / "out", size=24, source=package)
    assert done.written == 2
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["1F1E6-1F1F9.png", "1F600.png", "LICENSE.txt"]
    assert "CC BY-SA 4.0" in (tmp_path / "out" / "LICENSE.txt").read_text()
    drawn = pixels.open_image(tmp_path / "out" / "1F600.png")
    assert drawn.shape == (24, 48, 3)
    assert [tuple(drawn[12, x]) for x in (12, 36, 0)] == [(0, 0, 0), (255, 0, 0), (255, 255, 255)]


def test_which_emoji_are_wanted(package: Path) -> None:
    assert sorted(openmoji.read(package)) == ["1F1E6-1F1F9", "1F600"]
    assert sorted(openmoji.read(package, flags=False)) == ["1F600"]
    assert sorted(openmoji.read(package, skin_tones=True, flags=False)) == ["1F44B-1F3FD", "1F600"]


def test_another_package_is_refused(package: Path, tmp_path: Path) -> None:
    package.write_bytes(package.read_bytes() + b"x")
    with pytest.raises(WeightsError, match="not the package that was published"):
        openmoji.make(tmp_path / "out", source=package)
    with pytest.raises(WeightsError, match="there is no file"):
        openmoji.make(tmp_path / "out2", source=tmp_path / "none.tgz")
    with pytest.raises(SettingsError, match="size 9"):
        openmoji.make(tmp_path / "out3", size=9)


def test_a_drawing_that_is_none_is_left_out() -> None:
    with pytest.raises(PictureError, match="cannot be drawn"):
        openmoji.renderer()("<svg", 16)


def test_an_interface_is_named_by_its_seed_and_number() -> None:
    pages = [gui_page.page(seed, number, 128) for seed, number in ((0, 0), (0, 1), (1, 0))]
    assert len(set(pages)) == 3
    assert gui_page.page(0, 1, 128) == pages[1]
    kinds = {
        kind for number in range(40) for kind in gui_page.BOXES if f'data-k="{kind}"' in gui_page.page(5, number, 64)
    }
    assert kinds == set(gui_page.BOXES)
