"""The renderer's process: takes operations, ticks the frame clock, draws, puts frames into the ring.

It owns nothing that cannot be lost: its state goes out as a snapshot four times a second, and the parent starts
another one from the last snapshot and the operations since. Messages are JSON both ways.

    in:   {"do": [operation, ...]}  {"load": name, "swap": bool}  {"snapshot": true}  {"quit": true}
    out:  {"ready": {...}}  {"frame": n, ...}  {"loaded": name}  {"model": {...}}  {"refused": name, "why": text}
"""

from __future__ import annotations

import json
import math
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import torch

from latentart.errors import LatentartError
from latentart.live.control import append
from latentart.live.handles import Handles, handles
from latentart.live.instrument import Instrument
from latentart.live.painter import Painter
from latentart.live.params import QUANTISE
from latentart.live.performance import perform, without_rev
from latentart.live.protocol import BLACKOUT, KEY, REPEAT
from latentart.live.ring import Ring
from latentart.live.takes import read_take
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.pixels import Frame

SNAPSHOTS_PER_SECOND = 4
MODELS_KEPT = 3
LONGEST_CATCH_UP = 10.0
"""Seconds: a machine that slept longer goes on from where it was instead of ticking through the time it lost."""


@dataclass(frozen=True)
class Stage:
    """What a renderer is started with."""

    network: str
    fps: float
    size: tuple[int, int]
    ring: str
    threads: int
    device: str | None = None
    only: str | None = None
    """The engine's choice for every model, None the fastest for each."""
    engine: str | None = None
    """Its choice for the first model, where that was made before."""
    frame: int = 0
    """The first frame to show."""
    snapshot: Mapping[str, Any] | None = None
    replay: str | None = None
    """A take to play from `snapshot` on."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Name -> file, for models that are no cards."""


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to be shown."""

    G: Generator
    painter: Painter
    directions: Handles


def prepare(network: str, stage: Stage, only: str | None = None) -> Loaded:
    """Loads and warms a model up; only: the engine's choice to take. Raises LatentartError."""
    source = stage.sources.get(network, network)
    G = load(source, stage.device)
    painter = Painter(G, stage.size, only)
    instrument = Instrument(G, 60.0)
    instrument.tick()
    painter.paint(instrument.shot())
    return Loaded(G, painter, handles(G, source))


def main(connection: Connection, stage: Stage) -> None:
    """Runs until told to quit or until the parent is gone."""
    # Both reach the whole process group; the parent decides when this ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(stage.threads)
    try:
        Renderer(connection, stage).run()
    except LatentartError as error:
        # What can go wrong while playing is handled where it does; this is a start that failed.
        _send(connection, {"refused": stage.network, "why": str(error), "fatal": True})
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # The parent is gone: nobody is left to tell.
        return


class Renderer:
    """The loop of the renderer's process."""

    def __init__(self, connection: Connection, stage: Stage) -> None:
        self.connection = connection
        self.stage = stage
        self.models = {stage.network: prepare(stage.network, stage, stage.engine or stage.only)}
        self.arrivals: queue.SimpleQueue[tuple[str, bool, Loaded | str]] = queue.SimpleQueue()
        self.showing = stage.network
        first = self.models[stage.network]
        self.instrument = Instrument(first.G, stage.fps, first.directions)
        if stage.snapshot is not None:
            self.instrument.restore(stage.snapshot)
        self.ring = Ring((stage.size[1], stage.size[0], 3), stage.ring)
        self.swap: tuple[str, float] | None = None
        """The model to change to, and the beat to do so."""
        self.score = self._read_score()
        self.instrument.state.frame = stage.frame - 1
        self.running = True
        self.dropped = 0
        self._clock = time.monotonic() - stage.frame / stage.fps
        self._snapshot_due = False
        self._fault = ""

    def run(self) -> None:
        """Frame after frame, each at its time."""
        _send(self.connection, {"ready": self._facts()})
        while self.running:
            frame = self._wait()
            self._catch_up(frame - 1)
            operations = self._take_messages()
            snapshot = self._snapshot(frame)
            events = [*self._scored(frame), *self._arrive(), *({"do": operation} for operation in operations)]
            for event in events:
                self._perform(event)
            self._show(frame, snapshot, events)
        self.ring.close()

    def _read_score(self) -> deque[tuple[int, dict[str, Any]]]:
        """The events of the take that is played, those after the state that this starts from."""
        if self.stage.replay is None:
            return deque()
        take = read_take(self.stage.replay)
        for name, choice in take.models().items():
            if name not in self.models:
                self.models[name] = prepare(name, self.stage, choice)
        begun = self.instrument.state.frame
        return deque((frame, event) for frame in sorted(take.events) for event in take.events[frame] if frame > begun)

    def _scored(self, frame: int) -> list[dict[str, Any]]:
        found = []
        while self.score and self.score[0][0] <= frame:
            found.append(without_rev(self.score.popleft()[1]))
        return found

    def _perform(self, event: Mapping[str, Any]) -> None:
        self.showing = event.get("model", self.showing)
        model = self.models[self.showing]
        perform(self.instrument, event, model.G, model.directions)
        if "model" in event:
            _send(self.connection, {"model": self._facts()})

    def _wait(self) -> int:
        """Sleeps until a frame is due and returns its number; numbers whose time has passed are skipped."""
        last, fps = self.instrument.state.frame, self.stage.fps
        now = time.monotonic() - self._clock
        if now - last / fps > LONGEST_CATCH_UP:
            self._clock += now - last / fps
            now = last / fps
        due = max(math.floor(now * fps), last + 1)
        time.sleep(max(0.0, due / fps - now))
        return due

    def _catch_up(self, frame: int) -> None:
        """Frames that nobody will see still pass: the walk is where the clock says."""
        while self.instrument.state.frame < frame:
            for event in self._scored(self.instrument.state.frame + 1):
                self._perform(event)
            self._tick_unseen()

    def _tick_unseen(self) -> None:
        self.dropped += 1
        try:
            self.instrument.tick()
        except LatentartError:
            # Told at the next frame that is seen.
            return

    def _take_messages(self) -> list[dict[str, Any]]:
        """Operations that came since the last frame."""
        operations: list[dict[str, Any]] = []
        while self.connection.poll():
            message = json.loads(self.connection.recv_bytes())
            for operation in message.get("do", ()):
                append(operations, operation)
            if "load" in message:
                self._load(message["load"], message["swap"])
            self._snapshot_due |= "snapshot" in message
            self.running &= "quit" not in message
        return operations

    def _snapshot(self, frame: int) -> dict[str, Any] | None:
        """The state before this frame's operations, several times a second and when asked for."""
        every = max(1, round(self.stage.fps / SNAPSHOTS_PER_SECOND))
        if frame % every and not self._snapshot_due:
            return None
        self._snapshot_due = False
        return {**self.instrument.snapshot(), "model": self.showing, **self._choice(self.showing)}

    def _load(self, name: str, swap: bool) -> None:
        if name in self.models:
            self.arrivals.put((name, swap, self.models[name]))
            return
        # Pictures go on while a model is read; it is shown when it is warm.
        threading.Thread(target=self._fetch, args=(name, swap), daemon=True).start()

    def _fetch(self, name: str, swap: bool) -> None:
        try:
            self.arrivals.put((name, swap, prepare(name, self.stage, self.stage.only)))
        except LatentartError as error:
            self.arrivals.put((name, swap, str(error)))

    def _arrive(self) -> list[dict[str, Any]]:
        """Takes loaded models in and changes to one when its beat has come."""
        while not self.arrivals.empty():
            name, swap, found = self.arrivals.get()
            if isinstance(found, str):
                _send(self.connection, {"refused": name, "why": found})
                continue
            self._keep(name, found)
            _send(self.connection, {"loaded": name})
            if swap:
                self.swap = (name, self._next_beat())
        if self.swap is None or self.instrument.state.beat < self.swap[1]:
            return []
        name, self.swap = self.swap[0], None
        return [{"model": name, **self._choice(name)}] if name != self.showing else []

    def _keep(self, name: str, loaded: Loaded) -> None:
        self.models[name] = loaded
        spare = [other for other in self.models if other not in (name, self.showing)]
        for other in spare[: max(0, len(self.models) - MODELS_KEPT)]:
            del self.models[other]

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
            drawn = painter.paint(self.instrument.shot())
            self._fault = ""
        except LatentartError as error:
            if str(error) != self._fault:
                _send(self.connection, {"fault": str(error)})
            self._fault = str(error)
            drawn = painter.last(), True
        return drawn

    def _facts(self) -> dict[str, Any]:
        G = self.models[self.showing].G
        facts = {"model": self.showing, "device": str(G.device), "classes": list(G.class_names), "c_dim": G.c_dim}
        names = self.models[self.showing].directions.names
        handled = {"directions": len(names), "direction_names": list(names)}
        return {**self._choice(self.showing), **facts, **handled, "choice": self.models[self.showing].painter.words}

    def _choice(self, name: str) -> dict[str, str]:
        """What has to be the same for a take to give the same pictures."""
        loaded = self.models[name]
        handled = loaded.directions.digest
        return {"sha256": loaded.G.sha256, "engine": loaded.painter.choice, "directions": handled}


def _send(connection: Connection, message: Mapping[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())
