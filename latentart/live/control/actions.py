"""What every button does, behind every door: OSC, WebSocket, panel and keys call the same functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from latentart import seeds
from latentart.errors import SettingsError, unknown
from latentart.live.control.controller import Control, check_fade
from latentart.live.control.params import ACTIONS, Value, defaults
from latentart.live.control.presets import Cue, Presets, between
from latentart.live.control.tempo import Taps
from latentart.live.wire.names import choose

SAFE: Mapping[str, Value] = {name: value for name, value in defaults().items() if name != "tempo/bpm"} | {
    "walk/play": False
}
"""What panic returns to: a still, ordinary, visible picture. The tempo is the music's."""


class Models(Protocol):
    """Where models are named and asked for."""

    def names(self) -> list[str]:
        """Names that may be asked for."""
        ...

    def load(self, name: str, *, swap: bool) -> None:
        """Has the renderer load a model, and change to it when `swap`."""
        ...

    def chosen(self) -> str:
        """Name of the model that plays, or is on its way."""
        ...

    def restore(self) -> None:
        """Changes to the first model, at once."""
        ...


class Recorder(Protocol):
    """Where takes are written."""

    def start(self, name: str | None) -> None:
        """Starts a take. Raises SettingsError."""
        ...

    def stop(self) -> None:
        """Stops the recording and closes the file."""
        ...

    def mark(self, text: str) -> None:
        """Leaves a mark."""
        ...


class Learner(Protocol):
    """Assigns MIDI controllers to parameters."""

    def learn(self, name: str) -> None:
        """Assigns the next MIDI controller that moves to this parameter."""
        ...


class Actions:
    """Every action of `params.ACTIONS`, by name."""

    def __init__(
        self, control: Control, presets: Presets, models: Models, recorder: Recorder, midi: Learner | None = None
    ) -> None:
        """midi: what learns controllers, where a MIDI port is open."""
        self.control = control
        self.presets = presets
        self.models = models
        self.recorder = recorder
        self.midi = midi
        self._taps = Taps()
        self._random = seeds.stream(time.time_ns() % seeds.LARGEST)
        self._table: dict[str, Callable[..., None]] = {
            "seed/next": lambda: self._seed(1),
            "seed/prev": lambda: self._seed(-1),
            "seed/random": lambda: self._set({"seed": int(self._random.randint(2**31))}),
            "tempo/tap": self._tap,
            "tempo/resync": lambda: control.push(resync=True),
            "preset/store": lambda name: presets.store(name, control.values(), models.chosen()),
            "preset/recall": self._recall,
            "preset/remove": lambda name: presets.remove(name),
            "preset/morph": self._morph,
            "cue/go": lambda: self._cue(presets.step(1)),
            "cue/at": lambda which: self._cue(presets.jump(which)),
            "cue/back": lambda: self._cue(presets.step(-1)),
            "cue/stop": lambda: control.push(stop=True),
            "model/load": lambda name: models.load(choose("model", name, models.names()), swap=True),
            "model/preload": lambda name: models.load(choose("model", name, models.names()), swap=False),
            "rec/start": lambda name=None: recorder.start(name),
            "rec/stop": recorder.stop,
            "rec/mark": lambda text="": recorder.mark(text),
            "midi/learn": self._learn,
            "master/panic": self._panic,
        }

    def fire(self, name: Any, args: Any = ()) -> None:
        """Does the action. Raises SettingsError for an unknown one or arguments that it does not take."""
        action = ACTIONS.get(name) if isinstance(name, str) else None
        if action is None:
            raise SettingsError(unknown("action", str(name)[:64], ACTIONS))
        self._table[action.name](*check_arguments(action.name, action.args, args))

    def _learn(self, name: str) -> None:
        if self.midi is None:
            raise SettingsError("no MIDI port is open: start with --midi")
        self.midi.learn(name)

    def _set(self, values: Mapping[str, Any]) -> None:
        self.control.set(values, at=self._quantise())

    def _quantise(self) -> str:
        return str(self.control.value("tempo/quantise"))

    def _seed(self, by: int) -> None:
        seed = self.control.value("seed")
        assert isinstance(seed, int)
        self._set({"seed": (seed + by) % (seeds.LARGEST + 1)})

    def _tap(self) -> None:
        first, bpm = self._taps.tap(time.monotonic())
        if bpm is not None:
            self.control.set({"tempo/bpm": bpm})
        if first:
            self.control.push(resync=True)

    def _panic(self) -> None:
        self.control.panic(SAFE)
        self.models.restore()

    def _recall(self, name: str, fade: float = 0.0) -> None:
        self._play(name, self.presets.recall(name), check_fade(fade), self._quantise())

    def _morph(self, one: str, two: str, share: float) -> None:
        inside = min(max(share, 0.0), 1.0)
        mixed = between(self.presets.recall(one), self.presets.recall(two), inside)
        self._play(two if inside >= 0.5 else one, mixed, 0.0, "none")

    def _cue(self, cue: Cue) -> None:
        at = cue.at if cue.at != "none" else self._quantise()
        self._play(cue.preset, self.presets.recall(cue.preset), cue.fade, at)

    def _play(self, preset: str, values: Mapping[str, Value], fade: float, at: str) -> None:
        """Goes to the values, and to the model of a preset. Raises SettingsError, and then does neither."""
        model = self.presets.model(preset)
        if model and model != self.models.chosen():
            self.models.load(choose("model", model, self.models.names()), swap=True)
        self.control.write(values, fade=fade, at=at, scene=True)


def check_arguments(name: str, wanted: str, given: Any) -> list[Any]:
    """Arguments of the types `wanted` ('s|f'); more than that are left out. Raises SettingsError."""
    if not isinstance(given, (list, tuple)):
        raise SettingsError(f"{name} takes a list of arguments, not {str(given)[:40]!r}")
    needed, _, optional = wanted.partition("|")
    if len(given) < len(needed):
        raise SettingsError(f"{name} takes {len(needed)} arguments, {len(given)} given")
    kinds = {"s": str, "f": (int, float)}
    taken = list(given[: len(needed) + len(optional)])
    for value, tag in zip(taken, needed + optional, strict=False):
        if not isinstance(value, kinds[tag]) or isinstance(value, bool):  # type: ignore[arg-type]
            raise SettingsError(f"{name} takes {'a text' if tag == 's' else 'a number'} here, not {str(value)[:40]!r}")
    return taken
