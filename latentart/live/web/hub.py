"""The server's middle: pictures and news from the supervisor's thread to all viewers, on the event loop."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from latentart import __version__
from latentart.errors import LatentartError, SettingsError
from latentart.live.control import params
from latentart.live.control.actions import Actions
from latentart.live.control.controller import Control
from latentart.live.control.params import TABLE
from latentart.live.control.takes import Events, Takes
from latentart.live.web.connections import Client, Connections
from latentart.live.web.inputs import Inputs, Shape
from latentart.live.wire.encode import BEST, Level, Picture
from latentart.live.wire.protocol import SUBPROTOCOL

log = logging.getLogger("latentart.live")

MOST_VIEWERS = 32
ECHO_EVERY = 1 / 30
STATS_EVERY = 0.5


class Hub:
    """Knows the viewers and what they are shown. Implements the supervisor's `Audience`."""

    def __init__(
        self, control: Control, actions: Actions, takes: Takes, *, fps: float, size: tuple[int, int],
        connections: Connections | None = None,
    ) -> None:  # fmt: skip
        """fps, size (width, height): those of the pictures."""
        connections = connections or Connections()
        self.control, self.actions, self.takes = control, actions, takes
        self.fps, self.size = fps, size
        self.token, self.status, self.maps = connections.token, connections.status, connections.maps
        self.outlets, self.translators = list(connections.outlets), list(connections.translators)
        self.inputs = Inputs(connections.pass_on)
        self.on_change, self.on_news = list(connections.on_change), list(connections.on_news)
        self.on_stats, self.counters = list(connections.on_stats), list(connections.counters)
        self.viewers: set[Client] = set()
        self.picture: Picture | None = None
        self.counts: Counter[str] = Counter()
        self.facts: dict[str, Any] = {}
        """Facts of the model, as the renderer reports them."""
        self.listening = 0
        """OSCQuery programs that listen."""
        self.session = secrets.token_hex(4)
        self._listed = (actions.presets.revision, actions.presets.place)
        self._streams = 0
        self._fresh = asyncio.Condition()
        self._levels: tuple[Level, ...] = ()
        self._events: asyncio.AbstractEventLoop | None = None

    # From the supervisor's thread.

    def levels(self) -> Iterable[Level]:
        """The encoding levels that viewers watch."""
        return self._levels

    def show(self, picture: Picture) -> None:
        """A new picture for all."""
        for outlet in self.outlets:
            outlet.offer(picture.pixels)
        self._soon(self._offer, picture)

    def report(self, news: Mapping[str, Any]) -> None:
        """A model is ready, was refused, the renderer died."""
        self._soon(self._tell, news)

    def passed(self, frame: int, events: Events) -> None:
        """A frame went by."""
        self.takes.passed(frame, events)

    def begin(self, frame: int, snapshot: Mapping[str, Any]) -> None:
        """The state before a frame, for a take that waits to start."""
        self.takes.begin(frame, snapshot)

    def _soon(self, call: Callable[..., None], *args: Any) -> None:
        events = self._events
        if events is None or events.is_closed():
            return
        try:
            events.call_soon_threadsafe(call, *args)
        except RuntimeError:
            # The loop closed in between: the session is over.
            log.debug("a picture came after the end")

    # On the event loop.

    async def run(self) -> None:
        """Echo and statistics until cancelled."""
        self._events = asyncio.get_running_loop()
        count = 0
        while True:
            await asyncio.sleep(ECHO_EVERY)
            changes = self.control.changes()
            if changes:
                self._echo(changes)
            self._show_lists()
            count += 1
            if count % round(STATS_EVERY / ECHO_EVERY) == 0:
                self._beat()
            if count % round(1 / ECHO_EVERY) == 0:
                for listener in self.on_stats:
                    listener(self.stats())

    def _echo(self, changes: Mapping[str, Any]) -> None:
        # Whoever streams latents does not want them back, and no panel shows them.
        changes = {name: value for name, value in changes.items() if TABLE[name].kind != "vector"}
        for viewer in self.viewers:
            viewer.changed(changes)
        for listener in self.on_change:
            listener(changes)

    def _show_lists(self) -> None:
        """Tells all viewers of presets and cues that one of them has kept: {'event': 'lists', ...}."""
        presets = self.actions.presets
        if self._listed != (presets.revision, presets.place):
            self._listed = (presets.revision, presets.place)
            try:
                lists = self.lists()
            except LatentartError as error:
                # A damaged list of cues on the disk.
                log.error("%s", error)
                return
            for viewer in self.viewers:
                viewer.tell({"event": "lists", **lists})

    def _beat(self) -> None:
        stats = self.stats()
        for viewer in list(self.viewers):
            viewer.beat(stats)

    def _offer(self, picture: Picture) -> None:
        self.picture = picture
        for viewer in self.viewers:
            viewer.offer(picture)
        if self._streams:
            task = asyncio.ensure_future(self._notify())
            task.add_done_callback(lambda done: done.exception())

    async def _notify(self) -> None:
        async with self._fresh:
            self._fresh.notify_all()

    def _tell(self, news: Mapping[str, Any]) -> None:
        facts = news.get("ready") or news.get("model")
        if facts:
            self.facts = dict(facts)
        if facts and "z_dim" in facts:
            self.control.fit(facts)
        # What ends the evening is told by the session, once.
        if "refused" in news and not news.get("fatal"):
            log.error("cannot load %s: %s", news["refused"], news["why"])
        if "fault" in news:
            log.error("%s", news["fault"])
        for viewer in self.viewers:
            viewer.tell({"event": "news", **news})
        for listener in self.on_news:
            listener(news)

    def join(self, viewer: Client) -> None:
        """Takes a viewer in. Raises SettingsError when the house is full."""
        if len(self.viewers) >= MOST_VIEWERS:
            raise SettingsError(f"there are {MOST_VIEWERS} viewers already: close one")
        self.viewers.add(viewer)

    def leave(self, viewer: Client) -> None:
        """Forgets a viewer."""
        self.viewers.discard(viewer)
        self.refresh_levels()

    def refresh_levels(self) -> None:
        """Updates the set of encoding levels that viewers watch."""
        wanted = {level for viewer in self.viewers if (level := viewer.watches)}
        if self._streams:
            wanted.add(BEST)
        self._levels = tuple(wanted)

    async def pictures(self) -> Any:
        """Yields JPEG frames for /mjpeg, each time the newest."""
        self._streams += 1
        self.refresh_levels()
        try:
            seen = -1
            while True:
                picture = self.picture
                if picture is not None and picture.seq != seen:
                    seen = picture.seq
                    yield picture.jpeg()
                    continue
                async with self._fresh:
                    await self._fresh.wait()
        finally:
            self._streams -= 1
            self.refresh_levels()

    @property
    def crowded(self) -> bool:
        """Whether the limit of MJPEG viewers is reached."""
        return self._streams >= MOST_VIEWERS

    async def receive_input(self, message: bytes) -> None:
        """A picture sent by a browser. Raises SettingsError, PictureError."""
        shorter, mirror = (self.control.value(f"input/{name}") for name in ("size", "mirror"))
        await asyncio.to_thread(self.inputs.receive, message, Shape(self.size, int(shorter), bool(mirror)))  # type: ignore[arg-type]

    def knows(self, token: Any) -> bool:
        """Whether this is the token, compared in constant time."""
        if self.token is None:
            return True
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self.token.encode())

    def count(self, what: str) -> None:
        """One more of something that is reported in the statistics."""
        self.counts[what] += 1

    def hello(self) -> dict[str, Any]:
        """The first message to anyone."""
        return {
            "event": "hello", "proto": SUBPROTOCOL, "server": __version__, "session": self.session,
            "auth": self.token is not None,
        }  # fmt: skip

    def welcome(self) -> dict[str, Any]:
        """The answer to `identify`: parameters, values, lists and statistics."""
        state = {"values": self.control.values(), "rev": self.control.rev, "stats": self.stats()}
        picture = {"size": list(self.size), "fps": self.fps, "model": self.facts}
        return {**state, **picture, "schema": params.schema(), **self.lists()}

    def lists(self) -> dict[str, Any]:
        """What can be chosen from by name."""
        presets = self.actions.presets
        cues = [{"preset": cue.preset, "fade": cue.fade, "at": cue.at} for cue in presets.cues()]
        return {
            "models": self.actions.models.names(), "presets": presets.names(), "cues": cues, "cue": presets.place,
            "translators": self.translators,
        }  # fmt: skip

    def stats(self) -> dict[str, Any]:
        """Statistics of the session: frame rate, delays and viewers."""
        status = self.status
        return {
            "fps": round(status.fps, 1), "render_ms": round(status.ms, 2), "frame": status.frame,
            "dropped": status.dropped, "restarts": status.restarts, "alive": status.alive, "model": status.model,
            "viewers": len(self.viewers), "beat": round(status.beat, 3), "phase": round(status.phase, 5),
            "loading": list(status.reading), "armed": status.armed,
            "recording": self.takes.recording, "cue": self.actions.presets.place, "counts": self._counts(),
            **{name: self.facts[name] for name in ("z_dim", "w_dim", "num_ws") if name in self.facts},
        }  # fmt: skip

    def _counts(self) -> dict[str, int]:
        found = dict(self.counts)
        for counter in self.counters:
            found |= counter()
        return found
