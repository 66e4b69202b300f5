"""The renderer as seen from outside its process: its statistics, and who receives what it makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from latentart.live.control.takes import Events
from latentart.live.wire.encode import Level, Picture


class Audience(Protocol):
    """Receives what the supervisor makes. Called from its thread."""

    def levels(self) -> Iterable[Level]:
        """The encoding levels that viewers watch."""
        ...

    def show(self, picture: Picture) -> None:
        """A new picture, encoded at these levels."""
        ...

    def report(self, news: Mapping[str, Any]) -> None:
        """Receives an event of the renderer: 'ready', 'loaded', 'refused' or 'died'."""
        ...

    def passed(self, frame: int, events: Events) -> None:
        """A frame went by, and what was done at it, in order."""
        ...

    def begin(self, frame: int, snapshot: Mapping[str, Any]) -> None:
        """The state before a frame."""
        ...


@dataclass
class RendererStatus:
    """Statistics of the renderer; the supervisor keeps them up to date."""

    alive: bool = False
    model: str = ""
    frame: int = -1
    fps: float = 0.0
    ms: float = 0.0
    dropped: int = 0
    restarts: int = 0
    beat: float = 0.0
    phase: float = 0.0
    reading: tuple[str, ...] = ()
    """Models and translators that are being read, by name."""
    armed: bool = False
    """Whether something waits for its beat."""
    pid: int | None = None
