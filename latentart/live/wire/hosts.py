"""Addresses: what a server listens on, and how others reach it."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence

from latentart.errors import SettingsError

LOCAL = ("localhost", "127.0.0.1", "::1")
ANY = ("0.0.0.0", "::")
_ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of nobody, kept for documentation (RFC 5737, RFC 3849)."""


def families(host: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(addresses that must be listened on, addresses that are if they can be) for the value of --host.

    A browser may look for localhost on ::1 first; :: is every address of both families.
    """
    if host in ("localhost", "127.0.0.1"):
        return ("127.0.0.1",), ("::1",)
    return (("::",), ("0.0.0.0",)) if host == "::" else ((host,), ())


def listen(host: str, port: int, option: str, opened: Callable[[str, int], socket.socket]) -> list[socket.socket]:
    """Sockets of one port on every address of `host`; 0 takes a free port.

    opened: makes a bound socket, or raises OSError. Raises SettingsError when an address that is needed cannot be had:
    option is what to choose another port with.
    """
    needed, wanted = families(host)
    found: list[socket.socket] = []
    try:
        for address in needed:
            found.append(opened(address, port))
            port = found[0].getsockname()[1]
    except OSError as error:
        close(found)
        raise SettingsError(
            f"cannot listen on {host}:{port}: {_why(error)}: choose {_remedy(error, option)}"
        ) from error
    for address in wanted:
        try:
            found.append(opened(address, port))
        except OSError:
            # Without this family the server is reached by the other.
            continue
    return found


def stream(address: str, port: int) -> socket.socket:
    """A listening socket for TCP. Raises OSError."""
    # asyncio turns Nagle's algorithm off only for sockets that name their protocol; with it on, a picture that
    # follows a short message waits up to 40 ms.
    found = socket.socket(family(address), socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(found, address, port)
        # The address may be used as soon as it is known.
        found.listen(128)
    except OSError:
        found.close()
        raise
    return found


def datagrams(address: str, port: int, buffer: int) -> socket.socket:
    """A bound socket for UDP that keeps `buffer` bytes. Raises OSError."""
    found = socket.socket(family(address), socket.SOCK_DGRAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        _bind(found, address, port)
    except OSError:
        found.close()
        raise
    return found


def _bind(found: socket.socket, address: str, port: int) -> None:
    if found.family == socket.AF_INET6:
        # The other family has a socket of its own.
        found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    found.bind((address, port))


def close(sockets: Sequence[socket.socket]) -> None:
    """Closes all sockets."""
    for each in sockets:
        each.close()


def _why(error: OSError) -> str:
    return str(error.strerror or error)


def _remedy(error: OSError, option: str) -> str:
    """The port is at fault where it is taken or not allowed; else the address is."""
    port = error.errno in (errno.EADDRINUSE, errno.EACCES, getattr(errno, "WSAEADDRINUSE", None))
    return option if port else "--host, an address of this machine"


def family(address: str) -> socket.AddressFamily:
    """IPv6 for addresses with colons, else IPv4."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def shown(host: str, bound: Sequence[socket.socket]) -> str:
    """How a browser reaches a server: its address on the network where it listens on all of them."""
    if host in ("localhost", "127.0.0.1"):
        # localhost may be ::1, where another program may listen.
        return "localhost" if len(bound) > 1 or not _has_ipv6() else "127.0.0.1"
    address = reachable(host)
    return f"[{address}]" if ":" in address else address


def reachable(host: str) -> str:
    """The address that others reach `host` by; this machine's on the network for those that mean all."""
    if host not in ANY:
        return host
    ways = [socket.AF_INET, socket.AF_INET6] if host == "::" else [socket.AF_INET]
    found = next(filter(None, map(_own, ways)), None)
    return found or ("::1" if host == "::" else "127.0.0.1")


def _own(way: socket.AddressFamily) -> str | None:
    """This machine's address on the way out. Nothing is sent: connecting a UDP socket only looks up the route."""
    try:
        with socket.socket(way, socket.SOCK_DGRAM) as looking:
            looking.connect((_ELSEWHERE[way], 9))
            return str(looking.getsockname()[0])
    except OSError:
        return None


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
