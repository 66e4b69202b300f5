"""Attacks in the containers that torch.save writes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import torch

from tests.layouts.random_stylegan2 import random_state
from tests.layouts.rosinality import rename

from .kinds import COMMAND, Attack, file
from .pickles import DICT, START, STOP, SYSTEM, call, name, text


def saved(*, legacy: bool = False, **extra: object) -> bytes:
    """A small rosinality file."""
    state = dict(
        rename(n, t) for n, t in random_state(resolution=8)[0].items() if "w_avg" not in n and "filter" not in n
    )
    stream = io.BytesIO()
    torch.save({"g_ema": state, **extra}, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def repacked(change: Callable[[dict[str, bytes]], None], method: int = zipfile.ZIP_STORED) -> bytes:
    """The small file with its members changed and packed anew."""
    with zipfile.ZipFile(io.BytesIO(saved())) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    change(members)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return stream.getvalue()


def with_pickle(body: bytes) -> bytes:
    """The small file with another object pickle."""
    return repacked(lambda members: members.update({"archive/data.pkl": START + body + STOP}))


class Payload:
    """What pickle's own writer makes of an object that runs a command."""

    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os.system, (COMMAND,)


def deflated() -> bytes:
    return repacked(lambda members: members.update({"archive/data/0": bytes(64 << 20)}), zipfile.ZIP_DEFLATED)


def claims(numel: int, storage: str = "FloatStorage", key: str = "0") -> bytes:
    """Pushes a storage of so many values."""
    count = b"\x8a\x08" + numel.to_bytes(8, "little", signed=True)
    return b"(" + text("storage") + name("torch", storage) + text(key) + text("cpu") + count + b"tQ"


def tensor(storage: bytes, numel: int, stride: int) -> bytes:
    """Pushes {'input.input': a tensor}, which is what makes a file rosinality's."""
    shape, strides = (b"\x8a\x08" + n.to_bytes(8, "little", signed=True) + b"\x85" for n in (numel, stride))
    made = call("torch._utils", "_rebuild_tensor_v2", storage, b"K\x00", shape, strides, b"\x89", DICT)
    return b"}" + text("input.input") + made + b"s"


def lying_size() -> bytes:
    """The zip directory gives one member 64 GB."""
    content = bytearray(repacked(lambda members: None))
    entry = content.rfind(b"PK\1\2")
    content[entry + 20 : entry + 28] = (0xFFFFFFF0).to_bytes(4, "little") * 2
    return bytes(content)


def two_sizes() -> bytes:
    """Packed and unpacked size of a stored member differ."""
    content = bytearray(repacked(lambda members: None))
    entry = content.rfind(b"PK\1\2")
    content[entry + 24 : entry + 28] = (1 << 30).to_bytes(4, "little")
    return bytes(content)


def overlapping() -> bytes:
    """A hundred directory entries for the same megabyte."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", START + b"N" + STOP)
        archive.writestr("archive/data/0", bytes(1 << 20))
        last = archive.infolist()[-1]
        for i in range(1, 100):
            copy = zipfile.ZipInfo(f"archive/data/{i}")
            copy.header_offset, copy.CRC = last.header_offset, last.CRC
            copy.file_size = copy.compress_size = 1 << 20
            archive.filelist.append(copy)
    return stream.getvalue()


def repeated() -> bytes:
    """Two members of one name, so that two readers may see two files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", START + b"N" + STOP)
        archive.writestr("archive/data.pk2", START + SYSTEM + STOP)
    return stream.getvalue().replace(b"data.pk2", b"data.pkl")


def many_members() -> bytes:
    """A zip directory near its limit."""

    def change(members: dict[str, bytes]) -> None:
        members.clear()
        members |= {f"{i:x}": b"" for i in range(65_000)}

    return repacked(change)


def huge_directory() -> bytes:
    content = bytearray(repacked(lambda members: None))
    end = content.rfind(b"PK\5\6")
    content[end + 12 : end + 16] = (1 << 31).to_bytes(4, "little")
    return bytes(content)


def many_state_dicts() -> bytes:
    """30,000 times the same dictionary of 20,000 names: 600 million names to look through."""
    tensors = {str(i): 0 for i in range(20_000)}
    stream = io.BytesIO()
    torch.save({f"d{i}": tensors for i in range(30_000)}, stream)
    return stream.getvalue()


def _script(members: dict[str, bytes]) -> None:
    members["archive/code/__torch__.py"] = b"def forward(self): pass"


def _without_storage(members: dict[str, bytes]) -> None:
    del members["archive/data/0"]


def _half(legacy: bool) -> bytes:
    content = saved(legacy=legacy)
    return content[: len(content) // 2]


_ASKS = "nothing was executed: the file asks for "
_DOUBLE = name("torch", "DoubleStorage")
ATTACKS: dict[str, Attack] = {
    f"torch: {title}": attack
    for title, attack in {
        "os.system in a zip": file(lambda: saved(x=Payload()), _ASKS + "'posix.system'", "g.pt"),
        "os.system in the old container": file(
            lambda: saved(legacy=True, x=Payload()), _ASKS + "'posix.system'", "g.pt"
        ),
        "os.system in place of the data": file(lambda: with_pickle(SYSTEM), _ASKS + "'posix.system'", "g.pt"),
        "bytearray, which weights_only allows": file(
            lambda: with_pickle(call("builtins", "bytearray", b"\x8a\x05\x00\x00\x00\x00\x10")),
            _ASKS + "'builtins.bytearray'", "g.pt",
        ),
        "sparse tensor, which weights_only allows": file(
            lambda: with_pickle(name("torch._utils", "_rebuild_sparse_tensor")), _ASKS + "'torch._utils._reb", "g.pt"
        ),
        "zip bomb": file(deflated, "is compressed", "g.pt"),
        "member of 64 GB": file(lying_size, "claims", "g.pt"),
        "member of two sizes": file(two_sizes, "claims", "g.pt"),
        "overlapping members": file(overlapping, "zip members that overlap", "g.pt"),
        "two members of one name": file(repeated, "two zip members named", "g.pt"),
        "65,000 members": file(many_members, "a zip without torch's data.pkl", "g.pt"),
        "directory of 2 GB": file(huge_directory, "a zip directory of", "g.pt"),
        "zero-stride tensor": file(
            lambda: with_pickle(tensor(claims(1), 1 << 33, 0)), r"a tensor of shape \(8589934592\)", "g.pt"
        ),
        "storage larger than its member": file(
            lambda: with_pickle(tensor(claims(1 << 33), 1 << 33, 1)), "a storage that claims 34359738368", "g.pt"
        ),
        "storage of minus one value": file(
            lambda: with_pickle(tensor(claims(-1), 1, 1)), "a storage of a kind", "g.pt"
        ),
        "one storage of two types": file(
            lambda: with_pickle(claims(4) + claims(4, "DoubleStorage") + b"\x86"), "under two types", "g.pt"
        ),
        "storage outside the archive": file(
            lambda: with_pickle(tensor(claims(4, key="../../../etc/passwd"), 4, 1)),
            "storage '../../../etc/passwd' is missing", "g.pt",
        ),
        "storage that is missing": file(lambda: repacked(_without_storage), "storage '0' is missing", "g.pt"),
        "one dictionary 30,000 times": file(many_state_dicts, "a torch file of no known family", "g.pt"),
        "TorchScript": file(lambda: repacked(_script), "a TorchScript program", "g.pt"),
        "zip cut short": file(lambda: _half(False), "a zip without its directory", "g.pt"),
        "old container cut short": file(lambda: _half(True), "the file ends early", "g.pt"),
        "zip of something else": file(
            lambda: repacked(lambda members: members.pop("archive/data.pkl") and None), "data.pkl", "g.pt"
        ),
    }.items()
}  # fmt: skip
