"""Sets made from published packages, on tiny packages made here; nothing is fetched."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from latentart import pixels
from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.training.data import fluent, glyph_drawing, glyphs, landscapes, packages, sets
from latentart.training.data.packages import Package


def archive(path: Path, kept: dict[str, bytes]) -> str:
    """Writes a .tgz and returns its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, data in kept.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def font() -> bytes:
    """Pillow's own font, which has all 62 characters."""
    stream = ImageFont.load_default(24).path  # type: ignore[union-attr]
    return bytes(stream.getvalue())


# --- glyphs


@pytest.fixture
def fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a package of one good font and one that is none, and lists that name them."""
    package = Package("@fonts/tiny", "1.0.0", "")
    kept = {
        "package/Tiny_400.ttf": font(),
        "package/Bad_400.ttf": b"no font",
        "package/LICENSE_FONT": b"Copyright Tiny",
    }
    sha256 = archive(tmp_path / "packages" / package.file, kept)
    package = Package("@fonts/tiny", "1.0.0", sha256)
    listed = [glyphs.Font(package, "OFL-1.1", f"package/{name}_400.ttf") for name in ("Tiny", "Bad", "Gone")]
    monkeypatch.setattr(glyphs, "listed", lambda held_out=False: listed)
    return tmp_path / "packages"


def test_glyphs_lie_in_class_folders_in_the_cards_order(fonts: Path, tmp_path: Path) -> None:
    done = glyphs.make(tmp_path / "out", size=32, source=fonts)
    assert done.written == 62
    names = [each["name"] for each in json.loads((tmp_path / "out" / "set.json").read_text())["classes"]]
    assert "".join(names) == "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    assert list(sets.class_names(tmp_path / "out").values()) == names
    assert sets.class_names(tmp_path) == {}
    folders = sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert list(done.classes) == folders
    assert len({name.lower() for name in folders}) == 62
    assert "tiny@1.0.0 (OFL-1.1): Copyright Tiny" in (tmp_path / "out" / "LICENSE.txt").read_text()
    assert [words for words in ("cannot be read", "has no file") if not any(words in f for f in done.faults)] == []


def test_glyphs_have_one_scale_and_are_centred_by_their_box() -> None:
    drawn = glyph_drawing.draw(font(), 64)
    boxes = {}
    for character, frame in drawn.items():
        rows, columns = (np.flatnonzero(frame[:, :, 0].max(axis) > 100) for axis in (1, 0))
        boxes[character] = (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
        assert abs(rows[0] + rows[-1] - 63) <= 1, character
        assert abs(columns[0] + columns[-1] - 63) <= 1, character
        assert frame[0].max() == frame[:, 0].max() == 0
        assert frame.max() > 200
    assert max(max(box) for box in boxes.values()) in (55, 56, 57)
    assert boxes["c"][0] < 0.85 * boxes["C"][0]


def test_a_font_that_is_none_or_lacks_characters() -> None:
    with pytest.raises(PictureError, match="cannot be read"):
        glyph_drawing.draw(b"no font")
    with pytest.raises(PictureError, match="has no"):
        glyph_drawing.draw(font(), characters="a\U0001f600")


def test_the_lists_that_ship_share_no_family() -> None:
    ours, theirs = glyphs.listed(), glyphs.listed(held_out=True)
    assert (len(ours), len({each.package for each in theirs})) == (222, 226)
    short = [{each.package.name.split("/")[1] for each in fonts} for fonts in (ours, theirs)]
    assert not short[0] & short[1]
    assert all(len(each.package.sha256) == 64 and each.licence for each in (*ours, *theirs))


def test_a_package_that_is_another_one(fonts: Path, tmp_path: Path) -> None:
    file = fonts / "fonts-tiny-1.0.0.tgz"
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(WeightsError, match="not the package that was published"):
        glyphs.make(tmp_path / "out", source=fonts)
    file.unlink()
    with pytest.raises(WeightsError, match="there is no file"):
        glyphs.make(tmp_path / "out", source=fonts)
    assert not (tmp_path / "out").exists()
    with pytest.raises(SettingsError, match="size 9"):
        glyphs.make(tmp_path / "out", size=9)


def test_npm_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho first >&2\necho 'no such package' >&2\nexit 1\n")
    npm.chmod(0o755)
    wanted = [Package("@fonts/none", "1.0.0", "0" * 64)]
    monkeypatch.setattr(packages.shutil, "which", lambda name: str(npm))
    with pytest.raises(WeightsError, match=r"@fonts/none@1.0.0.*no such package"):
        packages.fetch(wanted, tmp_path, lambda done, total: None)
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    with pytest.raises(WeightsError, match="npm is not installed"):
        packages.fetch(wanted, tmp_path, lambda done, total: None)


# --- fluent


def toy(colour: tuple[int, int, int], size: tuple[int, int] = (256, 256)) -> bytes:
    """A WebP of a square on clear ground."""
    image = Image.new("RGBA", size, (0, 255, 0, 0))
    image.paste((*colour, 255), (64, 64, 192, 192))
    stream = io.BytesIO()
    image.save(stream, "WEBP", lossless=True, exact=True)
    return stream.getvalue()


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The two packages: a face, a waving hand in two tones, a flag, one without a group, one higher than wide."""
    place = tmp_path / "packages"
    assets = {
        "1f600": toy((255, 200, 0)),
        "1f44b": toy((255, 220, 0)),
        "1f44b-1f3fd": toy((160, 110, 70)),
        "1f3f4-e0067_e0062": toy((255, 255, 255)),
        "1f1e6-1f1f9": toy((255, 0, 0)),
        "2764-fe0f": toy((255, 0, 0), (256, 264)),
        "1f999": toy((0, 0, 0)),
        "1f601": b"no picture",
    }
    kept = {f"package/assets/{name}.webp": data for name, data in assets.items()}
    kept |= {"package/assets/../../x.webp": b"", "package/README.md": b"1"}
    table = {
        "😀": "Smileys & Emotion",
        "😁": "Smileys & Emotion",
        "❤️": "Smileys & Emotion",
        "👋": "People & Body",
        "🇦🇹": "Flags",
        "\U0001f3f4\U000e0067\U000e0062\U000e007f": "Flags",
    }
    rows = json.dumps({emoji: {"group": group} for emoji, group in table.items()}).encode()
    for name, members in (("PICTURES", kept), ("GROUPS", {"package/data-by-emoji.json": rows})):
        old: Package = getattr(fluent, name)
        monkeypatch.setattr(fluent, name, Package(old.name, old.version, archive(place / old.file, members)))
    return place


def test_toys_lie_in_unicodes_groups_with_their_licence(toys: Path, tmp_path: Path) -> None:
    done = fluent.make(tmp_path / "out", size=64, source=toys)
    assert done.classes == {"flags": 2, "people-body": 1, "smileys-emotion": 2}
    assert any("1f999 is in no group" in fault for fault in done.faults)
    assert any("cannot be read" in fault for fault in done.faults)
    assert "Copyright (c) Microsoft" in (tmp_path / "out" / "LICENSE.txt").read_text()
    frame = pixels.open_image(tmp_path / "out" / "smileys-emotion" / "1f600.png", "RGBA")
    assert (frame.shape, tuple(frame[32, 32]), frame[4, 4, 3]) == ((64, 64, 4), (255, 200, 0, 255), 0)
    assert frame[:, :, 1][frame[:, :, 3] > 0].max() == 200  # the green behind clear pixels does not shine through
    high = pixels.open_image(tmp_path / "out" / "smileys-emotion" / "2764-fe0f.png", "RGBA")
    assert high.shape == (64, 64, 4)


def test_which_toys_are_wanted(toys: Path, tmp_path: Path) -> None:
    assert "flags" not in fluent.make(tmp_path / "a", size=16, flags=False, source=toys).classes
    assert fluent.make(tmp_path / "b", size=16, skin_tones=True, source=toys).classes["people-body"] == 2
    with pytest.raises(SettingsError, match="size 100"):
        fluent.make(tmp_path / "c", size=100, source=toys)


# --- landscapes


COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: images/land/*
Copyright: Various
License: public-domain
 Taken from somewhere.

Files:
 images/land/lava5*
 images/land/x*
Copyright: Michael
 and another
License: CC-BY-SA-4.0
"""


def deb(path: Path, kept: dict[str, bytes]) -> str:
    """Writes a .deb of these files and returns its SHA-256."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in kept.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    data = b"!<arch>\n"
    for name, body in (("debian-binary", b"2.0"), ("data.tar.xz", lzma.compress(stream.getvalue()))):
        data += f"{name:16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .deb of two photographs, one of which gets bluer to the right, and other files."""
    ramp = np.zeros((360, 720, 3), np.uint8)
    ramp[:, :, 2] = np.linspace(0, 255, 720)
    kept = {}
    for name, image in (("beach0", Image.fromarray(ramp)), ("lava5", Image.new("RGB", (720, 360), "red"))):
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=95)
        kept[f"./usr/share/games/endless-sky/images/land/{name}.jpg"] = stream.getvalue()
    kept |= {"./usr/share/games/endless-sky/images/ship/a.jpg": b"", landscapes._COPYRIGHT: COPYRIGHT.encode()}
    path = tmp_path / "sky.deb"
    monkeypatch.setattr(landscapes, "SHA256", deb(path, kept))
    return path


def test_landscapes_are_cut_evenly_and_their_authors_named(photographs: Path, tmp_path: Path) -> None:
    done = landscapes.make(tmp_path / "out", size=32, crops=3, source=photographs)
    assert (done.written, done.classes) == (6, {})
    blue = [pixels.open_image(tmp_path / "out" / f"beach0-{i}.png")[16, :, 2].mean() for i in range(3)]
    assert np.allclose(blue, [64, 127, 191], atol=4)
    lines = (tmp_path / "out" / "LICENSE.txt").read_text().splitlines()
    assert "beach0.jpg  public-domain  Various" in lines
    assert "lava5.jpg  CC-BY-SA-4.0  Michael and another" in lines
    whole = landscapes.make(tmp_path / "whole", size=32, crops=0, source=photographs)
    assert whole.written == 2
    assert pixels.open_image(tmp_path / "whole" / "lava5.png").shape == (32, 64, 3)


@pytest.mark.parametrize("data", [b"", b"no deb", b"!<arch>\n", b"!<arch>\n" + b"x" * 200])
def test_a_deb_that_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.deb").write_bytes(data)
    with pytest.raises(WeightsError, match="cannot read"):
        landscapes.read(tmp_path / "a.deb")
    with pytest.raises(WeightsError, match="not the package that was published"):
        landscapes.make(tmp_path / "out", source=tmp_path / "a.deb")
    assert not (tmp_path / "out").exists()
