"""OSC messages to operations: what every address means. No sockets here."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from latentart.errors import LatentartError, SettingsError
from latentart.live.control.actions import Actions
from latentart.live.control.controller import Control
from latentart.live.control.params import ACTIONS, TABLE, Param, Value, number
from latentart.live.osc import arguments, layers
from latentart.live.osc.packet import Argument, Message, PacketError, read
from latentart.live.osc.pattern import is_pattern, matching, tree
from latentart.live.wire import protocol
from latentart.live.wire.rates import Bucket

ROOTS = ("/latentart", "/la")
ALIASES = {
    "/truncpsi": "psi", "/latentX": "latent/x", "/latentY": "latent/y", "/randomize": "seed/random",
    "/setpkl": "model/load", "/seed": "seed", "/psi": "psi", "/speed": "walk/speed",
}  # fmt: skip
"""Addresses that other tools have used, for patches that exist already."""
RUNWAY = "/query"
"""Runway's address: a JSON text with z and truncation."""
MESSAGES_PER_SECOND = 20_000
PATTERNS_PER_SECOND = 200
PATTERNS_PER_PACKET = 4
REPLIES_PER_SECOND = 500
HINTS_PER_SECOND = 5
"""Searches for an address like a wrong one, each of which takes milliseconds."""
_URGENT = b"/master/"
_CUE = re.compile(r"/(?:latentart|la)/cue/([A-Za-z0-9._-]{1,64})/go")

Sender = tuple[str, int]
Reply = Callable[[Sender, str, Sequence[Any]], None]
Subscribe = Callable[[Sender, Sequence[Any]], None]
Complain = Callable[[str], None]


@dataclass(frozen=True)
class Target:
    """What an address stands for: a parameter, its twin from 0 to 1, an action, a layer, or something of OSC's own."""

    kind: str
    name: str


def addresses() -> dict[str, Target]:
    """Every address that is taken, and what it stands for."""
    found: dict[str, Target] = {}
    for root in ROOTS:
        found |= {f"{root}/{name}": Target("param", name) for name in TABLE}
        found |= {f"{root}/n/{name}": Target("unit", name) for name, p in TABLE.items() if p.has_unit}
        found |= {f"{root}/{name}": Target("action", name) for name in ACTIONS}
        found |= {f"{root}/{name}": Target("layer", name) for name in layers.ADDRESSES}
        found |= {f"{root}/{name}": Target("own", name) for name in ("latent/xy", "feedback/subscribe", "ping")}
    found |= {alias: Target("action" if name in ACTIONS else "param", name) for alias, name in ALIASES.items()}
    return found | {RUNWAY: Target("own", RUNWAY)}


class Dispatcher:
    """Parses datagrams and performs their messages."""

    def __init__(
        self, control: Control, actions: Actions, reply: Reply, subscribe: Subscribe,
        complain: Complain = lambda text: None, *, translators: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """complain is called with each message's fault; translators: those that the numbers 1, 2 ... stand for."""
        self.control, self.actions = control, actions
        self.reply, self.subscribe, self.complain = reply, subscribe, complain
        self.translators = tuple(translators)
        self.counts: Counter[str] = Counter()
        self.last_fault = ""
        self._targets = addresses()
        root = tree(self._targets)
        self._matching = lru_cache(maxsize=256)(lambda pattern: tuple(matching(pattern, root)))
        self._messages = Bucket(MESSAGES_PER_SECOND)
        self._patterns = Bucket(PATTERNS_PER_SECOND)
        self._replies = Bucket(REPLIES_PER_SECOND)
        self._hints = Bucket(HINTS_PER_SECOND)
        self._folded = {_folded(address): address for address in self._targets}
        self._own = {"latent/xy": self._pair, "feedback/subscribe": self.subscribe_to, "ping": self._ping,
                     RUNWAY: self._runway}  # fmt: skip

    def dispatch(self, *datagrams: tuple[bytes, Sender]) -> None:
        """Datagrams that came together: what they set takes effect together, at the cost of one operation.

        Never raises for anything that can be in one; what is wrong is counted.
        """
        values: dict[str, Value] = {}
        for data, sender in datagrams:
            self._dispatch(data, sender, values)
        self._write(values)

    def _dispatch(self, data: bytes, sender: Sender, values: dict[str, Value]) -> None:
        self.counts["packets"] += 1
        if not self._messages.spend() and _URGENT not in data:
            self.counts["over_rate"] += 1
            return
        try:
            messages = read(data)
        except PacketError as error:
            self._fault("bad_packet", error)
            return
        # The packet itself was one.
        self._messages.spend(len(messages) - 1)
        patterns = 0
        for message in messages:
            if isinstance(message, PacketError):
                self._fault("bad_packet", message)
                continue
            patterns += is_pattern(message.address)
            if patterns > PATTERNS_PER_PACKET:
                self.counts["over_rate"] += 1
                break
            self._perform(message, sender, values)

    def _perform(self, message: Message, sender: Sender, values: dict[str, Value]) -> None:
        try:
            if self._is_cue(message, values):
                return
            for address in self._addresses(message.address):
                target = self._targets[address]
                if target.kind in ("param", "unit"):
                    self._param(target, address, message.args, sender, values)
                else:
                    # What was set before an action is set before it happens.
                    self._write(values)
                    self._do(target, message.args, sender)
        except LatentartError as error:
            self._fault("bad_message", error)

    def _addresses(self, address: str) -> Iterable[str]:
        if address in self._targets:
            return (address,)
        if is_pattern(address):
            if not self._patterns.spend():
                self.counts["over_rate"] += 1
                return ()
            found = self._matching(address)
            if not found:
                raise SettingsError(f"no address matches {address[:80]!r}")
            return found
        raise SettingsError(f"no such address: {address[:80]!r}{self._hint(address)}")

    def _hint(self, address: str) -> str:
        """An address like this one: in small letters without a slash at the end, or spelled alike."""
        close = self._folded.get(_folded(address))
        if close is None and self._hints.spend():
            close = next(iter(difflib.get_close_matches(address[:80], self._targets, n=1)), None)
        return f": did you mean {close}?" if close else ""

    def _is_cue(self, message: Message, values: dict[str, Value]) -> bool:
        """Does cue/<id>/go: which cues there are changes while playing, so they are no addresses of the tree."""
        found = _CUE.fullmatch(message.address) if message.address.endswith("/go") else None
        if found and (not message.args or message.args[0]):
            self._write(values)
            self.actions.fire("cue/at", [found[1]])
        return found is not None

    def _param(
        self, target: Target, address: str, args: Sequence[Argument], sender: Sender, values: dict[str, Value]
    ) -> None:
        param = TABLE[target.name]
        if not args:
            self._answer(param, target.kind, address, sender)
            return
        if target.kind == "unit":
            value = param.from_unit(args[0])
        else:
            value = self.control.check(param.name, arguments.received(param, args, self.translators))
        # Of two latents the later one counts.
        values.pop(param.name, None)
        values[param.name] = value

    def _answer(self, param: Param, kind: str, address: str, sender: Sender) -> None:
        if self._replies.spend():
            value = self.control.value(param.name)
            self.reply(sender, address, [param.to_unit(value)] if kind == "unit" else arguments.sent(param, value))

    def _write(self, values: dict[str, Value]) -> None:
        if values:
            self.control.write(dict(values))
            values.clear()

    def _do(self, target: Target, args: Sequence[Argument], sender: Sender) -> None:
        if target.kind == "own":
            self._own[target.name](sender, args)
            return
        if target.kind == "layer":
            self._layer(target.name, args, sender)
            return
        given = arguments.of_action(ACTIONS[target.name], args)
        if given is not None:
            self.actions.fire(target.name, given)

    def _layer(self, name: str, args: Sequence[Argument], sender: Sender) -> None:
        values = self.control.values()
        if args:
            self.control.write(layers.played(values, name, number(name, args[0])))
        elif self._replies.spend():
            self.reply(sender, f"{ROOTS[0]}/{name}", [layers.amount_of(values, name)])

    def _pair(self, sender: Sender, args: Sequence[Argument]) -> None:
        if len(args) < 2:
            raise SettingsError(f"latent/xy takes two numbers, {len(args)} given")
        self.control.set({"latent/x": args[0], "latent/y": args[1]})

    def _ping(self, sender: Sender, args: Sequence[Argument]) -> None:
        if self._replies.spend():
            self.reply(sender, "/latentart/pong", [args[0] if args and isinstance(args[0], (int, float)) else 0])

    def subscribe_to(self, sender: Sender, args: Sequence[Argument]) -> None:
        """A program that wants to hear of changes."""
        self.subscribe(sender, [arguments.whole(argument) for argument in args])

    def _runway(self, sender: Sender, args: Sequence[Argument]) -> None:
        asked = protocol.parse(str(args[0])) if args else {}
        names = {"z": "latent/z", "truncation": "psi", "seed": "seed", "class": "class/a"}
        given = {names[key]: value for key, value in asked.items() if key in names}
        mode = {"walk/mode": "latent"} if "latent/z" in given else {}
        self.control.set({**given, **mode})

    def _fault(self, kind: str, error: LatentartError) -> None:
        self.counts[kind] += 1
        self.last_fault = str(error)
        if self._replies.spend():
            self.complain(self.last_fault)


def _folded(address: str) -> str:
    return re.sub("/+", "/", address).rstrip("/").lower()
