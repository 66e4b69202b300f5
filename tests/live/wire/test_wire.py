"""Header, JSON, JPEG, shared memory, pictures that come in, and the guard at the door."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentart.errors import PictureError, SettingsError
from latentart.live.web.access import AccessControl
from latentart.live.web.inputs import Inputs, Shape, decode
from latentart.live.wire import protocol
from latentart.live.wire.encode import Level, Picture, halved
from latentart.live.wire.protocol import HEADER_BYTES, Header, pack, parse, unpack
from latentart.live.wire.ring import SLOTS, Ring

U16, U32, U64 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
HEADERS = st.builds(
    Header, U32, U32, U64, U16, U16, codec=st.integers(0, 255), flags=st.integers(0, 255), stream=U16, frame=U32
)


@settings(max_examples=100, deadline=None)
@given(HEADERS, st.binary(max_size=50))
def test_a_header_comes_back(header, payload):
    message = pack(header, payload)
    assert len(message) == HEADER_BYTES + len(payload) == 40 + len(payload)
    found, rest = unpack(message)
    assert (found, bytes(rest)) == (header, payload)


def test_the_layout_is_the_published_one():
    message = pack(Header(2, 3, 4, 256, 128, codec=1, flags=5, frame=9), b"abc")
    assert message.hex() == (
        "4c415254" "01" "01" "05" "28" "02000000" "03000000" "0400000000000000" "00018000" "00000000" "03000000"
        "09000000" "616263"
    )  # fmt: skip


def test_numbers_wrap():
    assert unpack(pack(Header(2**32 + 5, 2**32 + 6, 0, 1, 1, frame=2**32 + 7), b""))[0].seq == 5


def test_a_longer_header_of_the_future_is_skipped():
    message = bytearray(pack(Header(1, 0, 0, 1, 1), b"abc"))
    message[7] = 44
    message[40:40] = b"new!"
    assert bytes(unpack(bytes(message))[1]) == b"abc"


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_picture_or_refused(data):
    for message in (data, b"LART\x01" + data):
        try:
            unpack(message)
        except SettingsError:
            pass


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_an_object_or_refused(text):
    try:
        assert isinstance(parse(text), dict)
    except SettingsError:
        pass


def picture(seed=0, height=16, width=24):
    noise = np.random.RandomState(seed).randint(0, 255, (height // 8, width // 8, 3))
    return np.kron(noise, np.ones((8, 8, 1))).astype(np.uint8)


def test_a_picture_is_encoded_once_per_level():
    found = Picture(5, 9, 7, 0, protocol.KEY, picture())
    assert found.message(Level(85)) is found.message(Level(85, 0, 2))
    header, payload = unpack(found.message(Level(60, 1)))
    assert (header.seq, header.frame, header.width, header.height) == (5, 9, 12, 8)
    decoded = np.asarray(Image.open(io.BytesIO(payload)))
    assert np.abs(decoded.astype(int) - halved(picture(), 1).astype(int)).mean() < 30
    assert Image.open(io.BytesIO(found.jpeg())).size == (24, 16)


def test_jpeg_keeps_colours():
    flat = np.full((16, 16, 3), (200, 30, 90), np.uint8)
    back = np.asarray(Image.open(io.BytesIO(Picture(0, 0, 0, 0, 1, flat).jpeg())))
    assert np.abs(back.astype(int) - flat).max() < 8


def test_the_ring_gives_frames_back_until_they_are_overwritten():
    ring = Ring((16, 24, 3))
    other = Ring((16, 24, 3), ring.name)
    try:
        for number in range(10):
            other.write(number, picture(number))
        assert ring.read(10 - SLOTS - 1) is None
        assert np.array_equal(ring.read(9), picture(9))
        assert np.array_equal(ring.read(10 - SLOTS), picture(10 - SLOTS))
        kept = ring.read(9)
        other.write(9 + SLOTS, picture(0))
        assert np.array_equal(kept, picture(9))
        assert ring.read(9) is None
    finally:
        other.close()
        ring.close()


@pytest.mark.parametrize(("kind", "codec"), [("JPEG", protocol.JPEG), ("PNG", protocol.PNG), ("WEBP", protocol.WEBP)])
def test_pictures_come_in(kind, codec):
    data = io.BytesIO()
    Image.fromarray(picture()).save(data, kind)
    inputs = Inputs()
    inputs.receive(pack(Header(0, 0, 0, 24, 16, codec=codec), data.getvalue()), Shape((24, 24), 16))
    assert inputs.frame.shape == (16, 24, 3)


def test_a_picture_of_another_kind_than_it_says_is_refused():
    data = io.BytesIO()
    Image.fromarray(picture()).save(data, "GIF")
    for kind in ("JPEG", "PNG", "WEBP", "GIF", ""):
        with pytest.raises(PictureError):
            decode(data.getvalue(), kind)
    with pytest.raises(PictureError, match="at most"):
        decode(b"\0" * (9 << 20), "JPEG")


def fault(guard, host="localhost:8317", path="/frame.jpg", query="", kind="http", **headers):
    return guard.fault(kind, path, query, {"host": host, **headers})


@pytest.mark.parametrize("host", ["localhost", "localhost:8317", "127.0.0.1:1", "[::1]:8317", "LOCALHOST"])
def test_own_names(host):
    assert fault(AccessControl(None), host) is None


@pytest.mark.parametrize("host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.org", "10.0.0.1", "["])
def test_other_names(host):
    assert fault(AccessControl(None), host)[0] == 403


def test_addresses_are_welcome_where_others_are():
    guard = AccessControl(None, host="0.0.0.0", token="open-sesame")
    assert fault(guard, "192.168.1.7:8317", query="token=open-sesame") is None
    assert fault(guard, "evil.example", query="token=open-sesame")[0] == 403
    assert fault(AccessControl(None, host="stage.local", token="t"), "stage.local", query="token=t") is None


def test_origins():
    guard = AccessControl(None, allow_origins=["https://preview.p5js.org"])
    assert fault(guard, origin="http://localhost:8317") is None
    assert fault(guard, origin="https://preview.p5js.org") is None
    for origin in ("http://localhost", "http://localhost:8318", "null", "", "http://evil.example", "http://ü:8317"):
        assert fault(guard, origin=origin)[0] == 403
    assert fault(guard, kind="websocket", origin="http://evil.example")[0] == 403


def test_tokens():
    guard = AccessControl(None, token="open-sesame", open_paths=("/static/",))
    assert fault(guard)[0] == 401
    for query in ("token=", "token=open", "token=open-sesamE", "Token=open-sesame", "token=%ff"):
        assert fault(guard, query=query)[0] == 401
    assert fault(guard, authorization="Bearer nothing")[0] == 401
    assert fault(guard, authorization="bearer open-sesame") is None
    assert fault(guard, path="/static/a.js") is None
    assert fault(guard, path="/", accept="text/html") is None
    assert fault(guard, path="/", accept="*/*")[0] == 401
    # A WebSocket gives it in identify.
    assert fault(guard, kind="websocket", path="/ws") is None
