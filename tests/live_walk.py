"""A random walk over all that can be done to a live server, beside a plain account of what it should have led to."""

from __future__ import annotations

import http.client
import io
import json
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from websockets.sync.client import connect

from latentart.live.control.actions import SAFE
from latentart.live.control.params import TABLE, defaults
from latentart.live.control.presets import KEPT_OUT, between
from latentart.live.wire.protocol import PNG, Header, pack
from tests.live_house import message

LEFT_OUT = ("tempo/bpm", "latent/z", "latent/w")
"""What is not set at random: the bar has to come soon, and latents have lengths."""
KILL_EVERY = 25.0
"""Seconds: three deaths in a minute return to the safe state, as they should."""


@dataclass
class Account:
    """What the server's state should be."""

    values: dict[str, Any] = field(default_factory=defaults)
    model: str = ""
    presets: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    place: int = -1
    free: set[str] = field(default_factory=set)
    """Parameters whose value only the server knows, until they are set again."""

    def put(self, values: Mapping[str, Any]) -> None:
        self.values.update({name: TABLE[name].check(value) for name, value in values.items()})
        self.free.difference_update(values)


class Walk:
    """Does one thing after another to the server at `http` and `osc`, a port each."""

    def __init__(
        self,
        http: int,
        osc: int,
        seed: int,
        *,
        models: Sequence[str],
        translators: Sequence[str],
        sizes: Sequence[int] = (64, 72, 80),
        renderer: Callable[[], int],
    ) -> None:
        """models: the first one is playing; sizes: of pictures that come in; renderer: finds the process to kill."""
        self.http, self.osc, self.renderer = http, osc, renderer
        self.models, self.translators, self.sizes = models, translators, sizes
        self.random = random.Random(seed)
        self.account = Account(model=models[0])
        self.done: dict[str, int] = {}
        self.kills = 0
        self._killed = time.monotonic()
        self.post("set", {"tempo/bpm": 300})
        self.account.put({"tempo/bpm": 300})

    def step(self) -> None:
        """One act."""
        acts = (
            self.set, self.set, self.set, self.armed, self.by_osc, self.bend, self.translate, self.translate, self.load,
            self.load, self.preload, self.store, self.recall, self.cue, self.morph, self.panic, self.stop, self.latent,
            self.picture, self.visit, self.wrong, self.kill,
        )  # fmt: skip
        act = self.random.choice(acts)
        self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
        act()

    def run(self, seconds: float, pause: float = 0.15) -> None:
        """Acts for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()
            time.sleep(self.random.random() * 2 * pause)

    def faults(self) -> list[str]:
        """Where the server differs from the account."""
        state, account = self.get("state"), self.account
        found = [
            f"{name} is {state['values'][name]!r}, not {value!r}"
            for name, value in account.values.items()
            if name not in account.free and not same(state["values"][name], value)
        ]
        told = {"model": account.model, "alive": True, "restarts": self.kills, "cue": account.place}
        return found + [
            f"{name} is {state['stats'][name]!r}, not {v!r}" for name, v in told.items() if state["stats"][name] != v
        ]

    def settle(self, seconds: float) -> list[str]:
        """What still differs after so long; [] as soon as nothing does."""
        end = time.monotonic() + seconds
        while (found := self.faults()) and time.monotonic() < end:
            time.sleep(0.25)
        return found

    # What can be done.

    def set(self) -> None:
        names = self.random.sample([name for name in TABLE if name not in LEFT_OUT], 4)
        self._set({name: self._any(name) for name in names if not name.endswith("/network")})

    def armed(self) -> None:
        name = self.random.choice(["psi", "seed", "walk/count", "noise/amount"])
        self._set(
            {name: self._any(name)}, at=self.random.choice(["beat", "bar", "2bar"]), fade=self.random.choice([0, 0.5])
        )

    def by_osc(self) -> None:
        name, value = "style/middle/seed", float(self.random.randrange(1, 10_000))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(message(f"/la/{name}", value), ("127.0.0.1", self.osc))
        self.account.put({name: value})
        end = time.monotonic() + 2
        while self.get("state")["values"][name] != value and time.monotonic() < end:
            time.sleep(0.01)

    def bend(self) -> None:
        slot = f"bend/{self.random.randrange(1, 5)}"
        self._set({f"{slot}/{part}": self._any(f"{slot}/{part}") for part in ("op", "layer", "share", "amount")})

    def translate(self) -> None:
        slot = f"then/{self.random.randrange(1, 3)}"
        self._set(
            {
                f"{slot}/network": self.random.choice(["", *self.translators]),
                f"{slot}/strength": 0.5,
                f"{slot}/on": True,
            }
        )

    def load(self) -> None:
        self._leave_latents()
        self.account.model = self.random.choice(list(self.models))
        self.trigger("model/load", self.account.model)

    def preload(self) -> None:
        self.trigger("model/preload", self.random.choice(list(self.models)))

    def store(self) -> None:
        if self.account.free:
            return
        kept = {name: value for name, value in self.account.values.items() if not name.startswith(KEPT_OUT)}
        name = self.random.choice("abcd")
        self.trigger("preset/store", name)
        self.account.presets[name] = (self.account.model, kept)

    def recall(self) -> None:
        if self.account.presets:
            name = self.random.choice(sorted(self.account.presets))
            self._go(name, lambda: self.trigger("preset/recall", name, self.random.choice([0, 0.4])))

    def cue(self) -> None:
        if self.account.presets:
            names = sorted(self.account.presets)
            self.account.place = min(self.account.place + 1, len(names) - 1)
            self._go(names[self.account.place], lambda: self.trigger("cue/go"))

    def morph(self) -> None:
        if len(self.account.presets) > 1:
            (one, two), share = self.random.sample(sorted(self.account.presets), 2), self.random.random()
            (first, a), (second, b) = self.account.presets[one], self.account.presets[two]
            self._leave_latents()
            self.trigger("preset/morph", one, two, share)
            self.account.put(between(a, b, share))
            self.account.model = second if share >= 0.5 else first

    def panic(self) -> None:
        if self.random.random() < 0.3:
            self.trigger("master/panic")
            self.account.put(SAFE)
            self.account.model = self.models[0]

    def stop(self) -> None:
        self.trigger("cue/stop")
        # Whatever was under way stays where it is.
        self.account.free.update(TABLE)

    def latent(self) -> None:
        facts = self.get("state")["model"]
        if self.account.model == facts["model"]:
            name, other = self.random.sample(["latent/z", "latent/w"], 2)
            self._set({name: [0.25] * facts["z_dim" if name == "latent/z" else "w_dim"]})
            self.account.put({other: ()})

    def picture(self) -> None:
        data = io.BytesIO()
        side = self.random.choice([64, 80, 96])
        Image.fromarray(np.full((side, side, 3), 90, np.uint8)).save(data, "PNG")
        header = Header(1, 0, 0, side, side, codec=PNG)
        with self._viewer() as ws:
            ws.send(pack(header, data.getvalue()))
            ws.recv(timeout=5)
        self._set({"source": self.random.choice(["input", "generator"]), "input/size": self.random.choice(self.sizes)})

    def visit(self) -> None:
        with self._viewer() as ws:
            for _ in range(self.random.randrange(4)):
                ws.recv(timeout=5)
            if self.random.random() < 0.3:
                ws.close_socket()

    def wrong(self) -> None:
        bad = {"psi": "much"}, {"latent/z": [1.0] * 3}, {"psi": 1.0, "nobody": 1}
        asked = [("set", body) for body in bad] + [("trigger", {"name": "model/load", "args": ["nobody"]})]
        for path, body in asked:
            assert self._ask("POST", f"/api/{path}", body)[0] == 400

    def kill(self) -> None:
        state = self.get("state")["stats"]
        if time.monotonic() - self._killed > KILL_EVERY and state["alive"]:
            self._killed = time.monotonic()
            self.kills += 1
            os.kill(self.renderer(), signal.SIGKILL)

    # How.

    def _set(self, values: Mapping[str, Any], **how: Any) -> None:
        query = "&".join(f"{name}={value}" for name, value in how.items())
        self.post(f"set?{query}", values)
        self.account.put(values)

    def _go(self, preset: str, act: Callable[[], None]) -> None:
        model, values = self.account.presets[preset]
        self._leave_latents()
        act()
        self.account.put(values)
        self.account.model = model

    def _leave_latents(self) -> None:
        self._set({"latent/z": [], "latent/w": []})

    def _any(self, name: str) -> Any:
        param, rng = TABLE[name], self.random
        if param.kind == "choice":
            return rng.choice(param.choices)
        value = {"bool": rng.random() < 0.5, "int": rng.randint(int(param.low), int(param.high)),
                 "float": rng.uniform(param.low, param.high)}[param.kind]  # fmt: skip
        # Nothing may take minutes.
        return min(value, 2.0) if name == "walk/glide" else value

    @contextmanager
    def _viewer(self) -> Iterator[Any]:
        url = f"ws://127.0.0.1:{self.http}/ws"
        with connect(url, subprotocols=["latentart.v1"], open_timeout=10, max_size=None) as ws:  # type: ignore[list-item]
            ws.send(json.dumps({"op": "identify", "id": 1}))
            yield ws

    def trigger(self, name: str, *args: Any) -> None:
        self.post("trigger", {"name": name, "args": list(args)})

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        status, answer = self._ask("POST", f"/api/{path}", body)
        assert status == 200, answer

    def get(self, path: str) -> Any:
        return self._ask("GET", f"/api/{path}")[1]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


def same(found: Any, wanted: Any) -> bool:
    """Whether a value that came as JSON is this one."""
    return list(found) == list(wanted) if isinstance(wanted, tuple) else bool(found == wanted)
