"""One WebSocket connection: a mailbox of one picture, a window of credit, and the messages that control it.

A picture goes out only when the viewer has room in its window; until then a newer one takes its place. So nothing
that one viewer does can delay another, and what it costs in memory is bounded.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from latentart.errors import LatentartError, SettingsError
from latentart.live.web.flow_control import FlowControl
from latentart.live.web.hub import Hub
from latentart.live.wire import protocol
from latentart.live.wire.encode import LADDER, Level, Picture

log = logging.getLogger("latentart.live")

SUBSCRIPTIONS = ("frames", "params", "stats", "cues")
IDENTIFY_WITHIN = 10.0
PARK_AFTER, CLOSE_AFTER = 10.0, 30.0
"""Seconds without an ack: then one small picture a second, then the connection is closed."""
MESSAGES_PER_SECOND = 200
TRY_AGAIN, POLICY, TOO_BIG = 1013, 1008, 1009


class Viewer:
    """A connected panel, sketch or program: a `hub.Client`."""

    def __init__(self, hub: Hub, websocket: WebSocket) -> None:
        self.hub = hub
        self.websocket = websocket
        self.flow = FlowControl(1 / hub.fps)
        self.subscribed: set[str] = set()
        self.may_control = False
        self.max_fps = float("inf")
        self.halvings = 0
        self.dropped = 0
        self.closing: tuple[int, str] | None = None
        self._slot: Picture | None = None
        self._texts: deque[str] = deque(maxlen=128)
        self._changed: dict[str, Any] = {}
        self._wake = asyncio.Event()
        self._last_sent = 0.0
        self._allowance, self._allowed_at = float(MESSAGES_PER_SECOND), time.monotonic()

    @property
    def level(self) -> Level:
        """The quality that this viewer gets now."""
        level = LADDER[-2] if self.parked else self.flow.level
        return Level(level.quality, max(level.halvings, self.halvings), level.every)

    @property
    def parked(self) -> bool:
        """Whether the client has stopped acknowledging frames."""
        return self.flow.silent(time.monotonic()) > PARK_AFTER

    def offer(self, picture: Picture) -> None:
        """Puts a picture into the mailbox, in place of one that was not sent."""
        if "frames" in self.subscribed and picture.frame % self.level.every == 0:
            self.dropped += self._slot is not None
            self._slot = picture
            self._wake.set()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Queues a message; the oldest is lost when the viewer does not read."""
        self._texts.append(json.dumps(message))
        self._wake.set()

    def changed(self, values: Mapping[str, Any]) -> None:
        """Tells of new parameter values; the last of each counts."""
        if "params" in self.subscribed:
            self._changed |= values
            self._wake.set()

    @property
    def watches(self) -> Level | None:
        """The quality of the pictures that it gets; None when it wants none."""
        return self.level if "frames" in self.subscribed else None

    def beat(self, stats: Mapping[str, Any]) -> None:
        """Called twice a second with the statistics, for those who want them."""
        self.check_alive()
        if "stats" in self.subscribed:
            own = {"viewer_dropped": self.dropped, "quality": self.level.quality, "rtt": self.flow.round_trip}
            self.tell({"event": "stats", **stats, **own})

    def check_alive(self) -> None:
        """Parks and closes a viewer that does not answer."""
        silent = self.flow.silent(time.monotonic())
        if "frames" in self.subscribed and silent > CLOSE_AFTER:
            self.close(TRY_AGAIN, "no picture was acknowledged for too long: connect again")
        elif "frames" in self.subscribed and self.parked and time.monotonic() - self._last_sent > 1:
            self.flow.forget()
            self._wake.set()

    def close(self, code: int, reason: str) -> None:
        """Closes the WebSocket with a code and a reason."""
        self.closing = self.closing or (code, reason)
        self._wake.set()

    async def run(self) -> None:
        """Serves the WebSocket until one side closes it."""
        await self.websocket.accept(subprotocol=protocol.SUBPROTOCOL)
        self.tell(self.hub.hello())
        tasks = [asyncio.create_task(run()) for run in (self._read, self._write, self._expect_identify)]
        try:
            done, _ = await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (WebSocketDisconnect, OSError, RuntimeError) as error:
            # Starlette raises RuntimeError for a send after the other side has gone.
            log.debug("viewer left: %r", error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _expect_identify(self) -> None:
        await asyncio.sleep(IDENTIFY_WITHIN)
        if not self.subscribed and not self.may_control:
            self.close(POLICY, "no identify within 10 seconds: send it first")

    async def _write(self) -> None:
        while self.closing is None:
            await self._wake.wait()
            self._wake.clear()
            while (message := self._next()) is not None:
                if isinstance(message, bytes):
                    await self.websocket.send_bytes(message)
                else:
                    await self.websocket.send_text(message)
        await self._close()

    async def _close(self) -> None:
        code, reason = self.closing or (1000, "")
        try:
            await asyncio.wait_for(self.websocket.close(code, reason), timeout=2)
        except TimeoutError:
            log.debug("a viewer that does not read was left behind")

    def _next(self) -> str | bytes | None:
        """What to send now: messages first, they are small."""
        if self.closing is not None:
            return None
        if self._texts:
            return self._texts.popleft()
        if self._changed:
            values, self._changed = self._changed, {}
            return json.dumps({"event": "param", "values": values, "rev": self.hub.control.rev})
        return self._next_picture()

    def _next_picture(self) -> bytes | None:
        now = time.monotonic()
        # Half a frame of slack: clocks of 60 and 59.94 would beat.
        too_early = now - self._last_sent < 1 / self.max_fps - 0.5 / self.hub.fps
        if self._slot is None or not self.flow.free or too_early:
            return None
        picture, self._slot = self._slot, None
        self.flow.sent(picture.seq, now)
        self._last_sent = now
        return picture.message(self.level)

    async def _read(self) -> None:
        while self.closing is None:
            message = await self.websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not self._within_rate(message):
                continue
            if message.get("bytes") is not None:
                await self._take_picture(message["bytes"])
            else:
                self._take_text(message["text"])

    def _within_rate(self, message: Mapping[str, Any]) -> bool:
        """A bucket of messages; acks are paid by pictures and go free."""
        text = message.get("text") or ""
        if len(text) < 64 and '"ack"' in text:
            return True
        now = time.monotonic()
        refill = (now - self._allowed_at) * MESSAGES_PER_SECOND
        self._allowance = min(self._allowance + refill, MESSAGES_PER_SECOND)
        self._allowed_at = now
        if self._allowance < 1:
            self.hub.count("ws_over_rate")
            return False
        self._allowance -= 1
        return True

    async def _take_picture(self, message: bytes) -> None:
        try:
            self._require_control()
            await self.hub.receive_input(message)
            # Whoever sends waits for this, so that a busy server sees new pictures and not a queue of old ones.
            self.tell({"event": "input", "count": self.hub.inputs.count})
        except LatentartError as error:
            self._refuse(error, None)

    def _take_text(self, text: str) -> None:
        if len(text) > protocol.LONGEST_TEXT:
            self.close(TOO_BIG, f"a message has at most {protocol.LONGEST_TEXT} bytes")
            return
        ref = None
        try:
            message = protocol.parse(text)
            ref = message.get("id")
            reply = self._handler(message)(message)
            if reply is not None:
                self.tell({"op": f"{message['op']}.ok", "id": ref, **reply})
        except LatentartError as error:
            self._refuse(error, ref)

    def _refuse(self, error: LatentartError, ref: Any) -> None:
        self.hub.count("ws_refused")
        self.tell({"event": "error", "code": type(error).__name__, "msg": str(error)[:500], "ref": ref})

    def _handler(self, message: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Mapping[str, Any] | None]:
        handlers = {
            "identify": self._identify, "ack": self._ack, "ping": self._ping, "get": self._get, "set": self._set,
            "trigger": self._trigger, "list": self._list, "cues": self._cues,
        }  # fmt: skip
        op = message.get("op")
        if not isinstance(op, str) or op not in handlers:
            raise SettingsError(f"unknown op {str(op)[:40]!r}: use one of {', '.join(handlers)}")
        if not self.subscribed and not self.may_control and op != "identify":
            raise SettingsError("identify first: {'op': 'identify', 'token': ..., 'subscribe': ['frames', 'params']}")
        return handlers[op]

    def _identify(self, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if not self.hub.knows(message.get("token")):
            self.close(POLICY, "the token is wrong or missing")
            return None
        wanted = message.get("subscribe", ["frames", "params", "stats"])
        if not isinstance(wanted, list):
            raise SettingsError(f"subscribe is a list of {', '.join(SUBSCRIPTIONS)}")
        self.subscribed = {name for name in SUBSCRIPTIONS if name in wanted}
        self.may_control = message.get("role", "control") in ("control", "operator")
        self.max_fps = _positive(message.get("max_fps"), float("inf"))
        adapt = message.get("adapt") is not False
        self.flow = FlowControl(1 / self.hub.fps, int(_positive(message.get("window"), 2)), adapt=adapt)
        largest = _positive(message.get("max_size"), float("inf"))
        self.halvings = next((n for n in range(4) if max(self.hub.size) >> n <= largest), 3)
        self.hub.refresh_levels()
        if "frames" in self.subscribed and self.hub.picture is not None:
            self.offer(self.hub.picture)
        return self.hub.welcome()

    def _ack(self, message: Mapping[str, Any]) -> None:
        seq = message.get("seq")
        if isinstance(seq, int):
            before = self.flow.level
            self.flow.acked(seq, time.monotonic())
            self._wake.set()
            if self.flow.level != before:
                self.hub.refresh_levels()

    def _ping(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"t0": message.get("t0"), "t": int(time.monotonic() * 1e6)}

    def _get(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        names = message.get("names")
        values = self.hub.control.values()
        if not isinstance(names, list):
            return {"values": values, "rev": self.hub.control.rev}
        return {"values": {str(name): self.hub.control.value(str(name)) for name in names}, "rev": self.hub.control.rev}

    def _set(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        self._require_control()
        values = message.get("values")
        if not isinstance(values, dict):
            raise SettingsError("set needs values: {'op': 'set', 'values': {'psi': 0.8}}")
        got = self.hub.control.set(values, fade=message.get("fade", 0.0), at=message.get("at"))
        return {"values": got, "rev": self.hub.control.rev}

    def _trigger(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        self._require_control()
        self.hub.actions.fire(message.get("name"), message.get("args", []))
        return {"rev": self.hub.control.rev}

    def _list(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.hub.lists()

    def _cues(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        self._require_control()
        self.hub.actions.presets.write_cues(message.get("cues"))
        return self.hub.lists()

    def _require_control(self) -> None:
        if not self.may_control:
            raise SettingsError("this connection only watches: identify with role control")


def _positive(raw: Any, default: float) -> float:
    return float(raw) if isinstance(raw, (int, float)) and raw >= 1 else default
