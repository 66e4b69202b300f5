"""Addresses to listen on, and to be reached at."""

from __future__ import annotations

import errno
import ipaddress
import socket

import pytest

from latentart.errors import SettingsError
from latentart.live.wire import hosts


@pytest.fixture
def opened():
    """Listens, and closes in the end."""
    kept = []

    def listen(host, port=0, option="--http-port", make=hosts.stream):
        found = hosts.listen(host, port, option, make)
        kept.extend(found)
        return found

    yield listen
    hosts.close(kept)


def reaches(address, port):
    with socket.create_connection((address, port), timeout=5):
        return True


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::"])
def test_both_families_are_answered(opened, host):
    first, *_ = opened(host)
    port = first.getsockname()[1]
    assert reaches("127.0.0.1", port)
    assert reaches("::1", port)


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
def test_datagrams_of_both_families_come(opened, host):
    found = opened(host, make=lambda address, port: hosts.datagrams(address, port, 1 << 16))
    port = found[0].getsockname()[1]
    for sock in found:
        with socket.socket(sock.family, socket.SOCK_DGRAM) as other:
            other.sendto(b"hello", ("::1" if sock.family == socket.AF_INET6 else "127.0.0.1", port))
        sock.settimeout(5)
        assert sock.recv(16) == b"hello"
    assert len(found) == 2


def test_without_ipv6_the_other_family_does(opened):
    def only_one(address, port):
        if ":" in address:
            raise OSError(errno.EADDRNOTAVAIL, "no such address")
        return hosts.stream(address, port)

    assert len(opened("127.0.0.1", make=only_one)) == 1


WRONG = [("203.0.113.7", 0, "--host"), ("no.such.name.invalid", 0, "--host"), ("127.0.0.1", None, "--osc-port")]


@pytest.mark.parametrize(("host", "port", "remedy"), WRONG)
def test_the_remedy_is_that_of_the_cause(opened, host, port, remedy):
    taken = opened("127.0.0.1")[0].getsockname()[1]
    with pytest.raises(SettingsError, match=remedy) as refused:
        opened(host, taken if port is None else port, "--osc-port")
    assert "\n" not in str(refused.value)


def test_the_address_shown_is_one_that_answers(opened, monkeypatch):
    assert hosts.shown("127.0.0.1", opened("127.0.0.1")) == "localhost"
    assert hosts.shown("::1", opened("::1")) == "[::1]"
    assert hosts.shown("192.168.1.20", []) == "192.168.1.20"
    # Another program listens on ::1.
    assert hosts.shown("127.0.0.1", opened("127.0.0.1")[:1]) == "127.0.0.1"
    monkeypatch.setattr(hosts, "_has_ipv6", lambda: False)
    assert hosts.shown("127.0.0.1", opened("127.0.0.1")[:1]) == "localhost"
    monkeypatch.setattr(hosts, "_own", lambda way: "192.168.1.20" if way == socket.AF_INET else None)
    assert hosts.shown("0.0.0.0", []) == hosts.shown("::", []) == "192.168.1.20"


def test_the_own_address_is_an_address_and_never_all_of_them():
    for host in hosts.ANY:
        assert not ipaddress.ip_address(hosts.reachable(host)).is_unspecified
    assert hosts.reachable("10.0.0.7") == "10.0.0.7"
