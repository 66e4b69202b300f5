"""The settings record: what it holds, what it leaves out, and what hostile files make of it."""

from __future__ import annotations

import json
import tracemalloc
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import latentart
from latentart import provenance
from latentart.errors import LatentartError, SettingsError
from latentart.provenance import RecordError


def test_a_record_names_what_it_was_made_with() -> None:
    made = provenance.record(seeds=[1, 2], device="cpu")
    assert made["latentart"] == latentart.__version__
    assert made["torch"] == torch.__version__
    assert made["numpy"] == np.__version__
    assert made["av"] == av.__version__
    assert (made["device"], made["seeds"]) == ("cpu", [1, 2])


def test_the_same_settings_make_the_same_record() -> None:
    assert provenance.to_text(provenance.record(a=1)) == provenance.to_text(provenance.record(a=1))


def test_values_become_plain_json() -> None:
    given = {
        "fps": Fraction(24000, 1001),
        "size": (1920, 1080),
        "psi": np.float32(0.5),
        "seed": np.int64(7),
        "none": None,
        "flag": True,
        "mix": {"a": {1: Fraction(1, 2)}},
    }
    plain = provenance.check(given)
    assert plain == json.loads(provenance.to_text(plain))
    assert (plain["fps"], plain["size"], plain["psi"], plain["seed"]) == ("24000/1001", [1920, 1080], 0.5, 7)
    assert plain["mix"] == {"a": {"1": "1/2"}}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), torch.zeros(3), b"bytes", {"deep": [1, {2}]}])
def test_what_json_does_not_have_is_refused_by_name(value: Any) -> None:
    with pytest.raises(SettingsError, match=r"the setting thing(\.deep)? = .* cannot be recorded"):
        provenance.record(thing=value)


def test_a_record_as_long_as_a_book_is_refused() -> None:
    with pytest.raises(SettingsError, match="longer than"):
        provenance.record(note="x" * 2_000_000)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/home/anna/nets/a.pkl", "a.pkl"),
        ("~/nets/a.pkl", "a.pkl"),
        ("../anna/a.pkl", "a.pkl"),
        (r"C:\Users\anna\a.pkl", "a.pkl"),
        ("\\\\server\\anna\\a.pkl", "a.pkl"),
        (PurePosixPath("anna/a.pkl"), "a.pkl"),
        ("https://anna:secret@example.org/a.pkl?token=secret", "https://example.org/a.pkl"),
        ("landscapes-256", "landscapes-256"),
        ("24000/1001", "24000/1001"),
    ],
)
def test_folders_and_users_stay_out(given: Any, kept: str) -> None:
    assert provenance.record(network=given)["network"] == kept


def png(path: Path, text: str, key: str = "latentart") -> Path:
    info = PngInfo()
    info.add_itxt(key, text)
    Image.new("RGB", (2, 2)).save(path, pnginfo=info)
    return path


def test_a_record_is_read_back_from_a_picture(tmp_path: Path) -> None:
    text = provenance.to_text(provenance.record(note="été"))
    assert provenance.read(png(tmp_path / "a.png", text))["note"] == "été"


def test_a_record_is_found_beside_the_file(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    (tmp_path / "settings.json").write_text(provenance.to_text(provenance.record(place="folder")))
    assert provenance.read(tmp_path)["place"] == "folder"
    assert provenance.read(tmp_path / "a.png")["place"] == "folder"
    (tmp_path / "a.json").write_text(provenance.to_text(provenance.record(place="file")))
    assert provenance.read(tmp_path / "a.png")["place"] == "file"


def test_a_camera_s_comment_is_no_record(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.gif", comment=b"made with love")
    with pytest.raises(RecordError, match=r"carries no settings record, and there is no 'a\.json' beside it"):
        provenance.read(tmp_path / "a.gif")


VERSION = '"latentart": "0.1.0"'
HOSTILE = {
    "empty": "",
    "half": '{"latentart": "0.1.0", "seeds": [1,',
    "deep": "[" * 200_000,
    "deep-object": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "nan": f'{{{VERSION}, "psi": NaN}}',
    "infinity": f'{{{VERSION}, "psi": -Infinity}}',
    "list": "[1, 2]",
    "number": "7",
    "no-version": '{"seeds": [1]}',
    "wrong-version": '{"latentart": {"a": 1}}',
    "huge-number": f'{{{VERSION}, "n": {"9" * 10_000}}}',
    "huge": f'{{{VERSION}, "note": "' + "x" * 1_100_000 + '"}',
    "binary": "\x00\x01\x02",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("ending", [".json", ".png"])
def test_hostile_records_get_one_line(name: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    if ending == ".json":
        path.write_text(HOSTILE[name])
    elif name == "huge":
        path.write_bytes(huge_png())
    else:
        png(path, HOSTILE[name])
    with pytest.raises(RecordError, match=r"a\.(json|png)'") as told:
        provenance.read(path)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 600


def huge_png() -> bytes:
    """A PNG whose compressed text is 20 MB of spaces."""
    import io

    info = PngInfo()
    info.add_itxt("latentart", " " * 20_000_000, zip=True)
    out = io.BytesIO()
    Image.new("RGB", (2, 2)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def test_a_json_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(1 << 30)
    tracemalloc.start()
    with pytest.raises(RecordError, match="longer than"):
        provenance.read(tmp_path / "a.json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("ending", [".png", ".jpg", ".gif", ".webp", ".mp4", ".mov", ".mkv", ".webm", ".txt", ".json"])
@pytest.mark.parametrize(
    "content", [None, b"", b"\0" * 100, b"#EXTM3U\nfile:///etc/passwd\n", b"GIF89a", b"RIFF\xff\xff\xff\xffWEBPVP8X"]
)
def test_files_that_hold_nothing_get_one_line(ending: str, content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LatentartError) as told:
        provenance.read(path)
    assert f"a{ending}" in str(told.value)
    assert "\n" not in str(told.value)
