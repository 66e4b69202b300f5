"""OSC 1.0 packets to messages, strictly: every length is checked before it is believed, every loop moves forward.

https://opensoundcontrol.stanford.edu/spec-1_0.html. Time tags are read over: what a bundle holds happens at once.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from latentart.errors import LatentartError

LONGEST_PACKET = 65_507
LONGEST_ADDRESS = 255
MOST_ARGUMENTS = 16_384
MOST_MESSAGES = 256
DEEPEST_BUNDLE = 4

Argument = float | int | str | bytes | bool | None

_FIXED = {"i": struct.Struct(">i"), "h": struct.Struct(">q"), "f": struct.Struct(">f"), "d": struct.Struct(">d")}
_SKIPPED = {"c": 4, "r": 4, "m": 4, "t": 8}
_CONSTANT: dict[str, Argument] = {"T": True, "F": False, "N": None, "I": True}
_BUNDLE = b"#bundle\0"


class PacketError(LatentartError):
    """A datagram that is not OSC, or more of it than is allowed."""


@dataclass(frozen=True)
class Message:
    """One OSC message."""

    address: str
    args: tuple[Argument, ...]


def parse(data: bytes) -> list[Message]:
    """A datagram -> its messages in order, those of bundles included. Raises PacketError when one is wrong."""
    parts = read(data)
    for part in parts:
        if isinstance(part, PacketError):
            raise part
    return [part for part in parts if isinstance(part, Message)]


def read(data: bytes) -> list[Message | PacketError]:
    """The same, with the error in the place of each message that cannot be read: the others of a bundle stand.

    Raises PacketError for a datagram whose parts cannot be separated.
    """
    if len(data) > LONGEST_PACKET:
        raise PacketError(f"a datagram of {len(data)} bytes is too long: send at most {LONGEST_PACKET}")
    found: list[Message | PacketError] = []
    _packet(data, 0, len(data), 0, found)
    return found


def _packet(data: bytes, start: int, end: int, depth: int, found: list[Message | PacketError]) -> None:
    if not data.startswith(_BUNDLE, start, end):
        if len(found) >= MOST_MESSAGES:
            raise PacketError(f"a bundle holds more than {MOST_MESSAGES} messages")
        try:
            found.append(_message(data, start, end))
        except PacketError as error:
            found.append(error)
        return
    if depth >= DEEPEST_BUNDLE:
        raise PacketError(f"bundles are nested deeper than {DEEPEST_BUNDLE}")
    for first, last in _elements(data, start, end):
        _packet(data, first, last, depth + 1, found)


def _elements(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    # 8 bytes of name, 8 of time tag.
    at = start + 16
    if at > end:
        raise PacketError("a bundle is cut off in its time tag")
    while at < end:
        size = int.from_bytes(data[at : at + 4], "big", signed=True)
        if at + 4 > end or size <= 0 or size % 4 or at + 4 + size > end:
            raise PacketError(f"a bundle element claims {size} bytes")
        yield at + 4, at + 4 + size
        at += 4 + size


def _message(data: bytes, start: int, end: int) -> Message:
    address, at = _string(data, start, end)
    if not address.startswith("/") or len(address) > LONGEST_ADDRESS:
        raise PacketError(f"no OSC address: {address[:40]!r}")
    if at == end:
        # Some old senders leave the type tags out.
        return Message(address, ())
    try:
        return Message(address, _arguments(data, at, end))
    except PacketError as error:
        raise PacketError(f"{address[:80]}: {error}") from None


def _arguments(data: bytes, at: int, end: int) -> tuple[Argument, ...]:
    tags, at = _string(data, at, end)
    if not tags.startswith(",") or len(tags) > MOST_ARGUMENTS:
        raise PacketError(f"type tags {tags[:20]!r} make no sense")
    args = []
    for tag in tags[1:]:
        value, at = _argument(tag, data, at, end)
        args.append(value)
    return tuple(args)


def _argument(tag: str, data: bytes, at: int, end: int) -> tuple[Argument, int]:
    if tag in _FIXED:
        after = at + _FIXED[tag].size
        if after > end:
            raise PacketError(f"an argument of type {tag!r} is cut off")
        return _finite(tag, _FIXED[tag].unpack_from(data, at)[0]), after
    if tag in _CONSTANT:
        return _CONSTANT[tag], at
    if tag in "sS":
        return _string(data, at, end)
    if tag == "b":
        return _blob(data, at, end)
    if tag in _SKIPPED and at + _SKIPPED[tag] <= end:
        return None, at + _SKIPPED[tag]
    raise PacketError(f"arguments of type {tag!r} are not taken")


def _finite(tag: str, number: float) -> float:
    if not math.isfinite(number):
        raise PacketError(f"an argument of type {tag!r} is {number}: send finite numbers")
    return number


def _string(data: bytes, at: int, end: int) -> tuple[str, int]:
    stop = data.find(b"\0", at, end)
    after = at + ((stop - at) // 4 + 1) * 4
    if stop < 0 or after > end:
        raise PacketError("a text has no end")
    try:
        return data[at:stop].decode("utf-8"), after
    except UnicodeDecodeError:
        raise PacketError("a text is not UTF-8") from None


def _blob(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    size = int.from_bytes(data[at : at + 4], "big", signed=True)
    first = at + 4
    after = first + (size + 3) // 4 * 4
    if size < 0 or first > end or after > end:
        raise PacketError(f"a blob claims {size} bytes")
    return data[first : first + size], after
