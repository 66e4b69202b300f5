"""The OSC port: who may speak, who hears, and what is too much."""

from __future__ import annotations

import socket

import pytest
from live_house import message, wait_until
from pythonosc.osc_message import OscMessage

from latentart.errors import SettingsError
from latentart.live.control.actions import Actions
from latentart.live.control.controller import Control
from latentart.live.control.presets import Presets
from latentart.live.osc.sockets import LONGEST_LEASE, MOST_LEASES, MOST_STRANGERS, Osc

ME = ("127.0.0.1", 40_000)


@pytest.fixture
def osc(tmp_path):
    control = Control()
    actions = Actions(control, Presets(tmp_path), None, type("R", (), {"stop": None})())
    found = Osc(control, actions, host="127.0.0.1", port=0, out_port=0, allow=["192.168.1.0/24", "10.0.0.7"])
    found.start()
    yield found
    found.stop()


@pytest.fixture
def ear():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        yield sock


def hear(sock):
    found = OscMessage(sock.recv(2048))
    return found.address, found.params


@pytest.mark.parametrize(
    ("host", "may"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("192.168.1.200", True), ("10.0.0.7", True),
     ("10.0.0.8", False), ("192.168.2.1", False), ("8.8.8.8", False), ("fe80::1%eth0", False)],
)  # fmt: skip
def test_who_may_speak(osc, host, may):
    assert osc._may(host) is may


def test_a_question_is_answered_to_who_asked(osc, ear):
    ear.sendto(message("/latentart/psi"), ("127.0.0.1", osc.port))
    assert hear(ear) == ("/latentart/psi", [pytest.approx(0.8)])
    ear.sendto(message("/la/walk/mode"), ("127.0.0.1", osc.port))
    assert hear(ear) == ("/la/walk/mode", ["keyframes"])


def test_listeners_hear_of_changes_and_how_it_goes(osc, ear):
    ear.sendto(message("/la/feedback/subscribe", "127.0.0.1", ear.getsockname()[1], 5), ("127.0.0.1", osc.port))
    assert wait_until(osc.listeners)
    osc.echo({"psi": 0.25, "walk/play": True})
    assert [hear(ear), hear(ear)] == [("/latentart/psi", [0.25]), ("/latentart/walk/play", [True])]
    osc.status({"fps": 59.9, "render_ms": 7.0, "dropped": 3, "viewers": 1, "model": "one"})
    heard = dict(hear(ear) for _ in range(6))
    assert heard["/latentart/status/heartbeat"] == [1]
    assert heard["/latentart/status/model"] == ["one"]


def test_leases_end(osc, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("latentart.live.osc.sockets.time.monotonic", lambda: now[0])
    osc.subscribe(ME, ["localhost", 9000, 1e9])
    assert osc.listeners() == [("127.0.0.1", 9000)]
    now[0] = LONGEST_LEASE + 1
    assert osc.listeners() == []


@pytest.mark.parametrize("args", [["8.8.8.8", 9000], ["evil.example", 9000], ["", 80], ["", 70_000], ["", "9000"],
                                  ["", 9000, "long"], [5, 9000]])  # fmt: skip
def test_echo_goes_to_nobody_else(osc, args):
    with pytest.raises(SettingsError):
        osc.subscribe(ME, args)


def test_leases_are_few(osc):
    for port in range(MOST_LEASES):
        osc.subscribe(ME, ["", 2000 + port])
    with pytest.raises(SettingsError, match="already"):
        osc.subscribe(ME, ["", 5000])


def test_a_port_that_is_taken_is_one_line(osc):
    with pytest.raises(SettingsError, match="--osc-port") as refused:
        Osc(osc.dispatcher.control, osc.dispatcher.actions, host="127.0.0.1", port=osc.port, out_port=0)
    assert "\n" not in str(refused.value)


def test_it_outlives_anything(osc, ear):
    for data in (b"", b"#bundle\0", b"\xff" * 2000, b"/" * 60_000, message("/la/psi", "text")):
        ear.sendto(data, ("127.0.0.1", osc.port))
    ear.sendto(message("/la/ping", 3), ("127.0.0.1", osc.port))
    assert hear(ear) == ("/latentart/pong", [3])
    assert osc.dispatcher.counts["bad_packet"] == 4


@pytest.mark.parametrize("text", ["zzz", "300.1.1.1", "10.0.0.0/99", ""])
def test_a_network_that_is_none_is_named(tmp_path, text: str) -> None:
    control = Control()
    actions = Actions(control, Presets(tmp_path), None, type("R", (), {"stop": None})())
    with pytest.raises(SettingsError, match=f"{text!r} is no network"):
        Osc(control, actions, host="127.0.0.1", port=0, out_port=0, allow=[text])


def test_strangers_are_counted_and_each_is_told_how_to_be_let_in(osc, caplog):
    for host in ("192.168.7.3", "192.168.7.3", "fe80::1%eth0"):
        osc._turn_away(host)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "OSC from 192.168.7.3 is not taken: start with --allow-osc 192.168.7.0/24 to let it in",
        "OSC from fe80::1%eth0 is not taken: start with --allow-osc fe80::1 to let it in",
    ]
    assert osc.counts()["osc_stranger"] == 3


def test_a_flood_of_strangers_is_a_few_lines(osc, caplog):
    for number in range(200):
        osc._turn_away(f"203.0.113.{number}")
    assert len(caplog.records) == MOST_STRANGERS
    assert osc.counts()["osc_stranger"] == 200


def test_what_is_refused_goes_to_those_who_listen(osc, ear):
    ear.sendto(message("/la/feedback/subscribe", "", float(ear.getsockname()[1])), ("127.0.0.1", osc.port))
    assert wait_until(osc.listeners)
    for _ in range(2):
        ear.sendto(message("/LA/psi/", 1.0), ("127.0.0.1", osc.port))
        address, params = hear(ear)
        assert (address, params) == ("/latentart/error", ["no such address: '/LA/psi/': did you mean /la/psi?"])


def test_no_echo_comes_in_again(osc, tmp_path):
    with pytest.raises(SettingsError, match="never end"):
        osc.subscribe(ME, ["", osc.port])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dispatcher = osc.dispatcher
    with pytest.raises(SettingsError, match="--osc-out-port"):
        Osc(dispatcher.control, dispatcher.actions, host="127.0.0.1", port=port, out_port=port)


def test_both_families_speak_and_are_answered(osc):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
        six.bind(("::1", 0))
        six.settimeout(5)
        six.sendto(message("/la/ping", 4), ("::1", osc.port))
        assert hear(six) == ("/latentart/pong", [4])
