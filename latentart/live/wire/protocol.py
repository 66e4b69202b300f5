"""The wire format `latentart.v1`, as pure functions: a 40-byte header before each picture, strict JSON beside it.

offset  type   field
0       4s     magic 'LART'
4       u8     version, 1
5       u8     codec: 0 RGBA8, 1 JPEG, 2 WebP, 3 PNG, 4 H.264
6       u8     flags: 1 key frame, 2 blackout, 4 repeat or frozen, 8 end
7       u8     length of the header; readers skip what they do not know
8       u32    seq, of this picture; wraps
12      u32    state_rev, the newest parameter revision in this picture
16      u64    t_render, microseconds of the server's monotonic clock
24      u16 2  width, height
28      u16 2  stream, reserved
32      u32    length of the payload
36      u32    frame, the number on the frame clock that takes and films count by; wraps
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any, NoReturn

from latentart.errors import SettingsError

SUBPROTOCOL = "latentart.v1"
MAGIC = b"LART"
VERSION = 1
RGBA, JPEG, WEBP, PNG, H264 = range(5)
KEY, BLACKOUT, REPEAT, END = 1, 2, 4, 8
LONGEST_TEXT = 65_536
DEEPEST_JSON = 8

_HEADER = struct.Struct("<4sBBBBIIQHHHHII")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True)
class Header:
    """What is known about one picture; see the table above."""

    seq: int
    state_rev: int
    t_render_us: int
    width: int
    height: int
    codec: int = JPEG
    flags: int = KEY
    stream: int = 0
    frame: int = 0


def pack(header: Header, payload: bytes) -> bytes:
    """One binary message: header and payload."""
    h = header
    head = _HEADER.pack(
        MAGIC, VERSION, h.codec, h.flags, HEADER_BYTES, h.seq & 0xFFFFFFFF, h.state_rev & 0xFFFFFFFF,
        h.t_render_us, h.width, h.height, h.stream, 0, len(payload), h.frame & 0xFFFFFFFF,
    )  # fmt: skip
    return head + payload


def unpack(message: bytes) -> tuple[Header, memoryview]:
    """A binary message -> header and payload. Raises SettingsError when it is no `latentart.v1` picture."""
    if len(message) < HEADER_BYTES:
        raise SettingsError(f"a picture message has {HEADER_BYTES} bytes of header, this one has {len(message)} in all")
    magic, version, codec, flags, start, seq, rev, t, width, height, stream, _, length, frame = _HEADER.unpack_from(
        message
    )
    if magic != MAGIC or version != VERSION or start < HEADER_BYTES:
        raise SettingsError(f"not a {SUBPROTOCOL} picture: it starts with {bytes(message[:8])!r}")
    if start + length != len(message):
        raise SettingsError(f"the header announces {length} bytes of picture, {len(message) - start} came")
    return Header(seq, rev, t, width, height, codec, flags, stream, frame), memoryview(message)[start:]


def parse(text: str | bytes) -> dict[str, Any]:
    """Strict JSON object: finite numbers, at most 64 KiB and 8 levels deep. Raises SettingsError."""
    if len(text) > LONGEST_TEXT:
        raise SettingsError(f"a message of {len(text)} bytes is too long: send at most {LONGEST_TEXT}")
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"not JSON: {str(error)[:80]}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"a message is a JSON object, not {str(text[:40])!r}")
    check_json(found)
    return found


def check_json(value: Any, depth: int = 1) -> None:
    """Raises SettingsError for more than 8 levels, or a number that is not finite (1e999 is read as infinity)."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError("numbers must be finite")
    if isinstance(value, (dict, list)):
        if depth > DEEPEST_JSON:
            raise SettingsError(f"JSON is nested deeper than {DEEPEST_JSON} levels")
        for item in value.values() if isinstance(value, dict) else value:
            check_json(item, depth + 1)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a finite number")
