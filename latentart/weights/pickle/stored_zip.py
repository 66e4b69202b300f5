"""Members of a zip whose contents are stored, not compressed: the only kind torch writes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from latentart.errors import WeightsError
from latentart.weights.pickle.inert_pickle import refuse

LARGEST_DIRECTORY = 4 << 20
_END = struct.Struct("<4s4H2LH")  # end of central directory
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_NO_VALUE = 0xFFFFFFFF  # "look in the zip64 field"


@dataclass(frozen=True)
class _Directory:
    offset: int
    size: int
    count: int


def members(data: memoryview) -> dict[str, memoryview]:
    """Name -> bytes of each member, as windows on the file.

    Refused: compressed or encrypted members, sizes beyond the file, overlapping members, two of one name.
    """
    directory = _directory(data)
    if directory.size > LARGEST_DIRECTORY or directory.offset + directory.size > len(data):
        refuse(f"a zip directory of {directory.size} bytes at {directory.offset} in a file of {len(data)}")
    found: dict[str, memoryview] = {}
    at = directory.offset
    for _ in range(directory.count):
        name, content, at = _entry(data, at, directory.offset + directory.size)
        if name in found:
            refuse(f"two zip members named {name[:80]!r}")
        found[name] = content
    if sum(map(len, found.values())) > len(data):
        refuse("zip members that overlap: together they are larger than the file")
    return found


def _directory(data: memoryview) -> _Directory:
    tail_start = max(0, len(data) - 65_557)
    end = bytes(data[tail_start:]).rfind(b"PK\5\6")
    if end < 0 or tail_start + end + _END.size > len(data):
        raise WeightsError("a zip without its directory at the end: its download was cut short (download it again)")
    at = tail_start + end
    _, _, _, _, count, size, offset, _ = _END.unpack_from(data, at)
    if at >= _LOCATOR.size and bytes(data[at - _LOCATOR.size : at - _LOCATOR.size + 4]) == b"PK\6\7":
        at64 = _LOCATOR.unpack_from(data, at - _LOCATOR.size)[2]
        if at64 + _END64.size > len(data) or bytes(data[at64 : at64 + 4]) != b"PK\6\6":
            raise WeightsError("a zip whose 64-bit directory is not where it says (download it again)")
        count, size, offset = _END64.unpack_from(data, at64)[-3:]
    return _Directory(offset, size, count)


def _entry(data: memoryview, at: int, end: int) -> tuple[str, memoryview, int]:
    """(name, content, start of the next entry) of the directory entry at `at`."""
    if at + _ENTRY.size > end or bytes(data[at : at + 4]) != b"PK\1\2":
        raise WeightsError("a zip whose directory is damaged (download it again)")
    fields = _ENTRY.unpack_from(data, at)
    flags, method, packed, size, name_length, extra_length, comment_length = (
        *fields[3:5], *fields[8:10], *fields[10:13],
    )  # fmt: skip
    name_at = at + _ENTRY.size
    name = bytes(data[name_at : name_at + name_length]).decode("utf-8", "replace")
    extra = bytes(data[name_at + name_length : name_at + name_length + extra_length])
    size, packed, offset = _wide(extra, size, packed, fields[-1])
    if method != 0 or flags & 1:
        refuse(f"zip member {name[:80]!r} is {'encrypted' if flags & 1 else 'compressed'}: torch stores plain bytes")
    if size != packed:
        refuse(f"zip member {name[:80]!r} claims {size} bytes and stores {packed}")
    return name, _content(data, name, offset, size), name_at + name_length + extra_length + comment_length


def _wide(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Sizes and offset with the zip64 field's values where the 32-bit ones say so."""
    at, wide = 0, b""
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = extra[at + 4 : at + 4 + length]
        at += 4 + length
    values = iter(struct.unpack(f"<{len(wide) // 8}Q", wide[: len(wide) // 8 * 8]))
    size, packed, offset = (next(values, v) if v == _NO_VALUE else v for v in (size, packed, offset))
    return size, packed, offset


def _content(data: memoryview, name: str, offset: int, size: int) -> memoryview:
    if offset + _LOCAL.size > len(data) or bytes(data[offset : offset + 4]) != b"PK\3\4":
        refuse(f"zip member {name[:80]!r} is not where the directory says")
    *_, name_length, extra_length = _LOCAL.unpack_from(data, offset)
    start = offset + _LOCAL.size + name_length + extra_length
    if start + size > len(data):
        refuse(f"zip member {name[:80]!r} claims {size} bytes, {max(0, len(data) - start)} are left in the file")
    return data[start : start + size]
