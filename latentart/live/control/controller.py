"""What was asked for, by whomever: the one place that OSC, WebSocket and keyboard write to.

It owns the targets; the renderer only follows. Operations gather here between two frames: the last value of a
parameter wins, so a flood of messages costs the renderer one.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from latentart.errors import SettingsError, unknown
from latentart.live.control import params
from latentart.live.control.params import QUANTISE, Value

MOST_WAITING = 1024
LONGEST_FADE = 600.0
LATENTS = ("latent/z", "latent/w")
"""Vectors that mode latent plays: the newest of them counts."""


class Control:
    """Targets of all parameters, and operations that have not gone to the renderer yet. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready = threading.Condition(self._lock)
        self._values: dict[str, Value] = params.defaults()
        self._pending: list[dict[str, Any]] = []
        self._changed: dict[str, Value] = {}
        self._lengths: dict[str, tuple[int, ...]] = {}
        """How many numbers each vector may have; any number before the model is known."""
        self.rev = 0
        self.refused = 0

    def values(self) -> dict[str, Value]:
        """Returns a copy of all target values, by parameter name."""
        with self._lock:
            return dict(self._values)

    def value(self, name: str) -> Value:
        """One target. Raises SettingsError."""
        params.find(name)
        with self._lock:
            return self._values[name]

    def set(self, raw: Mapping[str, Any], *, fade: float = 0.0, at: str | None = None) -> dict[str, Value]:
        """Sets parameters together: all of them show in the same frame. Returns the values they got, clamped.

        fade: seconds; at: 'none', 'beat', 'bar', '2bar', '4bar'. Raises SettingsError, and then sets none.
        """
        checked = {name: self.check(name, value) for name, value in raw.items()}
        self.write(checked, fade=check_fade(fade), at=check_quantise(at))
        return checked

    def check(self, name: str, raw: Any) -> Value:
        """`raw` as a value of that parameter, for the model that plays. Raises SettingsError."""
        value = params.find(name).check(raw)
        lengths = self._lengths.get(name)
        if lengths and value and len(value) not in lengths:  # type: ignore[arg-type]
            wanted = " or ".join(map(str, lengths))
            raise SettingsError(f"{name} takes {wanted} numbers for the model that plays, not {len(value)}")  # type: ignore[arg-type]
        return value

    def fit(self, model: Mapping[str, Any]) -> None:
        """Learns how long the latents of a model are; those of another length are dropped.

        model: facts with z_dim, w_dim and num_ws.
        """
        w_dim = model["w_dim"]
        self._lengths = {"latent/z": (model["z_dim"],), "latent/w": (w_dim, model["num_ws"] * w_dim)}
        values = self.values()
        wrong = {name for name, lengths in self._lengths.items() if len(values[name]) not in (0, *lengths)}  # type: ignore[arg-type]
        if wrong:
            self.write({name: () for name in wrong})

    def write(self, values: Mapping[str, Value], *, fade: float = 0.0, at: str = "none", scene: bool = False) -> None:
        """Sets values that were checked already. scene: they take the place of a scene that waits for its beat."""
        values = newest(values)
        with self._lock:
            self.rev = (self.rev + 1) & 0xFFFFFFFF
            self._values |= values
            self._changed |= values
            operation = {"set": dict(values), "rev": self.rev, "fade": fade, "at": at}
            self._queue(operation | ({"scene": True} if scene else {}))

    def push(self, **operation: Any) -> None:
        """Hands an operation other than a set to the renderer."""
        with self._lock:
            self.rev = (self.rev + 1) & 0xFFFFFFFF
            self._queue({**operation, "rev": self.rev})

    def panic(self, safe: Mapping[str, Value]) -> None:
        """Drops whatever waits, stops fades and walks, and sets the safe values at once."""
        with self._lock:
            self._pending.clear()
        self.push(stop=True)
        self.write(safe)

    def adopt(self, targets: Mapping[str, Any], rev: int) -> None:
        """Takes the renderer's targets where they differ and nothing newer is under way: after a stopped fade."""
        with self._lock:
            if rev != self.rev or self._pending:
                return
            differing = {name: value for name, value in targets.items() if self._values.get(name) != value}
            self._values |= differing
            self._changed |= differing

    def pop(self, timeout: float) -> list[dict[str, Any]]:
        """Operations for the renderer, [] when none came within `timeout` seconds."""
        with self._ready:
            if not self._pending:
                self._ready.wait(timeout)
            found, self._pending = self._pending, []
            return found

    def changes(self) -> dict[str, Value]:
        """Targets that changed since the last call, for those who listen."""
        with self._lock:
            found, self._changed = self._changed, {}
            return found

    def _queue(self, operation: dict[str, Any]) -> None:
        if len(self._pending) < MOST_WAITING or _joins(self._pending, operation):
            append(self._pending, operation)
        else:
            self.refused += 1
        self._ready.notify()


def append(operations: list[dict[str, Any]], operation: dict[str, Any]) -> None:
    """Adds an operation at the end: into the last one when both only set values, the later value winning."""
    if _joins(operations, operation):
        operations[-1]["set"] |= operation["set"]
        operations[-1]["rev"] = operation["rev"]
    else:
        operations.append(operation)


def _joins(operations: list[dict[str, Any]], operation: Mapping[str, Any]) -> bool:
    last = operations[-1] if operations else {}
    return "set" in last and "set" in operation and _plain(last) and _plain(operation)


def _plain(operation: Mapping[str, Any]) -> bool:
    return not operation.get("fade") and operation.get("at", "none") == "none" and "scene" not in operation


def newest(values: Mapping[str, Value]) -> Mapping[str, Value]:
    """The values, with a latent that is set clearing the other one; of two the later stays."""
    given = [name for name in values if name in LATENTS and values[name]]
    return {**values, **{name: () for name in LATENTS if name != given[-1]}} if given else values


def check_fade(seconds: Any) -> float:
    """Returns a fade's length, or raises SettingsError."""
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST_FADE:
        raise SettingsError(f"a fade takes 0 to {LONGEST_FADE:.0f} seconds, not {str(seconds)[:40]!r}")
    return float(seconds)


def check_quantise(at: Any) -> str:
    """Returns the name of a beat to wait for, 'none' for None, or raises SettingsError."""
    if at is None:
        return "none"
    if not isinstance(at, str) or at not in QUANTISE:
        raise SettingsError(unknown("beat", str(at)[:40], QUANTISE))
    return at
