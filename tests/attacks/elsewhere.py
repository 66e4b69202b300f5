"""Files that want to do harm to the readers of latents, directions, scores, cards, pictures, films and sounds."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .files import SHA, card
from .kinds import Attack, file

GB = 1 << 30


def of(content: Callable[[], bytes], name: str = "network.pkl") -> Callable[[Path], Path | str]:
    """One file of that name and content."""
    return file(content, None, name).write


def sparse(size: int, start: bytes = b"", name: str = "net.bin") -> Callable[[Path], Path]:
    """A file of that size which takes no room on the disk."""

    def write(folder: Path) -> Path:
        with (folder / name).open("wb") as stream:
            stream.write(start)
            stream.truncate(size)
        return folder / name

    return write


def npy_head(shape: object, kind: str = "<f4") -> bytes:
    """The header of a .npy that claims this shape."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def zeros(head: bytes, size: int, member: str, *, method: int = 8) -> bytes:
    """A .npz with one member: the head, then `size` zeros, packed a thousandfold."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    part = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush a block refers to nothing before it, so that it can be repeated.
    data = first + part * (size >> 20) + packer.flush(zlib.Z_FINISH)
    whole, name = len(head) + (size >> 20 << 20), member.encode()
    wide = struct.pack("<2H2Q", 1, 16, whole, len(data))
    entry = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, method, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20)
    listed = struct.pack("<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, method, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20,
                         0, 0, 0, 0, 0) + name + wide  # fmt: skip
    body = entry + name + wide + data
    return body + listed + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(listed), len(body), 0)


def shared() -> bytes:
    """A thousand directions on one tensor of 2 MB: 16 GB as doubles."""
    stream = io.BytesIO()
    torch.save(dict.fromkeys(map(str, range(1000)), torch.zeros(1 << 15, 16)), stream)
    return stream.getvalue()


def listing(*makers: Callable[[Path], object]) -> Callable[[Path], Path]:
    """A folder with these things in it."""

    def write(folder: Path) -> Path:
        (folder / "inside").mkdir()
        for make in makers:
            make(folder / "inside")
        return folder / "inside"

    return write


def link(name: str, to: str = "/dev/zero") -> Callable[[Path], Path]:
    """A link of that name."""

    def write(folder: Path) -> Path:
        (folder / name).symlink_to(to)
        return folder / name

    return write


def pipe(name: str) -> Callable[[Path], Path]:
    """A pipe that nobody writes to."""

    def write(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return write


def named_card(make: Callable[[str], Callable[[Path], Path]]) -> Callable[[Path], str]:
    """A card that is a link or a pipe, opened by its name."""

    def write(folder: Path) -> str:
        make("mine.toml")(folder)
        return "mine"

    return write


def manifest(count: int) -> Callable[[Path], Path]:
    """A folder of ml5's: one file of a megabyte under so many names."""

    def write(folder: Path) -> Path:
        (folder / "one").write_bytes(bytes(1 << 20))
        entry = {"filename": "one", "shape": [1 << 18]}
        (folder / "manifest.json").write_text(json.dumps({str(i): entry for i in range(count)}))
        return folder

    return write


def ml5(shape: list[int], size: int) -> Callable[[Path], Path]:
    """A folder of ml5's with one sparse file."""

    def write(folder: Path) -> Path:
        sparse(size, name="one")(folder)
        (folder / "manifest.json").write_text(json.dumps({"a": {"filename": "one", "shape": shape}}))
        return folder

    return write


def tfjs(groups: int, size: int, **weight: object) -> Callable[[Path], Path]:
    """A model of TensorFlow.js whose groups list one shard each, the same one."""

    def write(folder: Path) -> Path:
        sparse(size, name="shard")(folder)
        listed = [
            {"paths": ["shard"], "weights": [{"name": str(i), "dtype": "float32", **weight}]} for i in range(groups)
        ]
        (folder / "model.json").write_text(json.dumps({"weightsManifest": listed}))
        return folder

    return write


def picture(width: int, height: int, kind: str) -> bytes:
    """A picture of one pixel whose header claims more."""
    stream = io.BytesIO()
    Image.new("RGB", (1, 1)).save(stream, kind)
    data = bytearray(stream.getvalue())
    if kind == "PNG":
        data[16:24] = struct.pack(">2L", width, height)
        data[29:33] = struct.pack(">L", zlib.crc32(bytes(data[12:29])))
    elif kind == "JPEG":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">2H", height, width)
    else:
        data[6:10] = struct.pack("<2H", width, height)
    return bytes(data)


def text_bomb() -> bytes:
    """A PNG with a packed text of a gigabyte."""
    data = picture(1, 1, "PNG")
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1024)) + packer.flush()
    body = b"zTXtlatentart\0\0" + packed
    chunk = struct.pack(">L", len(body) - 4) + body + struct.pack(">L", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


def packed(document: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **document)
    return stream.getvalue()


def safetensors_of(size: int) -> bytes:
    header = json.dumps({"a": {"dtype": "F16", "shape": [size // 2], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header


_DOTS = b".".join([b"a"] * 100_000)
ELSEWHERE: dict[str, Attack] = {
    name: Attack(what, refused)
    for name, (what, refused) in {
        "latents: 4 GB of zeros in 4 MB": (of(lambda: zeros(npy_head((1 << 24, 4, 16)), 4 * GB, "w.npy")), "a bomb"),
        "latents: halves that become doubles": (
            sparse(900 << 20, npy_head((29_490_000, 1, 16), "<f2"), "a.npy"),
            "too many",
        ),
        "latents: one w for 14 rows": (sparse(96 << 20, npy_head((1_500_000, 1, 16)), "a.npy"), "too many"),
        "latents: shape (True, 14, 16)": (of(lambda: npy_head((True, 14, 16)) + bytes(1000), "a.npy"), "claims shape"),
        "latents: shape of no bytes": (of(lambda: npy_head((1 << 60,), "|V0"), "a.npy"), "claims shape"),
        "latents: negative shape": (of(lambda: npy_head((-1, 14, 16)) + bytes(1000), "a.npy"), "claims shape"),
        "latents: shape of text": (of(lambda: npy_head(("a", 14)) + bytes(1000), "a.npy"), "header"),
        "latents: member that is cut short": (of(lambda: packed({"w": np.ones((1, 14, 16))})[:-90]), ""),
        "latents: a folder with /dev/zero and a pipe": (
            listing(link("a.npy"), pipe("b.npy"), pipe("c.npz")),
            "holds no",
        ),
        "latents: 30 files of 90 MB": (
            listing(*(sparse(90 << 20, npy_head((1_470_000, 1, 16)), f"{i}.npy") for i in range(30))),
            "too many",
        ),
        "directions: 4 GB of zeros": (of(lambda: zeros(npy_head((1 << 26, 16)), 4 * GB, "lat_comp.npy")), "a bomb"),
        "directions: lat_comp of halves": (
            of(lambda: zeros(npy_head((4 << 20, 16), "<f2"), 128 << 20, "lat_comp.npy")),
            "a bomb|at most",
        ),
        "directions: one tensor a thousand times": (of(shared, "a.pt"), "tensors of"),
        "directions: a million rows": (sparse(60 << 20, npy_head((1_900_000, 16), "<f2"), "a.npy"), "at most 4096"),
        "directions: lat_comp of no dimensions": (of(lambda: packed({"lat_comp": np.ones(())})), "has shape"),
        "directions: lat_comp of text": (of(lambda: packed({"lat_comp": np.array([["x"] * 16])})), "has shape"),
        "directions: complex lat_stdev": (
            of(lambda: packed({"lat_comp": np.ones((2, 16)), "lat_stdev": np.ones(2, complex)})),
            "lat_stdev",
        ),
        "score: a key of 100,000 parts": (of(lambda: _DOTS + b" = 1", "a.toml"), "100000 parts"),
        "score: a table of 100,000 parts": (of(lambda: b"[" + _DOTS + b"]", "a.toml"), "100000 parts"),
        "score: quoted parts": (of(lambda: _DOTS.replace(b"a", b"'a'") + b"=1", "a.toml"), "100000 parts"),
        "score: brackets": (of(lambda: b"x = " + b"[" * 400_000, "a.toml"), "nested"),
        "score: braces": (of(lambda: b"x = " + b"{a=" * 300_000, "a.toml"), "nested"),
        "score: a number of 500,000 digits": (of(lambda: b"fps = " + b"9" * 500_000, "a.toml"), "limit"),
        "score: lines of spaces": (
            of(lambda: b'title = """\n[' + b" " * 900_000 + b'\n"""\nx = 1\n', "a.toml"),
            "unknown key",
        ),
        "score: escapes that never end": (of(lambda: b'"""\\' * 200_000, "a.toml"), "not TOML"),
        "score: zero bytes": (of(lambda: bytes(900_000), "a.toml"), "not TOML"),
        "card: a link to /dev/zero": (named_card(link), "not a file"),
        "card: a pipe": (named_card(pipe), "not a file"),
        "card: a sparse terabyte": (named_card(lambda name: sparse(1 << 40, name=name)), "more than"),
        "card: a key of 100,000 parts": (card('"w.pkl"', SHA, "x" + ".x" * 100_000 + " = 1\n"), "parts"),
        "ml5: one file under 3,000 names": (manifest(3000), "one file for several"),
        "ml5: 5 GB for one number": (ml5([1], 5 * GB), "needs 4 bytes"),
        "ml5: 5 GB for 5 GB": (ml5([5 * GB // 4], 5 * GB), "together"),
        "tfjs: a shard in 3,000 groups": (tfjs(3000, 1 << 20, shape=[1 << 18]), "listed twice"),
        "tfjs: 5 GB for one number": (tfjs(1, 5 * GB, shape=[1]), "needs 4 bytes"),
        "tfjs: 5 GB for 5 GB": (tfjs(1, 5 * GB, shape=[5 * GB // 4]), "together"),
        "tfjs: codes that grow": (
            tfjs(1, GB, shape=[GB], quantization={"dtype": "uint8", "scale": 1.0, "min": 0.0}),
            "together",
        ),
        "tfjs: quantization of a list": (tfjs(1, 4, shape=[1], quantization={"dtype": []}), "has type"),
        "npz: 4 GB of zeros": (of(lambda: zeros(npy_head((GB,)), 4 * GB, "a.npy"), "a.npz"), "a bomb"),
        "pict: 5 GB": (sparse(5 * GB, struct.pack(">I", 8) + b"[{}]    "), "more than|missing"),
        "a sparse terabyte": (sparse(1 << 40, b"\x80\x04"), "the file ends|bytes|memory|holds"),
        "safetensors: 3 GB of halves": (
            sparse(3 * GB + 87, safetensors_of(3 * GB), "a.safetensors"),
            "memory|family|safetensors",
        ),
        "picture: PNG of 60,000 pixels a side": (of(lambda: picture(60_000, 60_000, "PNG"), "a.png"), ""),
        "picture: JPEG of 9,000 pixels a side": (of(lambda: picture(9_000, 9_000, "JPEG"), "a.jpg"), None),
        "picture: JPEG of 65,500 pixels a side": (of(lambda: picture(65_500, 65_500, "JPEG"), "a.jpg"), ""),
        "picture: GIF of 65,535 pixels a side": (of(lambda: picture(65_535, 65_535, "GIF"), "a.gif"), ""),
        "picture: a text of a gigabyte": (of(text_bomb, "a.png"), ""),
        "picture: a pipe": (pipe("a.png"), "not a file"),
        "picture: a link to /dev/zero": (link("a.png"), "not a file"),
        "picture: a folder of pipes and links": (
            listing(pipe("a.png"), link("b.jpg"), link("c.png", "nothing"), link("d.tif", "/dev/tty")),
            "",
        ),
        "sound: a playlist": (of(lambda: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "a.wav"), "no sound"),
        "sound: a script": (of(lambda: b"ffconcat version 1.0\nfile '/etc/passwd'\n", "a.wav"), "no sound"),
        "sound: a header that claims 4 GB": (
            of(
                lambda: (
                    b"RIFF\xff\xff\xff\xffWAVEfmt "
                    + struct.pack("<LHHLLHH", 16, 1, 2, 48000, 192000, 4, 16)
                    + b"data\xff\xff\xff\xff"
                    + bytes(9600)
                ),
                "a.wav",
            ),
            None,
        ),
        "sound: 5 GB of silence": (
            sparse(
                5 * GB,
                b"RIFF\xff\xff\xff\xffWAVEfmt "
                + struct.pack("<LHHLLHH", 16, 1, 2, 48000, 192000, 4, 16)
                + b"data\xff\xff\xff\xff",
                "b.wav",
            ),
            None,
        ),
        "film: noise": (of(lambda: bytes(range(256)) * 400, "a.mp4"), ""),
        "film: a playlist": (of(lambda: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "a.mp4"), ""),
        "film: a pipe": (pipe("a.mp4"), "not a file"),
        "record: a link to /dev/zero": (link("a.json"), ""),
        "record: nested for ever": (of(lambda: b'{"latentart": ' + b"[" * 90_000, "a.json"), ""),
    }.items()
}
"""Name -> attack; the part before the colon says for whom it was made. What it is refused with is said by that reader
alone: None for a file that is read without harm."""
