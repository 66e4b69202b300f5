"""OSCQuery's LISTEN: a WebSocket that carries the values of the addresses that were asked for, as OSC messages.

    client  {"COMMAND": "LISTEN", "DATA": "/latentart/psi"}       text
    server  /latentart/psi 0.7                                    binary, one OSC message; again when it changes
    client  {"COMMAND": "IGNORE", "DATA": "/latentart/psi"}

https://github.com/Vidvox/OSCQueryProposal. Of values that change faster than the client reads, the newest is sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from latentart.errors import LatentartError, SettingsError
from latentart.live.control.params import TABLE
from latentart.live.osc import arguments
from latentart.live.osc.dispatch import addresses
from latentart.live.osc.sockets import packet
from latentart.live.wire import protocol
from latentart.live.wire.rates import Bucket

if TYPE_CHECKING:
    from latentart.live.web.hub import Hub

log = logging.getLogger("latentart.live")

MOST_PATHS = 512
COMMANDS_PER_SECOND = 600
_TARGETS = {path: target for path, target in addresses().items() if target.kind in ("param", "unit")}


class Listener:
    """One WebSocket connection of an OSCQuery client."""

    def __init__(self, hub: Hub, websocket: WebSocket) -> None:
        self.hub = hub
        self.websocket = websocket
        self.paths: dict[str, set[str]] = {}
        """Parameter -> addresses that are listened to."""
        self._due: dict[str, None] = {}
        """Addresses to send, in order; an address waits once."""
        self._wake = asyncio.Event()
        self._commands = Bucket(COMMANDS_PER_SECOND)

    async def run(self) -> None:
        """Serves the WebSocket until it closes."""
        await self.websocket.accept()
        self.hub.on_change.append(self.changed)
        tasks = [asyncio.create_task(run()) for run in (self._read, self._write)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (WebSocketDisconnect, OSError, RuntimeError) as error:
            # Starlette raises RuntimeError for a send after the other side has gone.
            log.debug("listener left: %r", error)
        finally:
            self.hub.on_change.remove(self.changed)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def changed(self, values: Mapping[str, Any]) -> None:
        """Parameters have new values."""
        for name in values:
            self._queue(self.paths.get(name, ()))

    def _queue(self, paths: Any) -> None:
        self._due.update(dict.fromkeys(paths))
        if self._due:
            self._wake.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                path = next(iter(self._due))
                del self._due[path]
                await self.websocket.send_bytes(self._message(path))

    def _message(self, path: str) -> bytes:
        target = _TARGETS[path]
        value, param = self.hub.control.value(target.name), TABLE[target.name]
        return packet(path, [param.to_unit(value)] if target.kind == "unit" else arguments.sent(param, value))

    async def _read(self) -> None:
        while True:
            message = await self.websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not self._commands.spend():
                self.hub.count("listen_over_rate")
                continue
            try:
                self._take(protocol.parse(message.get("text") or ""))
            except LatentartError as error:
                self.hub.count("listen_refused")
                await self.websocket.send_text(json.dumps({"COMMAND": "ERROR", "DATA": str(error)[:500]}))

    def _take(self, message: Mapping[str, Any]) -> None:
        commands = {"LISTEN": self._listen, "IGNORE": self._ignore}
        command, path = message.get("COMMAND"), message.get("DATA")
        if not isinstance(command, str) or command not in commands:
            raise SettingsError(f"unknown command {str(command)[:40]!r}: use LISTEN or IGNORE")
        if not isinstance(path, str) or path not in _TARGETS or TABLE[_TARGETS[path].name].kind == "vector":
            raise SettingsError(f"no value to listen to at {str(path)[:80]!r}: choose a parameter's address")
        commands[command](path)

    def _listen(self, path: str) -> None:
        if sum(map(len, self.paths.values())) >= MOST_PATHS:
            raise SettingsError(f"{MOST_PATHS} addresses are listened to already: IGNORE some")
        self.paths.setdefault(_TARGETS[path].name, set()).add(path)
        self._queue([path])

    def _ignore(self, path: str) -> None:
        self.paths.get(_TARGETS[path].name, set()).discard(path)
        self._due.pop(path, None)
