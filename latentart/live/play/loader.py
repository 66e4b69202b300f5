"""What is read while pictures go on: models and translators, warm before they are shown."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latentart.errors import LatentartError
from latentart.live.play.directions import Directions, directions_of
from latentart.live.play.instrument import Instrument
from latentart.live.play.painter import Painter
from latentart.live.play.slots import Size
from latentart.live.play.translating import PICTURES, Translators
from latentart.models.base import Generator
from latentart.models.load import load

log = logging.getLogger("latentart.live")

MODELS_KEPT = 3


@dataclass(frozen=True)
class RendererSettings:
    """Settings of a renderer's process."""

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
    pictures: str = str(PICTURES)
    """Folder of the pictures that networks for any style take theirs from."""
    inbox: str | None = None
    """Where pictures that come in are found."""


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to be shown."""

    G: Generator
    painter: Painter
    directions: Directions


def prepare(
    network: str, settings: RendererSettings, only: str | None = None, translators: Translators | None = None
) -> Loaded:
    """Loads and warms a model up; only: the engine's choice to take. Raises LatentartError."""
    source = settings.sources.get(network, network)
    G = load(source, settings.device)
    painter = Painter(G, settings.size, only, translators=translators)
    instrument = Instrument(G, 60.0)
    instrument.tick()
    painter.paint(instrument.shot())
    return Loaded(G, painter, directions_of(G, source))


@dataclass(frozen=True)
class Arrival:
    """The result of loading a model: the model or the error."""

    name: str
    model: Loaded | None = None
    ready: Mapping[str, Any] | None = None
    """The event of a translator."""
    fault: str = ""


@dataclass(frozen=True)
class Wish:
    """A model to change to. at_once: without waiting for a beat."""

    name: str
    at_once: bool = False


class Loader:
    """Models and translators by name; those that are asked for arrive.

    One thread reads them, one after another: the picture needs the processor. The newest wish for a model counts.
    """

    def __init__(self, settings: RendererSettings) -> None:
        """Loads the first model. Raises LatentartError."""
        self.settings = settings
        self.translators = Translators(settings.device, only=settings.only, pictures=Path(settings.pictures))
        self.models: dict[str, Loaded] = {}
        self.prepare(settings.network, settings.engine or settings.only)
        self.wish: Wish | None = None
        """The model to change to when it is here."""
        self.refused: set[tuple[str, Size]] = set()
        self._arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._jobs: queue.SimpleQueue[Callable[[], Arrival | None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._coming: dict[str, bool] = {}
        """Models that are being read or wait for it, and whether to read them even when another one is wished for."""
        self._reading = ""
        """The translator that is being read."""
        threading.Thread(target=self._work, daemon=True, name="latentart-loader").start()

    def prepare(self, name: str, choice: str | None) -> None:
        """Loads a model here and now. Raises LatentartError."""
        if name not in self.models:
            self.models[name] = prepare(name, self.settings, choice, self.translators)

    def load(self, name: str, swap: bool, at_once: bool = False) -> None:
        """A model will arrive; pictures go on while it is read. swap: to be changed to, instead of any other."""
        with self._lock:
            self.wish = Wish(name, at_once) if swap else self.wish
            if name in self.models:
                self._arrivals.put(Arrival(name, self.models[name]))
                return
            known = name in self._coming
            self._coming[name] = self._coming.get(name, False) or not swap
        if not known:
            self._jobs.put(lambda: self._fetch(name))

    def want(self, name: str, size: Size) -> None:
        """A translator will arrive, unless another one is being read."""
        if not self._reading:
            self._reading = name
            self._jobs.put(lambda: self._fetch_translator(name, size))

    @property
    def reading(self) -> list[str]:
        """Names of what is being read or waits for it."""
        with self._lock:
            return [*self._coming, *([self._reading] if self._reading else [])]

    def arrived(self) -> Arrival | None:
        """The next arrival, or None."""
        if self._arrivals.empty():
            return None
        arrival = self._arrivals.get()
        if arrival.ready is not None:
            self._reading = ""
            if arrival.fault:
                self.refused.add((arrival.name, arrival.ready["size"]))
        elif arrival.fault and self.wish is not None and self.wish.name == arrival.name:
            self.wish = None
        return arrival

    def keep(self, arrival: Arrival, needed: Collection[str]) -> None:
        """Takes a model in; the oldest that is not needed makes room, the first model never."""
        assert arrival.model is not None
        self.models[arrival.name] = arrival.model
        needed = {*needed, arrival.name, self.settings.network, *((self.wish.name,) if self.wish else ())}
        spare = [other for other in self.models if other not in needed]
        for other in spare[: max(0, len(self.models) - MODELS_KEPT)]:
            del self.models[other]

    def _work(self) -> None:
        while True:
            arrival = self._jobs.get()()
            if arrival is not None:
                self._arrivals.put(arrival)

    def _fetch(self, name: str) -> Arrival | None:
        """Reads a model, unless something else has been wished for since."""
        with self._lock:
            if not self._coming[name] and self.wish is not None and self.wish.name != name:
                del self._coming[name]
                return None
        try:
            arrival = Arrival(name, prepare(name, self.settings, self.settings.only, self.translators))
        except Exception as error:  # the border of a thread: the session that waits for the model is notified
            arrival = Arrival(name, fault=_fault(name, error))
        with self._lock:
            del self._coming[name]
        return arrival

    def _fetch_translator(self, name: str, size: Size) -> Arrival:
        try:
            return Arrival(name, ready=self.translators.open(name, size))
        except Exception as error:  # the same border: translators that wait behind this one would wait for ever
            return Arrival(name, ready={"size": size}, fault=_fault(name, error))


def _fault(name: str, error: Exception) -> str:
    """Why something could not be read, in one line; what is not the user's doing is logged whole."""
    if isinstance(error, LatentartError):
        return str(error)
    log.error("reading %s failed", name, exc_info=error)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
