"""A live session: everything that `latentart live` runs, built and closed in order."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from latentart import pixels, rate
from latentart.errors import SettingsError
from latentart.live.control.actions import Actions
from latentart.live.control.controller import Control
from latentart.live.control.link import follow
from latentart.live.control.midi import MidiMap, open_port
from latentart.live.control.presets import Presets
from latentart.live.control.takes import Take, Takes, read_take
from latentart.live.osc import oscquery
from latentart.live.osc.sockets import Osc
from latentart.live.outputs import open_output
from latentart.live.outputs._mailbox import Outlet
from latentart.live.outputs._output import extra
from latentart.live.play.loader import RendererSettings
from latentart.live.play.supervisor import Supervisor
from latentart.live.play.translating import offered
from latentart.live.web import server
from latentart.live.web.access import origin_of
from latentart.live.web.connections import Connections, Listener
from latentart.live.web.hub import Hub
from latentart.live.web.maps import ModelMaps
from latentart.live.wire import hosts
from latentart.live.wire.hosts import LOCAL
from latentart.models.load import names as generators
from latentart.weights import cards, describe
from latentart.weights.open import open_checkpoint

log = logging.getLogger("latentart.live")

FADE_OUT = 0.4
"""Seconds of the last fade: a session does not end with a cut."""


@dataclass(frozen=True)
class SessionSettings:
    """Settings of a live session."""

    network: str = "landscapes-256"
    host: str = "127.0.0.1"
    http_port: int = 8317
    osc_port: int = 9317
    osc_out_port: int = 9318
    token: str | None = None
    size: tuple[int, int] | None = None
    fps: float = 60.0
    device: str | None = None
    threads: int | None = None
    engine: str | None = None
    record: Path | None = None
    replay: Path | None = None
    allow_origins: tuple[str, ...] = ()
    allow_osc: tuple[str, ...] = ()
    folder: Path = Path("live")
    """Presets, cues and takes."""
    sketches: Path | None = None
    outputs: tuple[str, ...] = ()
    """Names of `live.outputs`."""
    midi: str | None = None
    """How the name of a MIDI input begins, '' for the first."""
    link: bool = False
    """Whether to follow Ableton Link."""


class Models:
    """The models that may be asked for by name."""

    def __init__(self, first: str, supervisor: Supervisor) -> None:
        """first: name of the model that the session starts with; supervisor: runs the renderer that loads them."""
        self.first, self._supervisor = first, supervisor

    def names(self) -> list[str]:
        """The generators that have cards, and the model that the session was started with."""
        return sorted({*generators(), self.first})

    def load(self, name: str, *, swap: bool) -> None:
        """Asks the renderer."""
        self._supervisor.load(name, swap=swap)

    def chosen(self) -> str:
        """Name of the model that plays, or is on its way."""
        return self._supervisor.chosen

    def restore(self) -> None:
        """Changes to the first model, at once."""
        self._supervisor.load(self.first, swap=True, now=True)


class Session:
    """A live session: control, renderer, web server and OSC, built and connected."""

    def __init__(self, settings: SessionSettings, on_news: Listener = lambda news: None) -> None:
        """on_news is called with news of the renderer. Raises SettingsError, WeightsError for what cannot work."""
        self.settings = check(settings)
        take = None if settings.replay is None else read_take(settings.replay)
        size = take.size if take else settings.size or native_size(settings.network)
        renderer = _renderer_settings(settings, size, take)
        self.fault = ""
        """Why the session ended by itself, '' if it did not."""
        self._leaving = False
        self.control = Control()
        files = {name: str(Path(path).resolve()) for name, path in renderer.sources.items()}
        facts = {
            "fps": settings.fps,
            "size": list(size),
            "threads": renderer.threads,
            **({"files": files} if files else {}),
        }
        self.takes = Takes(settings.folder / "takes", facts)
        outlets, translators = self._outlets(size), offered(settings.folder / "styles")
        with ExitStack() as undo:
            self._http = hosts.listen(settings.host, settings.http_port, "--http-port", hosts.stream)
            undo.callback(hosts.close, self._http)
            self.http_port: int = self._http[0].getsockname()[1]
            self.supervisor = Supervisor(renderer, self.control)
            # The renderer's shared memory would be left behind by what fails from here on.
            undo.callback(self.supervisor.stop)
            self.models = Models(_named(settings.network)[0], self.supervisor)
            midi = None if settings.midi is None else MidiMap(self.control, settings.folder)
            presets = Presets(settings.folder / "presets")
            self.actions = Actions(self.control, presets, self.models, self.takes, midi)
            self._midi: Any = midi and open_port(settings.midi or "", midi, self.actions.fire)
            self.osc = Osc(
                self.control, self.actions, host=settings.host, port=settings.osc_port,
                out_port=settings.osc_out_port, allow=settings.allow_osc,
                translators=[each["name"] for each in translators],
            )  # fmt: skip
            undo.pop_all()
        connections = self._connections(renderer.sources, outlets, translators, on_news)
        self.hub = Hub(self.control, self.actions, self.takes, fps=settings.fps, size=size, connections=connections)

    def _connections(
        self, sources: Mapping[str, str], outlets: Sequence[Outlet], translators: Sequence[Mapping[str, Any]],
        on_news: Listener,
    ) -> Connections:  # fmt: skip
        folder = self.settings.folder
        return Connections(
            token=self.settings.token,
            status=self.supervisor.status,
            pass_on=self.supervisor.inbox.put,
            outlets=outlets,
            translators=translators,
            maps=ModelMaps(folder / "maps", sources),
            on_change=[self.osc.echo],
            on_news=[self._heard, on_news],
            on_stats=[self.osc.status],
            counters=[self.osc.counts],
        )

    async def run(self, on_ready: Callable[[str], None] = lambda address: None) -> None:
        """Runs until cancelled or stopped; on_ready is called with the panel's address."""
        tasks: list[asyncio.Task[None]] = []
        try:
            self._begin()
            tasks.append(asyncio.create_task(self.hub.run()))
            if self.settings.link:
                tasks.append(asyncio.create_task(follow(self.control)))
            on_ready(self.address)
            await self.server.serve(sockets=self._http)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.to_thread(self.close)

    def _begin(self) -> None:
        """Starts what runs beside the server. Raises LatentartError."""
        info = oscquery.host_info(self.osc.port, self.http_port, hosts.reachable(self.settings.host))
        app = server.make_app(
            self.hub, host=self.settings.host, sketches=self.settings.sketches,
            allow_origins=self.settings.allow_origins, host_info=info,
        )  # fmt: skip
        self.server = server.make_server(app, self.settings.host, self.http_port, self.leave)
        if self.settings.record is not None:
            self.takes.start_in(self.settings.record)
        self.osc.start()
        self.supervisor.start(self.hub)

    def _outlets(self, size: tuple[int, int]) -> list[Outlet]:
        """Outputs beside the browser; a missing package is reported before anything starts."""
        if self.settings.link:
            extra("aalink", "Ableton Link", "link")
        return [Outlet(open_output(name, size, self.settings.fps)) for name in self.settings.outputs]

    @property
    def address(self) -> str:
        """HTTP address of the control panel."""
        token = f"?token={quote(self.settings.token, safe='')}" if self.settings.token else ""
        return f"http://{hosts.shown(self.settings.host, self._http)}:{self.http_port}/{token}"

    def _heard(self, news: Mapping[str, Any]) -> None:
        if news.get("fatal"):
            self.fault = str(news["why"])
            self.server.should_exit = True
        for kind in ("why", "fault"):
            if kind in news:
                self.osc.tell("/latentart/error", str(news[kind]))

    def leave(self) -> None:
        """Fades out, then ends `run`; called again, ends it at once."""
        if self._leaving or not self.supervisor.status.alive:
            self.server.should_exit = True
            return
        self._leaving = True
        self.control.set({"master/fade": 0.0}, fade=FADE_OUT)
        asyncio.get_running_loop().call_later(FADE_OUT + 0.1, self.stop)

    def stop(self) -> None:
        """Ends the session: `run` returns."""
        self.server.should_exit = True

    def close(self) -> None:
        """Ends renderer, take and OSC."""
        hosts.close(self._http)
        self.takes.stop()
        self.osc.stop()
        self.supervisor.stop()
        if self.hub.maps is not None:
            self.hub.maps.close()
        for outlet in self.hub.outlets:
            outlet.close()
        if self._midi is not None:
            self._midi.close()


def _named(network: str) -> tuple[str, dict[str, str]]:
    """A model's name for viewers, and name -> file where it has no card: what viewers see is never a path."""
    return (network, {}) if network in cards.names() else (Path(network).stem, {Path(network).stem: network})


def _renderer_settings(chosen: SessionSettings, size: tuple[int, int], take: Take | None) -> RendererSettings:
    """Settings of the renderer's process; take: the one to replay."""
    before = take.facts.get("threads") if take else None
    threads = chosen.threads or before or max(1, (os.cpu_count() or 2) - 1)
    first, sources = _named(chosen.network)
    renderer = RendererSettings(
        first, chosen.fps, size, "", threads, chosen.device, chosen.engine, sources=sources,
        pictures=str(chosen.folder / "styles"),
    )  # fmt: skip
    if take is None:
        return renderer
    # Revisions count within one session.
    begun = {**take.snapshot, "state": {**take.snapshot["state"], "rev": 0}}
    return replace(
        renderer, network=take.network, engine=chosen.engine or take.models()[take.network], fps=take.fps,
        frame=take.frame, snapshot=begun, replay=str(chosen.replay),
        sources={**{name: take.source(name) for name in take.files if name not in sources}, **sources},
    )  # fmt: skip


def check(settings: SessionSettings) -> SessionSettings:
    """Returns the settings, or raises SettingsError for those that would be unsafe or cannot be."""
    if settings.host not in LOCAL and not settings.token:
        raise SettingsError(
            f"--host {settings.host} lets other machines in: give a --token of 8 characters or more that they must know"
        )
    if settings.token is not None and len(settings.token) < 8:
        raise SettingsError(f"a token of {len(settings.token)} characters is guessed quickly: give 8 or more")
    if settings.osc_port and settings.osc_port == settings.osc_out_port:
        raise SettingsError(
            f"--osc-port and --osc-out-port are both {settings.osc_port}: echo would come in again for ever, choose two"
        )
    for origin in settings.allow_origins:
        origin_of(origin)
    rate.fps(settings.fps)
    if settings.size is not None:
        pixels.check_size(settings.size)
    return settings


def native_size(network: str) -> tuple[int, int]:
    """(width, height) of a model's images in pixels. Raises WeightsError, SettingsError."""
    found = describe.resolution(open_checkpoint(network))
    if found is None:
        raise SettingsError(f"{network!r} does not state the size of its images: give --size")
    return found[::-1]
