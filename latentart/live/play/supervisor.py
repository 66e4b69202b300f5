"""Keeps a renderer running: starts its process, feeds it, takes its frames, and starts another when it dies.

Three threads' worth of rules: the newest frame wins and older ones are dropped; operations go out as they come,
at most every few milliseconds; a renderer that dies or hangs is replaced with its state while viewers keep what
they see.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from latentart.live.control.controller import Control
from latentart.live.control.params import defaults
from latentart.live.play import renderer
from latentart.live.play.loader import RendererSettings
from latentart.live.play.slots import without_ready
from latentart.live.play.status import Audience, RendererStatus
from latentart.live.wire.encode import Picture
from latentart.live.wire.inbox import Inbox
from latentart.live.wire.protocol import BLACKOUT, REPEAT
from latentart.live.wire.ring import Ring
from latentart.pixels import Frame

log = logging.getLogger("latentart.live")

SILENCE = 10.0
"""Seconds without a word after which a living renderer is taken for stuck: on a machine with ten times too much to do
it can be silent for half of that. One that died is noticed at once."""
START = 300.0
"""Seconds to load the first model, and on a new machine to measure how to draw it."""
FEED_EVERY = 0.004
CRASHES, CRASH_SECONDS = 3, 60.0


class Supervisor:
    """A renderer that does not stay dead."""

    audience: Audience
    """Who takes what the renderer makes; known from `start` on."""

    def __init__(self, settings: RendererSettings, control: Control) -> None:
        """settings: as for the renderer, without its ring, which is made here."""
        self.ring = Ring((settings.size[1], settings.size[0], 3))
        self.inbox = Inbox()
        """Where pictures that a browser sends are put."""
        self.settings = replace(settings, ring=self.ring.name, inbox=self.inbox.name)
        self.control = control
        self.status = RendererStatus(model=settings.network)
        """Kept up to date; read it from anywhere."""
        self.picture: Picture | None = None
        self._lit: Frame | None = None
        """The last picture that was not blacked out."""
        self._shown = 0
        self._sent: deque[dict[str, Any]] = deque(maxlen=4096)
        self._snapshot: Mapping[str, Any] | None = settings.snapshot
        self._wish: dict[str, Any] | None = None
        """The model that was asked for last, as the message that asked."""
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        self._times: deque[float] = deque(maxlen=120)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._played = False
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._supervise, self._feed)]

    def start(self, audience: Audience) -> None:
        """Starts the renderer and the threads that look after it."""
        self.audience = audience
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the renderer; the ring is gone afterwards."""
        self._stopping.set()
        self.send({"quit": True})
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5)
        self.ring.close()
        self.inbox.close()

    def load(self, name: str, *, swap: bool, now: bool = False) -> None:
        """Has a model read and, when `swap`, changed to: on the next beat that presets wait for, or `now`.

        A renderer that dies on the way there does not lose the wish.
        """
        message = {"load": name, "swap": swap, "now": now}
        self._wish = message if swap else self._wish
        self.send(message)

    @property
    def chosen(self) -> str:
        """Name of the model that plays, or is on its way."""
        return self.status.model if self._wish is None else str(self._wish["load"])

    def send(self, message: Mapping[str, Any]) -> None:
        """Sends a message to the renderer; it is lost without one."""
        with self._lock:
            if self._connection is None:
                return
            try:
                self._connection.send_bytes(json.dumps(message).encode())
            except OSError:
                # Its death is noticed and handled where frames are read.
                self._connection = None

    def _feed(self) -> None:
        while not self._stopping.is_set():
            if not self.status.alive:
                time.sleep(0.02)
                continue
            operations = self.control.pop(timeout=0.25)
            if operations:
                self._sent.extend(operations)
                self.send({"do": operations})
                time.sleep(FEED_EVERY)

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            ours, theirs = multiprocessing.get_context("spawn").Pipe()
            process = multiprocessing.get_context("spawn").Process(
                target=renderer.main, args=(theirs, self._next_settings()), daemon=True, name="latentart-renderer"
            )
            process.start()
            theirs.close()
            self.status.pid = process.pid
            self._listen(ours)
            self._end(process, ours)

    def _next_settings(self) -> RendererSettings:
        """What the next renderer starts from: where the last one was."""
        if self.status.restarts and self._snapshot is not None:
            # Translators are read again while pictures go on; their events record that in takes.
            self._snapshot = without_ready(self._snapshot)
        settings = replace(self.settings, snapshot=self._snapshot, frame=self.status.frame + 1)
        if self._snapshot is not None:
            settings = replace(settings, network=self._snapshot["model"], engine=self._snapshot["engine"])
        if self.status.restarts:
            model = {"model": settings.network, "engine": settings.engine}
            self.audience.passed(settings.frame, [model, {"restore": self._snapshot}])
        return settings

    def _listen(self, connection: Connection) -> None:
        """Takes messages until the renderer is silent, gone, or asked to stop."""
        heard = time.monotonic()
        while not self._stopping.is_set():
            try:
                if connection.poll(0.1):
                    heard = time.monotonic()
                    self._receive(connection)
            except (EOFError, OSError):
                return
            if time.monotonic() - heard > (SILENCE if self.status.alive else START):
                log.error("the renderer has been silent for %.0f s: starting another", time.monotonic() - heard)
                return
            if not self.status.alive:
                self._stand_in()

    def _receive(self, connection: Connection) -> None:
        """All messages that are there; of several frames only the newest is shown."""
        newest = None
        while True:
            message = json.loads(connection.recv_bytes())
            if "frame" in message:
                newest = message
                self._note(message)
            elif "skipped" in message:
                self.audience.passed(message["skipped"], message["events"])
            elif "ready" in message:
                self._ready(connection, message)
            else:
                self._report(message)
            if not connection.poll():
                break
        if newest is not None:
            self._show(newest)

    def _note(self, message: Mapping[str, Any]) -> None:
        if "snapshot" in message:
            self._snapshot = message["snapshot"]
            state = message["snapshot"]["state"]
            while self._sent and self._sent[0]["rev"] <= state["rev"]:
                self._sent.popleft()
            if not state["waiting"]:
                self.control.adopt({name: _value(value) for name, value in state["targets"].items()}, state["rev"])
            self.audience.begin(message["frame"], message["snapshot"])
        self.audience.passed(message["frame"], message.get("events", []))
        self._times.append(time.monotonic())
        status, times = self.status, self._times
        status.fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
        status.frame, status.ms, status.model = message["frame"], message["ms"], message["model"]
        status.dropped, status.beat, status.phase = message["dropped"], message["beat"], message["phase"]
        status.reading, status.armed = tuple(message["reading"]), message["armed"]

    def _show(self, message: Mapping[str, Any]) -> None:
        pixels = self.ring.read(message["frame"])
        if pixels is None:
            # Overwritten while it was on its way: a newer one is about to come.
            return
        if not message["flags"] & BLACKOUT:
            self._lit = pixels
        self._publish(pixels, message["frame"], message["rev"], message["t"], message["flags"])

    def _publish(self, pixels: Frame, frame: int, rev: int, t_us: int, flags: int) -> None:
        self._shown += 1
        picture = Picture(self._shown, frame, rev, t_us, flags, pixels)
        for level in self.audience.levels():
            picture.message(level)
        self.picture = picture
        self.audience.show(picture)

    def _stand_in(self) -> None:
        """While there is no renderer: the last picture, or black where that was asked for."""
        black = bool(self.control.value("master/blackout"))
        last = self.picture
        if last is None or bool(last.flags & BLACKOUT) == black:
            return
        pixels = np.zeros_like(last.pixels) if black or self._lit is None else self._lit
        flags = REPEAT | (BLACKOUT if black else 0)
        self._publish(pixels, last.frame, self.control.rev, int(time.monotonic() * 1e6), flags)

    def _ready(self, connection: Connection, message: Mapping[str, Any]) -> None:
        with self._lock:
            self._connection = connection
        # What was sent after the snapshot died with the last renderer.
        if self._sent:
            self.send({"do": list(self._sent)})
        if self._wish is not None:
            self.send(self._wish)
        self._times.clear()
        self.status.alive = self._played = True
        self.audience.report(message)

    def _report(self, message: Mapping[str, Any]) -> None:
        if message.get("fatal") and not self._played:
            self._stopping.set()
        if self._wish is not None and message.get("refused") == self._wish["load"]:
            self._wish = None
        # A renderer that cannot start again is one that died: it is tried again, then with the first model.
        fatal = {"fatal": bool(message.get("fatal")) and not self._played}
        self.audience.report({**message, **fatal})

    def _end(self, process: multiprocessing.process.BaseProcess, connection: Connection) -> None:
        with self._lock:
            self._connection = None
        self.status.alive = False
        process.join(timeout=2 if self._stopping.is_set() else 0)
        if process.is_alive():
            process.kill()
            process.join(timeout=5)
        connection.close()
        if not self._stopping.is_set():
            self._count_crash()

    def _count_crash(self) -> None:
        now = time.monotonic()
        self.status.restarts += 1
        self._crashes.append(now)
        log.error("the renderer died: starting another from frame %d", self.status.frame + 1)
        self.audience.report({"died": self.status.restarts})
        # A model that cannot be loaded must not be asked for a hundred times a second.
        self._stopping.wait(0.1 if len(self._crashes) < CRASHES else 1.0)
        if len(self._crashes) == CRASHES and now - self._crashes[0] < CRASH_SECONDS:
            log.error("%d deaths in %.0f s: back to the first model and the safe parameters", CRASHES, CRASH_SECONDS)
            self._snapshot = self._wish = None
            self._sent.clear()
            self.control.panic(defaults())


def _value(found: Any) -> Any:
    # JSON has lists where parameters have tuples.
    return tuple(found) if isinstance(found, list) else found
