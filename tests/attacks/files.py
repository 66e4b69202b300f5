"""Files of another kind, places that are no files, and cards that point where they should not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from .kinds import Attack, file

CARD = 'name = "mine"\nfile = {file}\nsha256 = {sha}\n'
SHA = '"' + "0" * 64 + '"'


def card(name_of_file: str, sha: str = SHA, extra: str = "") -> Callable[[Path], str]:
    """A card in the user's folder, opened by its name."""

    def write(folder: Path) -> str:
        (folder / "mine.toml").write_text(CARD.format(file=name_of_file, sha=sha) + extra)
        return "mine"

    return write


def wrong_hash(folder: Path) -> str:
    (folder / "w.safetensors").write_bytes(b"something else")
    return card('"w.safetensors"')(folder)


def link_loop(folder: Path) -> Path:
    (folder / "a.pkl").symlink_to("b.pkl")
    (folder / "b.pkl").symlink_to("a.pkl")
    return folder / "a.pkl"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.pkl")
    return folder / "pipe.pkl"


def empty_folder(folder: Path) -> Path:
    (folder / "network.pkl").mkdir()
    return folder / "network.pkl"


_KNOWN = r"\(formats read: "
ATTACKS: dict[str, Attack] = {
    "empty file": file(lambda: b"", f"looks like an empty file {_KNOWN}"),
    "picture": file(lambda: b"\x89PNG\r\n\x1a\n" + bytes(64), "looks like a picture"),
    "web page": file(lambda: b"<!DOCTYPE html><html>Sign in</html>", "looks like a web page"),
    "git-lfs pointer": file(lambda: b"version https://git-lfs.github.com/spec/v1\noid x", "a git-lfs pointer"),
    "text": file(lambda: b"just a note\n", "looks like text"),
    "gzip": file(lambda: b"\x1f\x8b\x08" + bytes(32), "a compressed archive"),
    "tar": file(lambda: b"weights.pkl" + bytes(246) + b"ustar\x0000" + bytes(300), "a tar archive"),
    "onnx": file(lambda: b"\x08\x07\x12\x07pytorch\x1a\x032.0" + bytes(64), "an ONNX model"),
    "TensorFlow pickle": file(lambda: b"\x80\x03cdnnlib.tflib.network\nNetwork\n)\x81.", "its variables|blocks of"),
    "random bytes": file(lambda: bytes(range(1, 250)), "unknown bytes"),
    "only a header": file(lambda: b"\x80\x04", "the file ends early"),
    "folder": Attack(empty_folder, "a folder, not a file"),
    "missing file": Attack(lambda folder: folder / "none.pkl", "there is no such file"),
    "loop of links": Attack(link_loop, "symbolic links"),
    "pipe that never ends": Attack(pipe, "not a file"),
    "endless device": Attack(lambda folder: Path("/dev/zero"), "not a file"),
    "zero byte in the path": Attack(lambda folder: f"{folder}/a\0b.pkl", "a zero byte"),
    "name of 5,000 letters": Attack(lambda folder: folder / ("a" * 5000), "File name too long"),
    "card: file above its folder": Attack(card('"../../etc/passwd"'), r"has file '../../etc/passwd'"),
    "card: absolute file": Attack(card('"/etc/passwd"'), r"has file '/etc/passwd'"),
    "card: Windows path": Attack(card("'..\\..\\x'"), "has file"),
    "card: file that is a number": Attack(card("5"), "has file 5"),
    "card: short hash": Attack(card('"w.pkl"', '"abc"'), "has sha256 'abc'"),
    "card: wrong hash": Attack(wrong_hash, "is not the file its card 'mine' describes"),
    "card: not TOML": Attack(card("oops oops"), "cannot read card"),
    "card: nested for ever": Attack(card('"w.pkl"', SHA, "x = " + "[" * 50_000), "cannot read card"),
    "card: class names of a wrong type": Attack(card('"w.pkl"', SHA, "class_names = 7\n"), "has class_names"),
    "card: missing file": Attack(card('"none.pkl"'), "there is no such file"),
}
