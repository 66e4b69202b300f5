"""The renderer's process: takes operations, ticks the frame clock, draws, puts frames into the ring.

It owns nothing that cannot be lost: its state goes out as a snapshot four times a second, and the parent starts
another one from the last snapshot and the operations since. Messages are JSON both ways.

    in:   {"do": [operation, ...]}  {"load": name, "swap": bool, "now": bool}  {"snapshot": true}  {"quit": true}
    out:  {"ready": {...}}  {"frame": n, ...}  {"skipped": n, "events": [event, ...]}
          {"loaded": name}  {"model": {...}}  {"refused": name, "why": text}
"""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections import deque
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

import torch

from latentart.engine import export_process
from latentart.errors import LatentartError
from latentart.live.control.controller import append
from latentart.live.control.params import QUANTISE
from latentart.live.control.takes import read_take
from latentart.live.play.instrument import Instrument
from latentart.live.play.loader import Loader, RendererSettings
from latentart.live.play.replay import perform, without_rev
from latentart.live.wire.inbox import Inbox, Incoming
from latentart.live.wire.protocol import BLACKOUT, KEY, REPEAT
from latentart.live.wire.ring import Ring
from latentart.pixels import Frame

SNAPSHOTS_PER_SECOND = 4
LONGEST_CATCH_UP = 10.0
"""Seconds: a machine that slept longer goes on from where it was instead of ticking through the time it lost."""


def main(connection: Connection, settings: RendererSettings) -> None:
    """Runs until it is asked to quit or until the parent is gone."""
    # Both reach the whole process group; the parent decides when this ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(settings.threads)
    # Pictures are drawn here all the time.
    export_process.always()
    try:
        Renderer(connection, settings).run()
    except LatentartError as error:
        # What can go wrong while playing is handled where it does; this is a start that failed.
        _send(connection, {"refused": settings.network, "why": str(error), "fatal": True})
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # The parent is gone: there is no one to report to.
        pass
    # A thread that reads a model may be in the middle of native code, which the interpreter's own end would abort.
    os._exit(0)


class Renderer:
    """The loop of the renderer's process."""

    def __init__(self, connection: Connection, settings: RendererSettings) -> None:
        self.connection = connection
        self.settings = settings
        self.loader = Loader(settings)
        self.models = self.loader.models
        self.showing = settings.network
        first = self.models[settings.network]
        self.instrument = Instrument(first.G, settings.fps, first.directions)
        if settings.snapshot is not None:
            self.instrument.restore(settings.snapshot)
        self.ring = Ring((settings.size[1], settings.size[0], 3), settings.ring)
        self.inbox = None if settings.inbox is None else Inbox(settings.inbox)
        self.incoming: Incoming | None = None
        self.swap: tuple[str, float] | None = None
        """The model to change to, and the beat to do so."""
        self.replayed_translators: set[str] = set()
        """Translators of the take that is replayed: its events state when each is ready."""
        self.replayed_models: set[str] = set()
        """Models of the take that is replayed."""
        self.replay_events = self._read_replay()
        self.instrument.state.frame = settings.frame - 1
        self.running = True
        self.dropped = 0
        self._clock = time.monotonic() - settings.frame / settings.fps
        self._snapshot_due = False
        self._fault = ""

    def run(self) -> None:
        """Frame after frame, each at its time."""
        _send(self.connection, {"ready": self._facts()})
        while self.running:
            frame = self._wait()
            self._catch_up(frame - 1)
            operations = self._receive()
            snapshot = self._snapshot(frame)
            events = [*self._replayed(frame), *self._arrive(), *({"do": operation} for operation in operations)]
            for event in events:
                self._perform(event)
            self._show(frame, snapshot, events)
        self.ring.close()
        if self.inbox is not None:
            self.inbox.close()

    def _read_replay(self) -> deque[tuple[int, dict[str, Any]]]:
        """The events of the take that is played, those after the state that this starts from."""
        if self.settings.replay is None:
            return deque()
        take = read_take(self.settings.replay)
        for name, choice in take.models().items():
            self.loader.prepare(name, choice)
            self.replayed_models.add(name)
        for name, size in take.translators():
            self.loader.translators.open(name, size)
            self.replayed_translators.add(name)
        begun = self.instrument.state.frame
        return deque((frame, event) for frame in sorted(take.events) for event in take.events[frame] if frame > begun)

    def _replayed(self, frame: int) -> list[dict[str, Any]]:
        found = []
        while self.replay_events and self.replay_events[0][0] <= frame:
            found.append(without_rev(self.replay_events.popleft()[1]))
        return found

    def _perform(self, event: Mapping[str, Any]) -> None:
        self.showing = event.get("model", self.showing)
        model = self.models[self.showing]
        perform(self.instrument, event, model.G, model.directions)
        if self.swap is not None and "resync" in event.get("do", {}):
            # The beat that it waits for may not come for long in the new count.
            self.swap = (self.swap[0], min(self.swap[1], self._next_beat()))
        if "model" in event:
            _send(self.connection, {"model": self._facts()})

    def _wait(self) -> int:
        """Sleeps until a frame is due and returns its number; numbers whose time has passed are skipped."""
        last, fps = self.instrument.state.frame, self.settings.fps
        now = time.monotonic() - self._clock
        if now - last / fps > LONGEST_CATCH_UP:
            self._clock += now - last / fps
            now = last / fps
        due = max(math.floor(now * fps), last + 1)
        time.sleep(max(0.0, due / fps - now))
        return due

    def _catch_up(self, frame: int) -> None:
        """Skipped frames still advance the clock, so the walk keeps its time."""
        while self.instrument.state.frame < frame:
            skipped = self.instrument.state.frame + 1
            events = self._replayed(skipped)
            for event in events:
                self._perform(event)
            if events:
                # A take of this session has them at their own frame.
                _send(self.connection, {"skipped": skipped, "events": events})
            self._tick_unseen()

    def _tick_unseen(self) -> None:
        self.dropped += 1
        try:
            self.instrument.tick()
        except LatentartError:
            # Reported at the next frame that is shown.
            return

    def _receive(self) -> list[dict[str, Any]]:
        """Operations that came since the last frame."""
        operations: list[dict[str, Any]] = []
        while self.connection.poll():
            message = json.loads(self.connection.recv_bytes())
            for operation in message.get("do", ()):
                append(operations, operation)
            if "load" in message:
                self.loader.load(message["load"], message["swap"], message.get("now", False))
            self._snapshot_due |= "snapshot" in message
            self.running &= "quit" not in message
        return operations

    def _snapshot(self, frame: int) -> dict[str, Any] | None:
        """The state before this frame's operations, several times a second and when asked for."""
        every = max(1, round(self.settings.fps / SNAPSHOTS_PER_SECOND))
        if frame % every and not self._snapshot_due:
            return None
        self._snapshot_due = False
        return {**self.instrument.snapshot(), "model": self.showing, **self._choice(self.showing)}

    def _arrive(self) -> list[dict[str, Any]]:
        """Takes in what was read: events of translators, and of a model when its beat has come."""
        events = []
        while (arrival := self.loader.arrived()) is not None:
            if arrival.fault:
                _send(self.connection, {"refused": arrival.name, "why": arrival.fault})
            elif arrival.ready is not None:
                events.append(dict(arrival.ready))
                _send(self.connection, {"loaded": arrival.name})
            else:
                self.loader.keep(arrival, {self.showing, *self.replayed_models})
                _send(self.connection, {"loaded": arrival.name})
                self._arm(arrival.name)
        if self.swap is not None and self.instrument.state.beat >= self.swap[1]:
            name, self.swap, self.loader.wish = self.swap[0], None, None
            events += [{"model": name, **self._choice(name)}] if name != self.showing else []
        return events

    def _arm(self, name: str) -> None:
        """Changes to a model on the next beat if it is the one that was asked for last."""
        wish = self.loader.wish
        if wish is not None and wish.name == name:
            self.swap = (name, 0.0 if wish.at_once else self._next_beat())

    def _want(self) -> None:
        """Asks for a translator that is named and not here yet."""
        slots, state, size = self.instrument.slots, self.instrument.state, self.instrument.size
        name = slots.missing(
            state, size, {*self.replayed_translators, *(n for n, s in self.loader.refused if s == size)}
        )
        if name is not None:
            self.loader.want(name, size)

    def _next_beat(self) -> float:
        state = self.instrument.state
        beats = QUANTISE[str(state.values["tempo/quantise"])]
        return math.ceil(state.beat / beats) * beats if beats else 0.0

    def _show(self, frame: int, snapshot: dict[str, Any] | None, events: list[dict[str, Any]]) -> None:
        begun = time.monotonic()
        picture, again = self._draw()
        self.ring.write(frame, picture)
        done = time.monotonic()
        state = self.instrument.state
        flags = KEY | (REPEAT if again else 0) | (BLACKOUT if state.values["master/blackout"] else 0)
        message: dict[str, Any] = {
            "frame": frame, "rev": state.rev, "t": int(done * 1e6), "flags": flags, "ms": (done - begun) * 1e3,
            "dropped": self.dropped, "beat": state.beat, "phase": state.phase, "model": self.showing,
            "reading": self.loader.reading, "armed": bool(state.waiting) or self.swap is not None,
        }  # fmt: skip
        if events:
            message["events"] = events
        if snapshot is not None:
            message["snapshot"] = snapshot
        _send(self.connection, message)

    def _draw(self) -> tuple[Frame, bool]:
        """The next picture; the last one for a state that cannot be drawn: latents may come from anywhere."""
        painter = self.models[self.showing].painter
        try:
            self.instrument.tick()
            incoming = self._came_in()
            self._want()
            drawn = painter.paint(self.instrument.shot(), incoming)
            self._fault = ""
        except LatentartError as error:
            if str(error) != self._fault:
                _send(self.connection, {"fault": str(error)})
            self._fault = str(error)
            drawn = painter.last(), True
        return drawn

    def _came_in(self) -> Incoming | None:
        """The picture that takes the generator's place, the newest one unless the session is frozen."""
        state = self.instrument.state
        playing = state.values["source"] == "input"
        if playing and self.inbox is not None and not (state.frozen and self.incoming):
            self.incoming = self.inbox.newest(after=self.incoming.number if self.incoming else 0) or self.incoming
        shown = self.incoming if playing else None
        self.instrument.incoming = None if shown is None else (shown.frame.shape[1], shown.frame.shape[0])
        return shown

    def _facts(self) -> dict[str, Any]:
        G = self.models[self.showing].G
        facts = {
            "model": self.showing,
            "device": str(G.device),
            "classes": list(G.class_names),
            "c_dim": G.c_dim,
            "family": G.family,
            "z_dim": G.z_dim,
            "w_dim": G.w_dim,
            "num_ws": G.num_ws,
        }
        names = self.models[self.showing].directions.names
        directions = {"directions": len(names), "direction_names": list(names)}
        return {**self._choice(self.showing), **facts, **directions, "choice": self.models[self.showing].painter.words}

    def _choice(self, name: str) -> dict[str, str]:
        """What has to be the same for a take to give the same pictures."""
        loaded = self.models[name]
        directions = loaded.directions.digest
        return {"sha256": loaded.G.sha256, "engine": loaded.painter.choice, "directions": directions}


def _send(connection: Connection, message: Mapping[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())
