"""The server under good and under hostile visitors. One house for all; after each attack it still plays."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import socket
import threading
import time
from contextlib import ExitStack
from multiprocessing import shared_memory
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from live_house import House, message, open_house, tiny_file, wait_until
from PIL import Image
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from latentart.errors import LatentartError, SettingsError
from latentart.live.control import params
from latentart.live.session import Session, SessionSettings, check
from latentart.live.web.hub import MOST_VIEWERS
from latentart.live.wire import hosts, protocol
from latentart.live.wire.protocol import Header, pack, unpack


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    sketches = folder / "sketches"
    (sketches / "wall").mkdir(parents=True)
    (sketches / "wall" / "index.html").write_text("<p>wall")
    (folder / "secret.txt").write_text("secret")
    (sketches / "wall" / "out").symlink_to(folder)
    settings = SessionSettings(
        network=str(tiny_file(folder)), http_port=0, osc_port=0, osc_out_port=0, threads=1, fps=30,
        folder=folder / "kept", sketches=sketches,
    )  # fmt: skip
    with open_house(settings) as found:
        yield found


class Talk:
    """A viewer that speaks the protocol."""

    def __init__(self, house: House, identify: bool = True, **fields):
        url = f"ws://127.0.0.1:{house.port}/ws"
        self.connection = connect(url, subprotocols=["latentart.v1"], open_timeout=5, max_size=None)
        self.ws = self.connection.__enter__()
        self.hello = self.event("hello")
        if identify:
            self.welcome = self.ask("identify", **fields)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ws.close()

    def send(self, op, **fields):
        self.ws.send(json.dumps({"op": op, **fields}))

    def ask(self, op, **fields):
        self.send(op, id=77, **fields)
        return self.until(lambda m: m.get("id") == 77 or m.get("ref") == 77)

    def until(self, right, timeout=5.0):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            got = self.ws.recv(timeout=timeout)
            if isinstance(got, bytes):
                self.send("ack", seq=unpack(got)[0].seq)
            elif right(json.loads(got)):
                return json.loads(got)
        raise AssertionError("no such message came")

    def event(self, name):
        return self.until(lambda m: m.get("event") == name)

    def picture(self, timeout=5.0):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            got = self.ws.recv(timeout=timeout)
            if isinstance(got, bytes):
                header, payload = unpack(got)
                self.send("ack", seq=header.seq)
                return header, np.asarray(Image.open(io.BytesIO(payload)))
        raise AssertionError("no picture came")


# Good visitors.


def test_a_conversation(house):
    with Talk(house) as talk:
        assert talk.hello["proto"] == "latentart.v1"
        assert {p["name"] for p in talk.welcome["schema"]["params"]} == set(params.TABLE)
        header, picture = talk.picture()
        assert picture.shape == (header.height, header.width, 3) == (16, 16, 3)
        answer = talk.ask("set", values={"psi": 5, "seed": 3})
        assert answer["values"] == {"psi": 2.0, "seed": 3}
        assert talk.event("param")["values"]["seed"] == 3
        while header.state_rev < answer["rev"]:
            header, picture = talk.picture()
        assert talk.ask("get", names=["psi"])["values"] == {"psi": 2.0}
        assert talk.ask("ping", t0=5)["t0"] == 5
        assert talk.event("stats")["alive"] is True


def test_blackout_freeze_and_back(house):
    with Talk(house) as talk:
        talk.ask("set", values={"master/blackout": True})
        assert wait_until(lambda: talk.picture()[0].flags & protocol.BLACKOUT)
        assert talk.picture()[1].max() == 0
        talk.ask("trigger", name="master/panic")
        assert wait_until(lambda: talk.picture()[1].max() > 0)
        assert house.session.control.value("walk/play") is False
        assert wait_until(lambda: talk.picture()[0].flags & protocol.REPEAT)


def test_presets_and_cues(house):
    with Talk(house) as talk:
        talk.ask("set", values={"psi": 0.5, "seed": 9})
        talk.ask("trigger", name="preset/store", args=["calm"])
        talk.ask("set", values={"psi": 1.0, "seed": 2})
        talk.ask("trigger", name="preset/store", args=["wild"])
        assert talk.ask("list")["presets"] == ["calm", "wild"]
        cues = [{"preset": "calm", "fade": 0}, {"preset": "wild", "fade": 1}]
        assert len(talk.ask("cues", cues=cues)["cues"]) == 2
        talk.ask("trigger", name="cue/go")
        assert house.session.control.value("psi") == 0.5
        talk.ask("trigger", name="cue/go")
        assert house.session.control.value("seed") == 2
        talk.ask("trigger", name="cue/back")
        assert house.session.control.value("seed") == 9


def test_osc_reaches_the_same_place_and_answers(house):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        to = ("127.0.0.1", house.session.osc.port)
        sock.sendto(message("/la/feedback/subscribe", "127.0.0.1", sock.getsockname()[1], 10), to)
        sock.sendto(message("/latentart/psi", 0.25), to)
        assert wait_until(lambda: house.session.control.value("psi") == 0.25)
        sock.sendto(message("/la/ping", 4), to)
        wanted = {message("/latentart/psi", 0.25), message("/latentart/pong", 4)}
        while wanted:
            wanted.discard(sock.recv(200))


def test_http(house):
    status, body = house.get("/frame.jpg")
    assert (status, Image.open(io.BytesIO(body)).size) == (200, (16, 16))
    assert json.loads(house.get("/healthz")[1])["ok"] is True
    assert len(json.loads(house.get("/api/params")[1])["params"]) == len(params.TABLE)
    assert house.get("/api/set", "POST", b'{"psi": 0.3}')[0] == 200
    assert house.session.control.value("psi") == 0.3
    for query in ("fade=x", "fade=-1", "fade=nan", "fade=1e9", "at=never"):
        assert house.get(f"/api/set?{query}", "POST", b'{"psi": 0.4}')[0] == 400
    for body in (b"", b"5", b'{"name": 5}', b'{"name": "seed/next", "args": 5}', b'{"name": "seed/next", "args": {}}'):
        assert house.get("/api/trigger", "POST", body)[0] == 400
    assert house.get("/api/trigger", "POST", b'{"name": "seed/next"}')[0] == 200
    assert house.get("/", Accept="text/html")[1].startswith(b"<!doctype html>")
    assert b"connectLatent" in house.get("/p5.latentart.js")[1]
    assert house.get("/sketches/wall/")[1] == b"<p>wall"
    assert json.loads(house.get("/sketches/")[1]) == {"sketches": ["wall"]}


def test_oscquery(house):
    tree = json.loads(house.get("/")[1])
    leaf = tree["CONTENTS"]["latentart"]["CONTENTS"]["psi"]
    assert leaf["FULL_PATH"] == "/latentart/psi"
    assert json.loads(house.get("/latentart/psi?VALUE")[1]) == {"VALUE": leaf["VALUE"]}
    assert json.loads(house.get("/?HOST_INFO")[1])["OSC_PORT"] == house.session.osc.port
    assert house.get("/latentart/nothing")[0] == 404


def test_mjpeg_is_a_stream_of_pictures(house):
    with socket.create_connection(("127.0.0.1", house.port), timeout=5) as sock:
        sock.sendall(b"GET /mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = b""
        while got.count(b"Content-Type: image/jpeg") < 3:
            got += sock.recv(65536)
    assert b"multipart/x-mixed-replace" in got


def test_webcam_pictures_come_in(house):
    sent = io.BytesIO()
    Image.new("RGB", (32, 24), (200, 10, 10)).save(sent, "PNG")
    with Talk(house) as talk:
        talk.ws.send(pack(Header(1, 0, 0, 32, 24, codec=protocol.PNG), sent.getvalue()))
        assert wait_until(lambda: house.session.hub.inputs.frame is not None)
        assert house.session.hub.inputs.frame.shape == (24, 32, 3)
        assert talk.event("input")["count"] == house.session.hub.inputs.count


def test_the_viewer_too_many_is_told_why(house):
    url, hub = f"ws://127.0.0.1:{house.port}/ws", house.session.hub
    with ExitStack() as seats:
        while len(hub.viewers) < MOST_VIEWERS:
            seats.enter_context(connect(url, subprotocols=["latentart.v1"]))
        with connect(url, subprotocols=["latentart.v1"]) as late, pytest.raises(ConnectionClosed) as closed:
            late.recv(timeout=5)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "there are 32 viewers already: close one")


def test_latents_of_a_wrong_length_are_refused_with_the_right_one(house):
    with Talk(house) as talk:
        for name, wanted in (("latent/z", "takes 16 numbers"), ("latent/w", "takes 16 or 96 numbers")):
            answer = talk.ask("set", values={name: [0.5] * 15})
            assert answer["event"] == "error"
            assert f"{name} {wanted} for the model that plays, not 15" in answer["msg"]
    assert house.session.control.value("latent/z") == ()


# Hostile ones.


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://["])
def test_other_origins_are_refused(house, origin):
    assert house.get("/frame.jpg", Origin=origin)[0] == 403
    assert house.get("/api/set", "POST", b'{"psi": 1.9}', Origin=origin)[0] == 403
    url = f"ws://127.0.0.1:{house.port}/ws"
    with pytest.raises(InvalidStatus) as refused, connect(url, subprotocols=["latentart.v1"], origin=origin):
        pass
    assert refused.value.response.status_code == 403
    assert house.session.control.value("psi") != 1.9


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "192.168.1.9", "", "[", "a@b"])
def test_other_hosts_are_refused(house, host):
    assert house.get("/frame.jpg", Host=host)[0] in (400, 403)


def test_own_origin_is_welcome(house):
    assert house.get("/frame.jpg", Origin=f"http://127.0.0.1:{house.port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/sketches/../secret.txt", "/sketches/%2e%2e/secret.txt", "/sketches/wall/out/secret.txt",
        "/sketches/wall/..%2f..%2fsecret.txt", "/static/../../show.py", "/static/%2e%2e/show.py", "//etc/passwd",
        "/sketches//etc/passwd", "/sketches/lib/..%5c..%5csecret.txt", "/static/\0",
    ],
)  # fmt: skip
def test_paths_do_not_lead_out(house, path):
    with socket.create_connection(("127.0.0.1", house.port), timeout=5) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := sock.recv(65536):
            answer += part
    assert answer[9:12] in (b"404", b"400", b"405", b"200")
    assert b"secret" not in answer.split(b"\r\n\r\n", 1)[-1]
    assert b"import" not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/b", "..", ".hidden", "x" * 65, "", "a\0b", 5, ["a"]])
@pytest.mark.parametrize("action", ["preset/store", "preset/recall", "model/load", "model/preload", "rec/start"])
def test_names_are_never_paths(house, action, name):
    presets = house.session.hub.actions.presets.folder
    with Talk(house, subscribe=[]) as talk:
        answer = talk.ask("trigger", name=action, args=[name])
    # Presets take any printable name, written in a form that is no path.
    kept = action.startswith("preset/") and isinstance(name, str) and 0 < len(name) <= 64 and name.isprintable()
    assert kept or answer["event"] == "error"
    assert not house.session.takes.recording
    assert not [path for path in presets.parent.rglob("*evil*") if path.parent != presets]


BAD_JSON = {
    "not json": "{",
    "a list": "[]",
    "a number": "5",
    "NaN": '{"op": "set", "values": {"psi": NaN}}',
    "Infinity": '{"op": "set", "values": {"psi": -Infinity}}',
    "1e999": '{"op": "set", "values": {"psi": 1e999}}',
    "a long integer": '{"op": "set", "values": {"seed": ' + "9" * 5000 + "}}",
    "a longer one": '{"op": "set", "values": {"seed": ' + "9" * 400 + "}}",
    "deep": '{"op": "set", "values": ' + '{"a":' * 20 + "1" + "}" * 20 + "}",
    "very deep": '{"op":' + "[" * 30_000,
    "unknown op": '{"op": "eval", "code": "1+1"}',
    "no op": "{}",
    "op of another type": '{"op": {"a": 1}}',
    "unknown parameter": '{"op": "set", "values": {"__class__": 1}}',
    "a text for a number": '{"op": "set", "values": {"psi": "1"}}',
    "a list for a number": '{"op": "set", "values": {"psi": [1]}}',
    "null": '{"op": "set", "values": {"psi": null}}',
    "no values": '{"op": "set"}',
    "a bad fade": '{"op": "set", "values": {"psi": 1}, "fade": -1}',
    "a long fade": '{"op": "set", "values": {"psi": 1}, "fade": 1e30}',
    "a bad beat": '{"op": "set", "values": {"psi": 1}, "at": "never"}',
    "a beat of another type": '{"op": "set", "values": {"psi": 1}, "at": [1]}',
    "an unknown action": '{"op": "trigger", "name": "os/system"}',
    "args of another type": '{"op": "trigger", "name": "cue/go", "args": 5}',
    "cues of another type": '{"op": "cues", "cues": {"a": 1}}',
    "a cue of another type": '{"op": "cues", "cues": [5]}',
    "a preset of two lines": '{"op": "cues", "cues": [{"preset": "a\\nb"}]}',
    "names of another type": '{"op": "get", "names": [{"a": 1}]}',
}


@pytest.mark.parametrize("text", BAD_JSON.values(), ids=BAD_JSON.keys())
def test_bad_messages_are_answered_and_change_nothing(house, text):
    before = house.session.control.values()
    with Talk(house, subscribe=["params"]) as talk:
        talk.ws.send(text)
        assert talk.event("error")["msg"]
        assert talk.ask("ping")["t"]
    assert house.session.control.values() == before
    if len(text) < 6000 and text != "{}":
        assert house.get("/api/set", "POST", text.encode())[0] == 400


def test_too_long_a_text_ends_the_connection(house):
    with Talk(house, subscribe=["params"]) as talk:
        talk.ws.send('{"op": "' + "a" * 70_000)
        with pytest.raises(ConnectionClosed):
            talk.until(lambda m: False)
    assert house.get("/api/set", "POST", b'{"a":"' + b"a" * 70_000 + b'"}')[0] == 413
    assert house.healthy()


def test_64_megabytes_are_refused_before_they_are_read(house):
    talk = Talk(house, subscribe=["params"])

    def attack():
        talk.ws.send(b"\0" * (64 << 20))
        talk.until(lambda m: False)

    with pytest.raises((ConnectionClosed, OSError)):
        attack()
    assert house.healthy()


def bomb() -> bytes:
    """About 20 kB of PNG that would be half a gigabyte."""
    data = io.BytesIO()
    Image.new("1", (13_000, 13_000)).save(data, "PNG", optimize=True)
    return data.getvalue()


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        (protocol.PNG, bomb()),
        (protocol.PNG, b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
        (protocol.JPEG, b"\xff\xd8\xff" + b"\0" * 100),
        (protocol.WEBP, b"RIFF" + b"\0" * 100),
        (protocol.RGBA, b"\0" * 64),
        (99, b"x"),
        (protocol.JPEG, bomb()),
    ],
)
def test_bad_pictures_are_refused(house, codec, payload):
    count = house.session.hub.inputs.count
    with Talk(house, subscribe=["params"]) as talk:
        talk.ws.send(pack(Header(1, 0, 0, 8, 8, codec=codec), payload))
        assert "PictureError" in talk.event("error")["code"]
    assert house.session.hub.inputs.count == count


@pytest.mark.parametrize("data", [b"", b"LART", b"x" * 40, pack(Header(1, 0, 0, 8, 8), b"abc")[:-1]])
def test_bad_headers_are_refused(house, data):
    with Talk(house, subscribe=["params"]) as talk:
        talk.ws.send(data)
        assert talk.event("error")


def test_nothing_before_identify(house):
    with Talk(house, identify=False) as talk:
        answer = talk.ask("set", values={"psi": 1})
        assert "identify" in answer["msg"]


def test_a_viewer_only_watches(house):
    with Talk(house, role="viewer") as talk:
        assert "watches" in talk.ask("set", values={"psi": 1})["msg"]
        assert "watches" in talk.ask("trigger", name="seed/next")["msg"]


def test_the_subprotocol_is_required(house):
    with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{house.port}/ws"):
        pass


def test_messages_are_rationed(house):
    with Talk(house, subscribe=["params"]) as talk:
        for number in range(400):
            talk.send("ping", t0=number)
        time.sleep(1.0)
        assert talk.ask("ping", t0="last")["t0"] == "last"
    assert house.session.hub.counts["ws_over_rate"] > 50


def test_a_viewer_that_never_reads_costs_the_others_nothing(house):
    stalled = socket.create_connection(("127.0.0.1", house.port), timeout=5)
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.sendall(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Protocol: latentart.v1\r\n\r\n"
    )
    text = b'{"op": "identify"}'
    stalled.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    with Talk(house) as talk:
        first = talk.picture()[0].seq
        for _ in range(20):
            last = talk.picture()[0].seq
        assert last - first < 40
    stalled.close()


def test_many_come_and_go(house):
    before = len(house.session.hub.viewers)
    for _ in range(8):
        with Talk(house) as talk:
            talk.picture()
    threads = [threading.Thread(target=lambda: Talk(house).ws.close_socket()) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wait_until(lambda: len(house.session.hub.viewers) <= before)


def test_after_all_that_it_still_plays(house):
    assert house.healthy()
    assert house.session.supervisor.status.restarts == 0


# Another machine.


@pytest.fixture(scope="module")
def open_to_others(tmp_path_factory):
    folder = tmp_path_factory.mktemp("token")
    settings = SessionSettings(
        network=str(tiny_file(folder)), http_port=0, osc_port=0, osc_out_port=0, threads=1, fps=20,
        host="0.0.0.0", token="open-sesame", folder=folder / "kept",
    )  # fmt: skip
    with open_house(settings, play=False) as found:
        yield found


def test_the_token_is_asked_for(open_to_others):
    house = open_to_others
    for path in ("/frame.jpg", "/mjpeg", "/api/params", "/latentart/psi", "/api/state", "/?HOST_INFO"):
        assert house.get(path)[0] == 401, path
        assert house.get(f"{path}{'&' if '?' in path else '?'}token=wrong")[0] == 401
    assert house.get("/frame.jpg?token=open-sesame")[0] == 200
    assert house.get("/frame.jpg", Authorization="Bearer open-sesame")[0] == 200
    assert house.get("/", Accept="text/html")[0] == 200
    assert house.get("/frame.jpg?token=open-sesame", Host="evil.example")[0] == 403
    assert house.get("/frame.jpg?token=open-sesame", Host="192.168.1.20:8317")[0] == 200


def test_a_wrong_token_ends_the_conversation(open_to_others):
    for token in (None, "wrong", 5, {"a": 1}):
        with Talk(open_to_others, identify=False) as talk:
            talk.send("identify", token=token)
            with pytest.raises(ConnectionClosed) as closed:
                talk.until(lambda m: False)
            assert closed.value.rcvd.code == 1008
    with Talk(open_to_others, token="open-sesame") as talk:
        assert talk.picture()


def test_osc_of_strangers_is_dropped(open_to_others):
    osc = open_to_others.session.osc
    assert osc._may("127.0.0.1")
    assert not osc._may("192.168.1.5")


def test_pictures_never_wait_for_an_answer_to_a_short_message():
    with hosts.stream("127.0.0.1", 0) as listening:
        # What asyncio looks at before it turns Nagle's algorithm off.
        assert listening.proto == socket.IPPROTO_TCP


def test_names_of_the_local_network_are_let_in(open_to_others, house):
    path = "/healthz?token=open-sesame"
    assert open_to_others.get(path, Host="studio.local:8317")[0] in (200, 503)
    assert open_to_others.get(path, Host="studio.local.evil.example")[0] == 403
    assert house.get("/healthz", Host="studio.local")[0] == 403


def test_oscquery_is_told_the_address_it_came_by(open_to_others, house):
    told = json.loads(open_to_others.get("/?HOST_INFO&token=open-sesame")[1])
    assert (told["OSC_IP"], told["OSC_PORT"]) == ("127.0.0.1", open_to_others.session.osc.port)
    six = http.client.HTTPConnection("::1", house.port, timeout=5)
    six.request("GET", "/?HOST_INFO", headers={"Host": f"[::1]:{house.port}"})
    assert json.loads(six.getresponse().read())["OSC_IP"] == "::1"
    six.close()


def test_a_kept_preset_is_an_event_for_all(house):
    with Talk(house) as one, Talk(house) as other:
        one.ask("trigger", name="preset/store", args=["heard"])
        for talk in (one, other):
            assert "heard" in talk.event("lists")["presets"]
        one.ask("cues", cues=[{"preset": "heard", "fade": 1}])
        assert other.until(lambda m: m.get("event") == "lists" and m["cues"])["cues"][0]["preset"] == "heard"


def test_latents_of_a_wrong_length_are_refused_and_the_right_one_is_told(house):
    with Talk(house) as talk:
        lengths = {name: talk.welcome["model"][name] for name in ("z_dim", "w_dim", "num_ws")}
        assert lengths["z_dim"] == lengths["w_dim"] == 16
        refused = talk.ask("set", values={"latent/z": [0.0] * 15})
        assert refused["msg"] == "latent/z takes 16 numbers for the model that plays, not 15"
        assert talk.ask("set", values={"latent/z": [0.0] * 16})["op"] == "set.ok"
    assert house.get("/api/set", "POST", b'{"latent/w": [1, 2]}')[0] == 400
    assert house.get("/query", "POST", b"{}")[0] == 404
    state = json.loads(house.get("/api/state")[1])
    assert {name: state["stats"][name] for name in lengths} == lengths
    node = json.loads(house.get("/latentart/latent/z")[1])
    assert "z_dim is 16" in node["DESCRIPTION"]


@pytest.fixture(scope="module")
def with_a_site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    settings = SessionSettings(
        network=str(tiny_file(folder)), http_port=0, osc_port=0, osc_out_port=0, threads=1, fps=20,
        token="a&b+c#d%e f", allow_origins=("https://Play.example/", "http://other.example:80"), folder=folder / "kept",
    )  # fmt: skip
    with open_house(settings, play=False) as found:
        yield found


def test_a_page_of_an_allowed_site_may_fetch(with_a_site):
    for origin in ("https://play.example", "http://other.example"):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        status, _, headers = with_a_site.ask(
            "/api/set", "OPTIONS", **asked, Access_Control_Request_Headers="content-type,authorization"
        )
        assert (status, headers["access-control-allow-origin"]) == (200, origin)
        assert "POST" in headers["access-control-allow-methods"]
        status, _, headers = with_a_site.ask("/api/state", Origin=origin)
        # What was refused can be read as well.
        assert (status, headers["access-control-allow-origin"]) == (401, origin)
    status, _, headers = with_a_site.ask("/api/set", "OPTIONS", Origin="https://evil.example",
                                         Access_Control_Request_Method="POST")  # fmt: skip
    assert status == 400
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("origin", ["play.example", "*", "file:///tmp", "https://", "https://a:b"])
def test_what_is_no_origin_is_refused_at_the_start(origin):
    with pytest.raises(SettingsError, match="is no origin"):
        check(SessionSettings(allow_origins=(origin,)))


def test_the_printed_address_works_with_any_token(with_a_site):
    address = urlsplit(with_a_site.session.address)
    assert with_a_site.get(f"/healthz?{address.query}")[0] == 503
    assert with_a_site.get(f"/api/state?{address.query}")[0] == 200


def test_equal_osc_ports_are_refused_at_the_start():
    with pytest.raises(SettingsError, match="choose two"):
        check(SessionSettings(osc_port=9000, osc_out_port=9000))
    check(SessionSettings(osc_port=0, osc_out_port=0))


@pytest.mark.parametrize("fault", ["http", "osc", "network", "record", "midi"])
def test_a_start_that_fails_leaves_no_shared_memory_and_no_port(fault, house, tmp_path, monkeypatch):
    made, create = [], shared_memory.SharedMemory

    def kept(**how):
        found = create(**how)
        made.append(found.name)
        return found

    monkeypatch.setattr(shared_memory, "SharedMemory", kept)
    (tmp_path / "take.jsonl").touch()
    wrong = {
        "http": {"http_port": house.port}, "osc": {"osc_port": house.session.osc.port},
        "network": {"allow_osc": ("zzz",)},
        "record": {"record": tmp_path / "take.jsonl"}, "midi": {"midi": "no such port"},
    }[fault]  # fmt: skip
    common = {"http_port": 0, "osc_port": 0, "osc_out_port": 0, "folder": tmp_path, "network": str(tiny_file(tmp_path))}
    with pytest.raises(LatentartError):
        asyncio.run(Session(SessionSettings(**{**common, **wrong})).run())
    for name in made:
        with pytest.raises(FileNotFoundError):
            create(name=name)


def test_takes_keep_where_a_model_was_that_is_a_file(house):
    [(name, path)] = house.session.takes.facts["files"].items()
    assert (name, Path(path).name, Path(path).is_file()) == ("tiny", "tiny.safetensors", True)
