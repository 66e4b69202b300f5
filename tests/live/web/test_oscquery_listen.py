"""OSCQuery's LISTEN under good and hostile programs."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from live_house import open_house, tiny_file, wait_until
from pythonosc.osc_message import OscMessage
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from latentart.live.session import SessionSettings
from latentart.live.web.oscquery_listen import COMMANDS_PER_SECOND, MOST_PATHS
from latentart.live.web.server import MOST_VIEWERS

TOKEN = "open-sesame"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("listening")
    common = {"http_port": 0, "osc_port": 0, "osc_out_port": 0, "folder": folder / "kept"}
    with open_house(SessionSettings(network=str(tiny_file(folder)), **common), play=False) as found:
        yield found


@pytest.fixture
def program(house):
    with connect(f"ws://127.0.0.1:{house.port}/", open_timeout=5) as ws:
        yield ws


def say(ws, command, path):
    ws.send(json.dumps({"COMMAND": command, "DATA": path}))


def heard(ws, timeout=5):
    """Address and arguments of the next message."""
    found = OscMessage(ws.recv(timeout=timeout))
    return found.address, found.params


def refused(url, **options):
    with pytest.raises((InvalidStatus, ConnectionClosed)), connect(url, open_timeout=5, **options):
        pass


def until(ws, *wanted):
    """Whether it came, among messages of the last thirtieth of a second."""
    return any(heard(ws) == wanted for _ in range(3))


def test_a_value_comes_at_once_and_when_it_changes(house, program):
    house.session.control.set({"psi": 0.5})
    say(program, "LISTEN", "/latentart/psi")
    assert heard(program) == ("/latentart/psi", [0.5])
    house.session.control.set({"seed": 3})
    house.session.control.set({"psi": 1.0})
    assert until(program, "/latentart/psi", [1.0])


def test_twins_choices_and_names(house, program):
    house.session.control.set({"psi": 0.0, "walk/mode": "drift", "then/1/network": "cartoon", "walk/play": False})
    for path, wanted in [
        ("/latentart/n/psi", [0.5]), ("/la/walk/mode", ["drift"]), ("/latentart/then/1/network", ["cartoon"]),
        ("/latentart/walk/play", [False]),
    ]:  # fmt: skip
        say(program, "LISTEN", path)
        assert until(program, path, wanted)


def test_ignore_ends_it(house, program):
    say(program, "LISTEN", "/latentart/psi")
    heard(program)
    say(program, "IGNORE", "/latentart/psi")
    say(program, "LISTEN", "/latentart/cutoff")
    heard(program)
    house.session.control.set({"psi": 0.11})
    house.session.control.set({"cutoff": 7})
    assert until(program, "/latentart/cutoff", [7])


def test_of_fast_values_the_newest_comes(house, program):
    say(program, "LISTEN", "/latentart/psi")
    heard(program)
    for i in range(1, 2001):
        house.session.control.set({"psi": i / 2000})
    seen = [heard(program)[1][0]]
    while seen[-1] < 1:
        seen.append(heard(program)[1][0])
    assert len(seen) < 1000
    assert seen == sorted(seen)


BAD = [
    "", "not json", "[]", "{}", '{"COMMAND": "LISTEN"}', '{"COMMAND": "LISTEN", "DATA": 5}',
    '{"COMMAND": "LISTEN", "DATA": "/latentart/nothing"}', '{"COMMAND": "LISTEN", "DATA": "/latentart"}',
    '{"COMMAND": "LISTEN", "DATA": "/latentart/latent/z"}', '{"COMMAND": "LISTEN", "DATA": "/latentart/*"}',
    '{"COMMAND": ["LISTEN"], "DATA": "/latentart/psi"}', '{"COMMAND": "QUIT", "DATA": "/latentart/psi"}',
    "[" * 5000, '{"COMMAND": NaN}',
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_bad_commands_are_answered_and_harm_nothing(program, text):
    program.send(text)
    assert json.loads(program.recv(timeout=5))["COMMAND"] == "ERROR"
    say(program, "LISTEN", "/latentart/psi")
    assert heard(program)[0] == "/latentart/psi"


def test_binary_is_answered(program):
    program.send(b"\0" * 100)
    assert json.loads(program.recv(timeout=5))["COMMAND"] == "ERROR"


def test_commands_are_rationed(house, program):
    before = house.session.hub.counts["listen_over_rate"]
    for _ in range(3 * COMMANDS_PER_SECOND):
        say(program, "IGNORE", "/latentart/psi")
    assert wait_until(lambda: house.session.hub.counts["listen_over_rate"] > before)


def test_paths_have_a_limit():
    assert MOST_PATHS < COMMANDS_PER_SECOND


def test_the_house_has_so_many_seats(house):
    assert wait_until(lambda: house.session.hub.listening == 0)
    with ExitStack() as seats:
        for _ in range(MOST_VIEWERS):
            seats.enter_context(connect(f"ws://127.0.0.1:{house.port}/", open_timeout=5))
        assert wait_until(lambda: house.session.hub.listening == MOST_VIEWERS)
        with connect(f"ws://127.0.0.1:{house.port}/") as late, pytest.raises(ConnectionClosed) as closed:
            late.recv(timeout=5)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "32 programs listen already: close one")
    assert wait_until(lambda: house.session.hub.listening == 0)
    assert not [call for call in house.session.hub.on_change if "Listener" in repr(call)]


def test_other_origins_are_refused(house):
    refused(f"ws://127.0.0.1:{house.port}/", origin="https://evil.example")


def test_it_is_offered(house):
    assert json.loads(house.get("/?HOST_INFO")[1])["EXTENSIONS"]["LISTEN"] is True


def test_the_token_is_asked_for(tmp_path):
    common = {"http_port": 0, "osc_port": 0, "osc_out_port": 0, "folder": tmp_path / "kept", "token": TOKEN}
    with open_house(SessionSettings(network=str(tiny_file(tmp_path)), **common), play=False) as house:
        for query in ("", "?token=wrong-wrong", "?" + "a&" * 40):
            refused(f"ws://127.0.0.1:{house.port}/{query}")
        with connect(f"ws://127.0.0.1:{house.port}/?token={TOKEN}", open_timeout=5) as ws:
            say(ws, "LISTEN", "/latentart/psi")
            assert heard(ws)[0] == "/latentart/psi"
