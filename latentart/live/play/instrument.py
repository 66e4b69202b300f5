"""State and generator to ws and noise: what the picture of the current frame is made from. No clock, no network.

The same operations at the same frames give the same shots bit for bit, whether they were shown or are rendered
afterwards; frames that were skipped on stage cost one tick and no picture.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart.latent import space, walk_options
from latentart.latent.easing import EASINGS
from latentart.latent.interpolate import Array, slerp
from latentart.live.control.params import BANDS, TABLE
from latentart.live.control.state import Operation, State
from latentart.live.play.bends import Twist, twists
from latentart.live.play.directions import NONE, Directions
from latentart.live.play.noise import Maps, Noises
from latentart.live.play.slots import Size, Slots, Touch
from latentart.live.play.sources import Sources
from latentart.models.base import Generator

_SOURCE: dict[str, tuple[str, ...]] = dict.fromkeys((*walk_options.names(), "hold"), ("seed",))
_SOURCE["keyframes"] = ("seed", "walk/count")
"""Parameters whose change is a change of picture, by mode: it glides instead of jumping."""
_OPTIONS = {mode: [f"walk/{o.name}" for o in walk_options.of(mode) if o.played] for mode in walk_options.names()}
"""Parameters of one walk, in the same way."""


@dataclass(frozen=True)
class Shot:
    """What to draw at one frame. Equal `key`s draw equal pictures."""

    ws: Tensor  # [1, num_ws, w_dim]
    noise: Maps | None
    """[H, W] by layer name; None is the trained noise."""
    light: float
    """Brightness: 1 as it is, 0 black."""
    key: tuple[Any, ...]
    twists: tuple[Twist, ...] = ()
    place: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Moved by x and y picture widths, turned by degrees, where the model can."""
    then: tuple[Touch, ...] = ()


class Instrument:
    """A generator being played: apply operations, tick once per frame, look at the shot."""

    def __init__(self, G: Generator, fps: float, directions: Directions = NONE) -> None:
        self.state = State(fps)
        self.slots = Slots()
        self.incoming: Size | None = None
        """(width, height) of the picture that came in and takes the generator's place, None where none does."""
        self.use_generator(G, directions)

    def use_generator(self, G: Generator, directions: Directions = NONE) -> None:
        """Goes on with another model: the state stays, the picture changes at once."""
        self.G = G
        self.directions = directions
        self.sources = Sources(G)
        self.noises = Noises(G)
        self._source: tuple[Any, ...] = ()
        self._rows: Array | None = None
        self._origin: Array | None = None
        self._glide = (0, 1)

    def apply(self, operation: Operation) -> None:
        """Takes an operation in; see `State.apply`."""
        self.state.apply(operation)

    def tick(self) -> None:
        """Goes on by one frame."""
        self.state.tick()
        if not self.state.frozen or self._rows is None:
            self._rows = self._glided()
            self.slots.tick(self.state)

    @property
    def size(self) -> Size:
        """(width, height) of the picture before the translators."""
        return self.incoming or (self.G.img_size[1], self.G.img_size[0])

    def shot(self) -> Shot:
        """What the current frame shows."""
        assert self._rows is not None, "tick before the first shot"
        ws = self._pushed(self._truncated(self._styled(self._rows)))
        noise, kind = self._noise()
        light = 0.0 if self.state.values["master/blackout"] else self.state.number("master/fade")
        tensor = torch.from_numpy(ws[None]).float().to(self.G.device)
        bent, then = twists(self.state), self.slots.touches(self.state, self.size)
        x, y, turn = (self.state.number(f"place/{part}") for part in ("x", "y", "rotate"))
        key = (self.G.sha256, ws.tobytes(), kind, light, bent, (x, y, turn), then)
        return Shot(tensor, noise, light, key, bent, (x, y, turn), then)

    def snapshot(self) -> dict[str, Any]:
        """State and glide, as JSON."""
        rows = {"rows": self._rows, "origin": self._origin}
        kept: dict[str, Any] = {name: None if found is None else _text(found) for name, found in rows.items()}
        kept["then"] = self.slots.snapshot()
        return {"state": self.state.snapshot(), "source": list(self._source), "glide": list(self._glide), **kept}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Goes on from a snapshot; rows of another model are left out."""
        self.state.restore(kept["state"])
        if "then" in kept:
            # Older takes have none.
            self.slots.restore(kept["then"])
        shape = (self.G.num_ws, self.G.w_dim)
        rows = [None if kept[name] is None else _array(kept[name]) for name in ("rows", "origin")]
        if any(found is not None and found.size != shape[0] * shape[1] for found in rows):
            return
        self._rows, self._origin = (None if found is None else found.reshape(shape) for found in rows)
        self._source = tuple(kept["source"])
        self._glide = (int(kept["glide"][0]), int(kept["glide"][1]))

    def _glided(self) -> Array:
        """The walk's ws before truncation, on the way there from the picture before a change."""
        source = self._source_now()
        if source != self._source and self._rows is not None:
            self._origin, self._glide = self._rows, (0, round(self.state.glide * self.state.fps))
        self._source = source
        there = self._walk()
        if self._origin is None:
            return there
        self._glide = (self._glide[0] + 1, self._glide[1])
        if self._glide[0] >= self._glide[1]:
            self._origin = None
            return there
        share = EASINGS["smooth"](np.full(len(there), self._glide[0] / self._glide[1]))
        centre = self.sources.centre
        return centre + slerp(self._origin - centre, there - centre, share)

    def _source_now(self) -> tuple[Any, ...]:
        values = self.state.values
        mode = values["walk/mode"]
        names = _SOURCE.get(str(mode), ()) + (("class/a", "class/b") if self.G.c_dim else ())
        # Options count where they are not at their defaults: takes that were made without them stay as they were.
        own = ((name, values[name]) for name in _OPTIONS.get(str(mode), ()) if values[name] != TABLE[name].default)
        return (mode, *(values[name] for name in names), *(part for pair in own for part in pair))

    def _walk(self) -> Array:
        """Where the walk is, between class a and class b."""
        mix = self.state.number("class/mix") if self.G.c_dim else 0.0
        one = self._walk_in("class/a") if mix < 1 else self._walk_in("class/b")
        return one if mix in (0, 1) else one + (self._walk_in("class/b") - one) * mix

    def _walk_in(self, which: str) -> Array:
        state, values = self.state, self.state.values
        mode, seed, label = str(values["walk/mode"]), int(state.number("seed")), self.sources.label(state.number(which))
        if mode == "latent":
            return self.sources.given(values["latent/w"], values["latent/z"], label)  # type: ignore[arg-type]
        if mode == "plane":
            return self.sources.plane(state.number("latent/x"), state.number("latent/y"), label)
        home = self.sources.seed(seed, label)
        if mode == "hold":
            return home
        place = self.sources.loop(mode, seed, int(state.number("walk/count")), label, state.phase, values=values)
        moved: Array = place if mode == "keyframes" else home + (place - home) * state.number("walk/radius")
        return moved

    def _styled(self, ws: Array) -> Array:
        """Style mixing: bands of rows on their way to other seeds."""
        mixed, label = ws.copy(), self.sources.label(self.state.number("class/a"))
        for band in BANDS:
            amount = self.state.number(f"style/{band}/amount") * self.state.number("mix/amount")
            if band == "middle":
                amount += self.state.number("react/style") * self.state.number("audio/mid")
            rows = space.rows(self.G.num_ws, band) if amount else []
            if rows:
                other = self.sources.seed(int(self.state.number(f"style/{band}/seed")), label)
                mixed[rows] += (other[rows] - mixed[rows]) * amount
        return mixed

    def _truncated(self, ws: Array) -> Array:
        psi = self.state.number("psi") + self.state.number("react/psi") * self.state.number("audio/rms")
        rows = int(self.state.number("cutoff")) or self.G.num_ws
        centre = self.sources.centre
        return np.concatenate([centre + (ws[:rows] - centre) * psi, ws[rows:]])

    def _pushed(self, ws: Array) -> Array:
        """Returns ws moved along the directions by the values of their faders."""
        return self.directions.push(ws, lambda i: self.state.number(f"dir/{i + 1}/amount"))

    def _noise(self) -> tuple[Maps | None, tuple[Any, ...]]:
        state = self.state
        mode, seed = str(state.values["noise/mode"]), int(state.number("noise/seed"))
        amount = max(0.0, state.number("noise/amount") + state.number("react/noise") * state.number("audio/high"))
        # A frozen picture does not flicker, and the trained noise does not move.
        turn, frame = state.boil, state.held
        kind: tuple[Any, ...] = (mode, amount, seed if mode in ("boil", "random") else 0)
        kind += (turn,) if mode == "boil" else (frame,) if mode == "random" else ()
        return self.noises.at(mode, amount, seed=seed, turn=turn, frame=frame), kind


def _text(values: Array) -> str:
    # A snapshot goes out several times a second: digits would cost a millisecond.
    return base64.b64encode(values.tobytes()).decode()


def _array(text: str) -> Array:
    return np.frombuffer(base64.b64decode(text), dtype=np.float64)
