"""OSC sockets: a thread that reads datagrams, and the echo to those who asked for it.

UDP proves nothing about who sent it: datagrams from elsewhere than this machine, or the networks that were
allowed, are dropped unread, and echo goes only to the sender's own machine, on a lease.
"""

from __future__ import annotations

import ipaddress
import logging
import selectors
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pythonosc.osc_message_builder import OscMessageBuilder

from latentart.errors import SettingsError
from latentart.live.control.actions import Actions
from latentart.live.control.controller import Control
from latentart.live.control.params import TABLE
from latentart.live.osc import arguments
from latentart.live.osc.dispatch import Dispatcher, Sender
from latentart.live.osc.packet import LONGEST_PACKET, Argument
from latentart.live.wire import hosts

log = logging.getLogger("latentart.live")

LONGEST_LEASE = 60.0
MOST_LEASES = 32
RECEIVE_BUFFER = 1 << 20
BURST = 64
STATUS = ("fps", "render_ms", "dropped", "viewers", "model", "z_dim", "w_dim", "num_ws")
"""Statistics that are sent as /latentart/status/..., once they are known."""
MOST_STRANGERS = 16
"""Senders that are turned away with a line each."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Osc:
    """The OSC port."""

    def __init__(
        self, control: Control, actions: Actions, *, host: str, port: int, out_port: int, allow: Sequence[str] = (),
        translators: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """out_port: where echo goes on this machine without being asked, 0 for nowhere; allow: networks beside it.

        translators: those that the numbers 1, 2 ... stand for.
        Raises SettingsError when the port is taken or the one for echo too, or for an invalid network.
        """
        self._allowed = [_network(text) for text in allow]
        self.dispatcher = Dispatcher(
            control,
            actions,
            self.send,
            self.subscribe,
            lambda text: self.tell("/latentart/error", text),
            translators=translators,
        )
        self._sockets = hosts.listen(
            host, port, "--osc-port", lambda address, free: hosts.datagrams(address, free, RECEIVE_BUFFER)
        )
        self.port: int = self._sockets[0].getsockname()[1]
        self.out_port = out_port
        if self.port == out_port:
            hosts.close(self._sockets)
            raise SettingsError(f"OSC comes in and is echoed on port {port}: choose another --osc-out-port, or 0")
        self._by_family = {sock.family: sock for sock in self._sockets}
        self._strangers: set[str] = set()
        self._known = lru_cache(maxsize=64)(self._may)
        self._leases: dict[Sender, float] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._complaint, self._complained = "", -60.0
        self._beats = 0
        self._thread = threading.Thread(target=self._run, daemon=True, name="latentart-osc")

    def start(self) -> None:
        """Starts the thread that reads the sockets."""
        self._thread.start()

    def stop(self) -> None:
        """Stops listening and closes the port."""
        self._stopping = True
        if self._thread.ident is not None:
            self._thread.join(timeout=2)
        hosts.close(self._sockets)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for each in self._sockets:
                each.setblocking(False)
                selector.register(each, selectors.EVENT_READ)
            while not self._stopping:
                for key, _ in selector.select(timeout=0.2):
                    self.dispatcher.dispatch(*self._burst(key.fileobj))  # type: ignore[arg-type]
                    self._complain()

    def _burst(self, sock: socket.socket) -> list[tuple[bytes, Sender]]:
        """What is there, up to BURST datagrams: one question to the system for each, however many there are."""
        found: list[tuple[bytes, Sender]] = []
        for _ in range(BURST):
            try:
                data, sender = sock.recvfrom(LONGEST_PACKET + 1)
            except BlockingIOError:
                break
            except OSError as error:
                # Windows reports here that an earlier reply had no receiver.
                log.debug("OSC: %s", error)
                continue
            if self._known(sender[0]):
                found.append((data, (sender[0], sender[1])))
            else:
                self._turn_away(sender[0])
        return found

    def _turn_away(self, host: str) -> None:
        """Counts a datagram from elsewhere; the first of each sender is logged with what would let it in."""
        self.dispatcher.counts["stranger"] += 1
        if host in self._strangers or len(self._strangers) >= MOST_STRANGERS:
            return
        self._strangers.add(host)
        log.warning("OSC from %s is not taken: start with --allow-osc %s to let it in", host, _around(host))

    def counts(self) -> dict[str, int]:
        """What was counted, for the statistics: 'osc_packets', 'osc_stranger'..."""
        return {f"osc_{name}": count for name, count in dict(self.dispatcher.counts).items()}

    def _complain(self) -> None:
        """What was wrong last, once a second at most, and the same thing once a minute."""
        fault, now = self.dispatcher.last_fault, time.monotonic()
        wait = 60 if fault == self._complaint else 1
        if fault and now - self._complained > wait:
            log.warning("OSC: %s", fault)
            self._complaint, self._complained = fault, now
        self.dispatcher.last_fault = ""

    def _may(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        return address.is_loopback or any(address in network for network in self._allowed)

    def send(self, to: Sender, address: str, args: Sequence[Any]) -> None:
        """Sends one message; it is lost without a receiver."""
        sock = self._by_family.get(hosts.family(to[0]))
        if sock is None:
            return
        try:
            sock.sendto(packet(address, args), to)
        except OSError as error:
            log.debug("OSC to %s: %s", to, error)

    def subscribe(self, sender: Sender, args: Sequence[Argument]) -> None:
        """[host, port, seconds]: echo to a port of the sender's machine for at most a minute. Raises SettingsError."""
        host = str(args[0]) if args else sender[0]
        port = args[1] if len(args) > 1 else self.out_port
        seconds = args[2] if len(args) > 2 else LONGEST_LEASE
        if host not in (sender[0], "localhost", ""):
            raise SettingsError(f"echo goes to the machine that asks, {sender[0]}, not to {host[:40]!r}")
        if not isinstance(port, int) or not 1024 <= port <= 65535 or not isinstance(seconds, (int, float)):
            raise SettingsError(f"subscribe takes a host, a port from 1024 and seconds, not {str(args)[:60]!r}")
        if port == self.port and ipaddress.ip_address(sender[0].partition("%")[0]).is_loopback:
            raise SettingsError(f"port {port} is the one that OSC comes in on: an echo there would never end")
        with self._lock:
            self._expire()
            if len(self._leases) >= MOST_LEASES:
                raise SettingsError(f"{MOST_LEASES} programs are listening already")
            self._leases[(sender[0], port)] = time.monotonic() + min(max(float(seconds), 1.0), LONGEST_LEASE)

    def listeners(self) -> list[Sender]:
        """Addresses of the current subscribers."""
        with self._lock:
            self._expire()
            here = "127.0.0.1" if socket.AF_INET in self._by_family else "::1"
            own = [(here, self.out_port)] if self.out_port else []
            return [*own, *(lease for lease in self._leases if lease not in own)]

    def _expire(self) -> None:
        now = time.monotonic()
        self._leases = {lease: end for lease, end in self._leases.items() if end > now}

    def echo(self, changes: Mapping[str, Any]) -> None:
        """Tells all listeners of changed parameters."""
        for to in self.listeners():
            for name, value in changes.items():
                self.send(to, f"/latentart/{name}", arguments.sent(TABLE[name], value))

    def status(self, stats: Mapping[str, Any]) -> None:
        """Tells all listeners how it goes, once a second."""
        self._beats += 1
        self.tell("/latentart/status/heartbeat", self._beats)
        for name in STATUS:
            if name in stats:
                self.tell(f"/latentart/status/{name}", stats[name])

    def tell(self, address: str, value: float | int | str) -> None:
        """One message to all listeners."""
        for to in self.listeners():
            self.send(to, address, [value])


def packet(address: str, args: Sequence[Any]) -> bytes:
    """One OSC message as bytes."""
    builder = OscMessageBuilder(address)
    for value in args:
        # Left to itself the builder takes 64 bits for -2147483648.
        small = type(value) is int and -(2**31) <= value < 2**31
        builder.add_arg(value, "i" if small else None)
    return builder.build().dgram


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise SettingsError(f"{text!r} is no network: give one such as 192.168.1.0/24, or an address") from None


def _around(host: str) -> str:
    """The network that a sender is likely to be in: the last byte of an IPv4 address changes with every lease."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return str(ipaddress.ip_network(f"{address}/24", strict=False)) if address.version == 4 else str(address)
