"""Datagrams, well-formed and poisonous."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from latentart.live.osc.packet import DEEPEST_BUNDLE, MOST_MESSAGES, Message, PacketError, parse
from tests.live_house import message

SLOWEST = 0.05
"""Ten times the 5 ms of the benchmark: a hang, not a slow machine, is what this looks for."""


def bundle(*elements: bytes, time_tag: bytes = b"\0\0\0\0\0\0\0\1") -> bytes:
    return b"#bundle\0" + time_tag + b"".join(struct.pack(">i", len(e)) + e for e in elements)


def nested(depth: int) -> bytes:
    packet = message("/la/psi", 0.5)
    for _ in range(depth):
        packet = bundle(packet)
    return packet


POISON = {
    "negative element size": b"#bundle\0" + b"\0" * 7 + b"\1" + struct.pack(">i", -4) + b"\0\0\0\0",
    "zero element size": b"#bundle\0" + b"\0" * 7 + b"\1" + struct.pack(">i", 0),
    "element longer than the datagram": b"#bundle\0" + b"\0" * 7 + b"\1" + struct.pack(">i", 400) + b"/a\0\0",
    "cut in the time tag": b"#bundle\0\0\0",
    "900 bundles deep": nested(900),
    "too many messages": bundle(*[message("/a", 1)] * (MOST_MESSAGES + 1)),
    "address not UTF-8": b"/\xff\xfe\0,\0\0\0",
    "text not UTF-8": b"/la/x\0\0\0,s\0\0\xff\xfe\xfd\0",
    "20000 brackets": b"/la/psi\0," + b"[" * 20_000 + b"\0\0\0",
    "truncated float": b"/la/psi\0,f\0\0\0\0",
    "nan": b"/la/psi\0,f\0\0\x7f\xc0\0\0",
    "infinity": b"/la/psi\0,f\0\0\x7f\x80\0\0",
    "unknown tag": b"/la/psi\0,Q\0\0",
    "blob of 2 GB": b"/la/psi\0,b\0\0\x7f\xff\xff\xff",
    "blob of negative size": b"/la/psi\0,b\0\0\xff\xff\xff\xfc",
    "text without end": b"/la/psi\0,s\0\0abcd",
    "address without end": b"/abcdefg",
    "no slash": b"abc\0,\0\0\0",
    "empty": b"",
    "too long": b"/" * 65_508,
    "long address": b"/" + b"a" * 300 + b"\0\0\0,\0\0\0",
}


@pytest.mark.parametrize("data", POISON.values(), ids=POISON.keys())
def test_poison_is_refused_at_once(data):
    begun = time.perf_counter()
    with pytest.raises(PacketError):
        parse(data)
    assert time.perf_counter() - begun < SLOWEST


def test_a_time_tag_in_the_future_delays_nothing():
    ahead = struct.pack(">II", 2**32 - 1, 0)
    begun = time.perf_counter()
    assert parse(bundle(message("/la/psi", 0.5), time_tag=ahead)) == [Message("/la/psi", (0.5,))]
    assert time.perf_counter() - begun < SLOWEST


def test_as_many_bundles_deep_as_allowed():
    assert len(parse(nested(DEEPEST_BUNDLE))) == 1
    with pytest.raises(PacketError, match="deeper"):
        parse(nested(DEEPEST_BUNDLE + 1))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_refused(data):
    for prefix in (b"", b"#bundle\0", b"/la/psi\0,"):
        try:
            parse(prefix + data)
        except PacketError:
            pass


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_good_packet_with_one_byte_changed(data):
    packet = bytearray(bundle(message("/la/psi", 0.5), bundle(message("/la/seed", 7, "x", b"abc", True))))
    packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse(bytes(packet))
    except PacketError:
        pass


ARGUMENT = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20),
    st.binary(min_size=1, max_size=20),
    st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ARGUMENT, max_size=8))
def test_reads_what_python_osc_writes(args):
    builder = OscMessageBuilder("/la/test")
    for value in args:
        builder.add_arg(value)
    (found,) = parse(builder.build().dgram)
    assert found.address == "/la/test"
    assert list(found.args) == args


def test_reads_bundles_that_python_osc_writes():
    builder = OscBundleBuilder(IMMEDIATELY)
    for number in range(3):
        inner = OscMessageBuilder("/la/seed")
        inner.add_arg(number)
        builder.add_content(inner.build())
    assert [m.args for m in parse(builder.build().dgram)] == [(0,), (1,), (2,)]


def test_a_message_without_type_tags():
    assert parse(b"/la/seed/next\0\0\0") == [Message("/la/seed/next", ())]
