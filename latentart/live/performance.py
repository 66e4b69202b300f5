"""A take played again, away from the stage: every frame of it, none dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from latentart.errors import SettingsError
from latentart.live.instrument import Instrument
from latentart.live.painter import Painter
from latentart.live.takes import Take
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.pixels import Frame


def perform(instrument: Instrument, event: Mapping[str, Any], G: Generator) -> None:
    """Does one event of a journal; G is the generator that it names, if it names one."""
    if "do" in event:
        instrument.apply(event["do"])
    if "model" in event and G is not instrument.G:
        instrument.take_generator(G)
    if event.get("restore") is not None:
        frame = instrument.state.frame
        instrument.restore(event["restore"])
        instrument.state.frame = frame


def without_rev(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event of another evening, whose revisions mean nothing in this one."""
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

    G is the model that it starts with. size: (width, height), None is the size it was played at; at that size, on
    the same device with the same number of threads, they are the pictures that were shown, bit for bit.
    only: the engine's choice, by default the one it was played with; open_model finds the models it changes to.
    Raises SettingsError when G is not the model that was played, RouteError for a choice that cannot be had here.
    """
    if take.sha256 and G.sha256 and take.sha256 != G.sha256:
        raise SettingsError(f"this take was played on {take.network!r}, not {G.name!r}: give --network {take.network}")
    last = take.num_frames if stop is None else stop
    if not 0 <= start <= last <= take.num_frames:
        raise SettingsError(f"frames {start} to {last} are outside this take of {take.num_frames}")
    choices = dict.fromkeys(take.models(), only) if only else take.models()
    return _frames(G, take, size or take.size, range(start, last), choices, open_model)


def _frames(
    G: Generator,
    take: Take,
    size: tuple[int, int],
    wanted: range,
    choices: Mapping[str, str | None],
    open_model: Callable[[str], Generator],
) -> Iterator[Frame]:
    models = {take.network: G}
    painters = {take.network: Painter(G, size, choices[take.network])}
    instrument, showing = Instrument(G, take.fps), take.network
    instrument.restore(take.snapshot)
    instrument.state.frame = take.frame - 1
    for number in range(wanted.stop):
        for event in take.events.get(take.frame + number, ()):
            showing = event.get("model", showing)
            if showing not in models:
                models[showing] = open_model(showing)
                painters[showing] = Painter(models[showing], size, choices[showing])
            perform(instrument, event, models[showing])
        instrument.tick()
        # Frames that are not wanted cost a tick and no picture.
        if number in wanted:
            yield painters[showing].paint(instrument.shot())[0]
