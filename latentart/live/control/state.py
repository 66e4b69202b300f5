"""The control state on the frame clock: targets, smoothing, fades, the beat, and what waits for it.

Everything here is a function of the operations applied and the frame they were applied at, so a journal of them
repeats a performance exactly. An operation is a JSON object:

    {"set": {name: value, ...}, "rev": 7, "fade": 2.0, "at": "bar"}     targets; fade in seconds; at: when it begins
    {"set": {...}, "rev": 7, "at": "bar", "scene": true}                a preset or cue: only the newest waits
    {"resync": true, "rev": 8}                                          the bar begins at this frame ("beat": 16)
    {"stop": true, "rev": 9}                                            fades end where they are, nothing waits any more
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from latentart.live.control.params import QUANTISE, TABLE, Value, defaults

Operation = Mapping[str, Any]
HEARD = 0.25
"""Seconds that a level of sound counts for: an analyser that went away leaves silence, not its last loud moment."""
_SETTLED = 1e-5
"""Part of the range within which a smoothed value takes its target's."""


class State:
    """What every parameter is at the current frame. `values` are smoothed, `targets` are what was asked for."""

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.frame = -1
        self.rev = 0
        self.beat = 0.0
        self.phase = 0.0
        """Place in the walk's loop, 0..1."""
        self.boil = 0.0
        """Turns of the boiling noise."""
        self.held = 0
        """The last frame that was not frozen."""
        self.glide = 0.0
        """Seconds that a change of picture takes, as the last operation asked for."""
        self.targets: dict[str, Value] = defaults()
        self.values: dict[str, Value] = defaults()
        self.fades: dict[str, list[float]] = {}
        """Name -> [value at the start, frames done, frames in all]."""
        self.waiting: list[tuple[float, dict[str, Any]]] = []
        """(beat, operation), in the order they came."""
        self._moving: set[str] = set()
        self._heard: dict[str, int] = {}
        """Level of sound -> frame at which it was set."""

    @property
    def frozen(self) -> bool:
        """Whether the picture stands still."""
        return bool(self.values["master/freeze"])

    def number(self, name: str) -> float:
        """The smoothed value of a numeric parameter."""
        value = self.values[name]
        assert isinstance(value, (int, float)), name
        return value

    def apply(self, operation: Operation) -> None:
        """Takes an operation in, before the tick of the frame it belongs to.

        What waits for its beat is replaced by a newer command for the same parameter, a scene by the next one.
        """
        self.rev = max(self.rev, int(operation.get("rev", 0)))
        self._replace(operation)
        beats = QUANTISE.get(operation.get("at", "none"), 0)
        if beats:
            self.waiting.append((_next(self.beat, operation), dict(operation)))
        else:
            self._do(operation)

    def _replace(self, operation: Operation) -> None:
        values = operation.get("set", {})
        kept = []
        for due, waiting in self.waiting:
            rest = {name: value for name, value in waiting.get("set", {}).items() if name not in values}
            if rest and not (operation.get("scene") and waiting.get("scene")):
                kept.append((due, {**waiting, "set": rest}))
        self.waiting = kept

    def _count_from(self, beat: float) -> None:
        """Goes on counting beats from another number; what waits for a beat waits for the next one of the new count."""
        self.beat = beat
        self.waiting = [(min(due, _next(beat, waiting)), waiting) for due, waiting in self.waiting]

    def tick(self) -> None:
        """Goes on by one frame."""
        self.frame += 1
        self.beat += self.number("tempo/bpm") / 60 / self.fps
        due = [operation for beat, operation in self.waiting if beat <= self.beat]
        self.waiting = [entry for entry in self.waiting if entry[0] > self.beat]
        for operation in due:
            self._do(operation)
        self._fall_silent()
        for name in sorted(self._moving):
            # A frozen picture still fades to black.
            if name.startswith("master/") or not self.frozen:
                self._step(name)
        if not self.frozen:
            self._move()

    def _fall_silent(self) -> None:
        for name in [name for name, frame in self._heard.items() if self.frame - frame > HEARD * self.fps]:
            self._aim(name, 0.0, 0.0)
            del self._heard[name]

    def _move(self) -> None:
        self.held = self.frame
        if self.values["walk/play"]:
            speed = self.number("walk/speed") + self.number("react/speed") * self.number("audio/low")
            speed += self.number("react/kick") * self.number("audio/onset")
            self.phase = (self.phase + speed / self.number("walk/count") / self.fps) % 1.0
        self.boil = (self.boil + self.number("noise/speed") / self.fps) % 1.0

    def _do(self, operation: Operation) -> None:
        if operation.get("stop"):
            self._stop()
        if operation.get("resync"):
            self._count_from(float(operation.get("beat", 0.0)))
        fade = float(operation.get("fade", 0.0))
        values: Mapping[str, Any] = operation.get("set", {})
        for name, value in values.items():
            self._aim(name, tuple(value) if isinstance(value, list) else value, fade)
        if values:
            self.glide = fade or self.number("walk/glide")

    def _aim(self, name: str, value: Value, fade: float) -> None:
        param = TABLE[name]
        self.targets[name] = value
        self.fades.pop(name, None)
        if name.startswith("audio/") and value:
            self._heard[name] = self.frame
        if name == "walk/phase":
            self.phase = float(value) % 1.0  # type: ignore[arg-type]
        if param.kind != "float" or (fade <= 0 and param.smooth <= 0):
            self.values[name] = value
            self._moving.discard(name)
            return
        if fade > 0:
            self.fades[name] = [self.number(name), 0.0, float(max(1, round(fade * self.fps)))]
        self._moving.add(name)

    def _step(self, name: str) -> None:
        if name in self.fades:
            self._fade(name)
        else:
            self._follow(name)
        if self.values[name] == self.targets[name] and name not in self.fades:
            self._moving.discard(name)

    def _fade(self, name: str) -> None:
        fade = self.fades[name]
        fade[1] += 1
        target = self.targets[name]
        assert isinstance(target, (int, float)), name
        share = fade[1] / fade[2]
        if share >= 1:
            del self.fades[name]
        self.values[name] = target if share >= 1 else fade[0] + (target - fade[0]) * share

    def _follow(self, name: str) -> None:
        param, value, target = TABLE[name], self.number(name), self.targets[name]
        assert isinstance(target, (int, float)), name
        span = param.high - param.low
        if param.follow == "slew":
            reach = span / param.smooth / self.fps
            value += min(max(target - value, -reach), reach)
        else:
            value += (target - value) * -math.expm1(-1 / (param.smooth * self.fps))
        self.values[name] = target if abs(target - value) < _SETTLED * span else value

    def _stop(self) -> None:
        for name in [*self.fades, *self._moving]:
            self.targets[name] = self.values[name]
        self.fades, self.waiting, self._moving = {}, [], set()

    def snapshot(self) -> dict[str, Any]:
        """Everything, as JSON: `restore` of it goes on exactly from here."""
        return {
            "frame": self.frame, "rev": self.rev, "beat": self.beat, "glide": self.glide,
            "phase": self.phase, "boil": self.boil, "held": self.held,
            "targets": dict(self.targets), "values": dict(self.values),
            "fades": {name: list(fade) for name, fade in self.fades.items()},
            "waiting": list(self.waiting), "moving": sorted(self._moving),
            "heard": dict(self._heard),
        }  # fmt: skip

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Takes a snapshot's place. Parameters it does not know keep their defaults."""
        self.frame, self.rev, self.beat, self.glide = kept["frame"], kept["rev"], kept["beat"], kept["glide"]
        self.phase, self.boil, self.held = kept["phase"], kept["boil"], kept["held"]
        self.targets = defaults() | _known(kept["targets"])
        self.values = defaults() | _known(kept["values"])
        self.fades = {name: list(fade) for name, fade in _known(kept["fades"]).items()}
        self.waiting = [(float(beat), dict(operation)) for beat, operation in kept["waiting"]]
        self._moving = set(_known(dict.fromkeys(kept["moving"])))
        # Older takes have none.
        self._heard = dict(_known(kept.get("heard", {})))


def _next(beat: float, operation: Operation) -> float:
    """The first beat from `beat` on that an operation waits for."""
    beats = QUANTISE.get(operation.get("at", "none"), 0)
    return float(math.ceil(beat / beats) * beats) if beats else beat


def _known(found: Mapping[str, Any]) -> dict[str, Any]:
    # JSON has lists where the state has tuples.
    return {name: tuple(v) if TABLE[name].kind == "vector" else v for name, v in found.items() if name in TABLE}
