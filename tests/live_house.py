"""A whole live server in a thread, with a tiny model, on ports of its own."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pythonosc.osc_message_builder import OscMessageBuilder

from latentart.live.session import Session, SessionSettings
from latentart.live.wire.encode import Picture
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from tests.layouts.random_stylegan2 import random_state


def tiny_file(folder: Path, name: str = "tiny", **shape: Any) -> Path:
    """A checkpoint of a few thousand random weights, as a file."""
    tensors, config = random_state(**{"resolution": 16, "z_dim": 16, "w_dim": 16, **shape})
    path = folder / f"{name}.safetensors"
    safe.write(path, Checkpoint(tensors, config, "", "random", name))
    return path


class House:
    """A running session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run)
        self.ready = threading.Event()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.session.run(lambda address: self.ready.set()))
        self.loop.close()

    @property
    def port(self) -> int:
        return self.session.http_port

    def get(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """(status, body) of a request; headers with '_' for '-'."""
        return self.ask(path, method, body, **headers)[:2]

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """(status, body, headers) of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def osc(self, address: str, *args: Any) -> None:
        """Sends one OSC message."""
        self.datagram(message(address, *args))

    def datagram(self, data: bytes) -> None:
        """Sends bytes to the OSC port."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(data, ("127.0.0.1", self.session.osc.port))

    def healthy(self) -> bool:
        """Whether pictures are being made now."""
        seen = self.session.supervisor.status.frame
        return wait_until(lambda: self.session.supervisor.status.frame > seen, 10)


def message(address: str, *args: Any) -> bytes:
    """One OSC message as bytes."""
    builder = OscMessageBuilder(address)
    for value in args:
        builder.add_arg(value)
    return builder.build().dgram


def wait_until(true: Callable[[], Any], seconds: float = 5.0) -> bool:
    """Whether it became true within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return bool(true())


@contextmanager
def open_house(settings: SessionSettings, *, play: bool = True, seconds: float = 60) -> Iterator[House]:
    """Opens a house, waits for its first picture, closes it. Without `play` there is one still and no renderer."""
    # Measuring the ways to draw would take longer than all tests.
    house = House(Session(replace(settings, engine=settings.engine or "eager")))
    if not play:
        house.session.supervisor.start = lambda audience: None  # type: ignore[method-assign]
        house.session.hub.picture = Picture(1, 1, 0, 0, 1, np.zeros((16, 16, 3), np.uint8))
    house.thread.start()
    try:
        assert house.ready.wait(10)
        assert wait_until(lambda: house.session.hub.picture is not None, seconds), house.session.fault
        yield house
    finally:
        house.loop.call_soon_threadsafe(house.session.stop)
        house.thread.join(15)
        assert not house.thread.is_alive()
