"""A take played again, away from the stage: every frame of it, none dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from latentart import provenance
from latentart.errors import SettingsError
from latentart.live.control.takes import Take
from latentart.live.play.directions import Directions, directions_of
from latentart.live.play.instrument import Instrument
from latentart.live.play.painter import Painter
from latentart.live.play.translating import Translators
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.pixels import Frame
from latentart.render.write import write
from latentart.sinks.sink import open_sink

log = logging.getLogger("latentart.live")


def perform(instrument: Instrument, event: Mapping[str, Any], G: Generator, directions: Directions) -> None:
    """Does one event of a journal; G and directions are the model that it names, if it names one."""
    if "do" in event:
        instrument.apply(event["do"])
    if "model" in event and G is not instrument.G:
        instrument.use_generator(G, directions)
    if "then" in event:
        instrument.slots.add_ready(event)
    if event.get("restore") is not None:
        state = instrument.state
        frame, rev = state.frame, state.rev
        instrument.restore(event["restore"])
        state.frame, state.rev = frame, rev


def without_rev(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event of another session, whose revisions mean nothing in this one."""
    if "do" not in event:
        return dict(event)
    return {**event, "do": {name: value for name, value in event["do"].items() if name != "rev"}}


def take_frames(
    G: Generator,
    take: Take,
    *,
    size: tuple[int, int] | None = None,
    start: int = 0,
    stop: int | None = None,
    only: str | None = None,
    open_model: Callable[[str], Generator] = load,
) -> Iterator[Frame]:
    """The pictures of a performance in order, uint8 [H, W, 3]; frame 0 is the take's first.

    G is the model that it starts with. size: (width, height). None is the size it was played at, and then, on the
    same device with as many threads, they are the pictures that were shown, bit for bit; at another size they are
    drawn in full precision. only: the engine's choice, by default the one it was played with, or the fastest.
    open_model finds the models it changes to.
    Raises SettingsError when G is not the model that was played, RouteError for a choice that cannot be had here.
    """
    if take.sha256 and G.sha256 and take.sha256 != G.sha256:
        raise SettingsError(f"this take was played on {take.network!r}, not {G.name!r}: give --network {take.network}")
    last = take.num_frames if stop is None else stop
    if not 0 <= start <= last <= take.num_frames:
        raise SettingsError(f"frames {start} to {last} are outside this take of {take.num_frames}")
    return _frames(take, range(start, last), Painters(take, G, size or take.size, only, open_model))


class Painters:
    """The painters of a take's models, each made when it is first needed."""

    def __init__(
        self, take: Take, G: Generator, size: tuple[int, int], only: str | None, open_model: Callable[[str], Generator]
    ) -> None:
        self.same = size == take.size
        self._size = size
        self._choices = take.models() if self.same and only is None else dict.fromkeys(take.models(), only)
        self._open, self._take = open_model, take
        self._models = {take.network: G}
        self._painters: dict[str, Painter] = {}
        self._translators = Translators(precision="live" if self.same else "master")
        self._directions: dict[str, Directions] = {}
        self._digests = take.directions()

    def model(self, name: str) -> Generator:
        """The generator of that name."""
        if name not in self._models:
            self._models[name] = self._open(self._take.source(name))
        return self._models[name]

    def directions(self, name: str) -> Directions:
        """The directions that the faders move latents along."""
        if name not in self._directions:
            self._directions[name] = directions_of(self.model(name), self._source(name))
            played = self._digests.get(name, "")
            if played and played != self._directions[name].digest:
                log.warning("the directions of %s are not those that were played: faders give other pictures", name)
        return self._directions[name]

    def _source(self, name: str) -> str:
        """Beside what directions are looked for: a model that came from elsewhere has those of its name."""
        try:
            return self._take.source(name)
        except SettingsError:
            return name

    def painter(self, name: str) -> Painter:
        """The painter that draws the recorded frames."""
        if name not in self._painters:
            precision = "live" if self.same else "master"
            self._painters[name] = Painter(
                self.model(name), self._size, self._choices[name], precision=precision, translators=self._translators
            )
        return self._painters[name]


def _frames(take: Take, wanted: range, painters: Painters) -> Iterator[Frame]:
    showing = take.network
    instrument = Instrument(painters.model(showing), take.fps, painters.directions(showing))
    instrument.restore(take.snapshot)
    instrument.state.frame = take.frame - 1
    for number in range(wanted.stop):
        for event in take.events.get(take.frame + number, ()):
            showing = event.get("model", showing)
            perform(instrument, event, painters.model(showing), painters.directions(showing))
        instrument.tick()
        # Frames that are not wanted cost a tick and no picture.
        if number in wanted:
            yield painters.painter(showing).paint(instrument.shot())[0]


def render_take(
    take: Take,
    target: str | Path,
    *,
    G: Generator,
    size: tuple[int, int] | None = None,
    only: str | None = None,
    overwrite: bool = False,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
    **options: Any,
) -> Path:
    """Renders a performance into a film and returns its file; see `take_frames`. Options go to the sink.

    Raises LatentartError; KeyboardInterrupt leaves a playable file of what was rendered.
    """
    frames = take_frames(G, take, size=size, only=only)
    # A film goes to others: it keeps no folders.
    facts = {name: value for name, value in take.facts.items() if name != "files"}
    played = {"network": take.network, "frames": take.num_frames, "size": list(size or take.size), **facts}
    checkpoint = {"name": G.name, "family": G.family, "sha256": G.sha256}
    settings = provenance.record(device=G.device, take=played, checkpoint=checkpoint)
    fps = Fraction(take.fps).limit_denominator(1001)
    sink = open_sink(target, fps=fps, settings=settings, overwrite=overwrite, **options)
    with as_played(take, size):
        return write(sink, frames, take.num_frames, on_frame).target


@contextmanager
def as_played(take: Take, size: tuple[int, int] | None = None) -> Iterator[None]:
    """As many threads as the take was played with, where its very pictures are wanted: sums depend on it."""
    before, played = torch.get_num_threads(), take.facts.get("threads")
    if size in (None, take.size) and isinstance(played, int):
        torch.set_num_threads(played)
    try:
        yield
    finally:
        torch.set_num_threads(before)
