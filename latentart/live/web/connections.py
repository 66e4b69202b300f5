"""What the hub is connected to: viewers by their protocol, the renderer, outputs, listeners."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from latentart.live.outputs._mailbox import Outlet
from latentart.live.play.status import RendererStatus
from latentart.live.web.maps import ModelMaps
from latentart.live.wire.encode import Level, Picture
from latentart.pixels import Frame

Listener = Callable[[Mapping[str, Any]], None]


class Client(Protocol):
    """A viewer, as the hub uses it."""

    @property
    def watches(self) -> Level | None:
        """The quality of the pictures that it gets; None when it wants none."""
        ...

    def offer(self, picture: Picture) -> None:
        """A new picture."""
        ...

    def tell(self, message: Mapping[str, Any]) -> None:
        """A message."""
        ...

    def changed(self, values: Mapping[str, Any]) -> None:
        """New parameter values."""
        ...

    def beat(self, stats: Mapping[str, Any]) -> None:
        """Statistics of the session, twice a second."""
        ...


@dataclass(frozen=True)
class Connections:
    """What a hub is connected to beside its viewers: the renderer, outputs, listeners, and what it may offer."""

    token: str | None = None
    """What every viewer must know; None lets everyone in."""
    status: RendererStatus = field(default_factory=RendererStatus)
    """State of the renderer."""
    pass_on: Callable[[Frame], None] = lambda frame: None
    """Called with every picture that a browser sends, for the renderer."""
    outlets: Sequence[Outlet] = ()
    """Outputs beside the browser: each gets every picture."""
    translators: Sequence[Mapping[str, Any]] = ()
    """Translators that a slot may be given; see `translating.offered`."""
    maps: ModelMaps | None = None
    """Maps of the models."""
    on_change: Sequence[Listener] = ()
    """Called on the event loop with changed parameters, in order, as the next two."""
    on_news: Sequence[Listener] = ()
    """Called with news of the renderer."""
    on_stats: Sequence[Listener] = ()
    """Called once a second with the statistics."""
    counters: Sequence[Callable[[], Mapping[str, int]]] = ()
    """What else is counted, for the statistics."""
