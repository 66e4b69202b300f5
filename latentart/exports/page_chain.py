"""What follows a generator in its page: translators behind the picture, a performance that plays by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from latentart.errors import SettingsError
from latentart.exports.onnx import TranslatorPart
from latentart.models.base import Generator
from latentart.translators.load import load_translator

MOST_EVENTS = 1_000_000


@dataclass(frozen=True)
class Link:
    """One translator of a chain: its graph, facts for the player, where it begins."""

    part: TranslatorPart
    facts: dict[str, Any]
    strength: float
    style: int

    def start(self, slot: int) -> dict[str, float | int]:
        """Values of the live parameters then/<slot>/... at the beginning."""
        return {f"then/{slot}/strength": self.strength, f"then/{slot}/style/a": self.style}


def link(text: str, size: tuple[int, int]) -> Link:
    """A translator NAME[:STYLE][@STRENGTH] for pictures of (height, width). Raises SettingsError, WeightsError."""
    rest, _, amount = text.partition("@")
    name, _, style = rest.partition(":")
    T = load_translator(name, "cpu").to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    if T.in_channels != 3 or min(size) < T.smallest or any(side % T.multiple for side in size):
        raise SettingsError(f"{name} cannot follow {size[1]}x{size[0]}: sides must be multiples of {T.multiple}")
    if T.style_dim and not T.style_names:
        raise SettingsError(f"{name} takes a picture as its style, which a page has not: choose another")
    part = TranslatorPart(T).eval()
    styles = list(T.style_names) if T.style_dim else []
    facts = {"name": T.name, "family": T.family, "licence": T.licence, "styles": styles}
    return Link(part, facts, _strength(text, amount), _style(text, style, len(styles)))


def _strength(text: str, amount: str) -> float:
    try:
        found = float(amount or 1)
    except ValueError:
        found = math.nan
    if not 0 <= found <= 1:
        raise SettingsError(f"cannot read the strength {amount!r} of --then {text!r}: give a number from 0 to 1")
    return found


def _style(text: str, style: str, count: int) -> int:
    if style and (not style.isdecimal() or int(style) >= max(count, 1)):
        raise SettingsError(f"--then {text!r} names no style: give 0 to {max(count - 1, 0)}")
    return int(style or 0)


def played(take: Mapping[str, Any], G: Generator) -> dict[str, Any]:
    """A take as the page plays it: {fps, frame, end, snapshot, events by frame}. Raises SettingsError."""
    if take["sha256"] and G.sha256 and take["sha256"] != G.sha256:
        raise SettingsError(f"this take was played on {take['network']!r}, not {G.name!r}: export {take['network']}")
    events = {frame: [event for event in found if "then" not in event] for frame, found in take["events"].items()}
    if any("model" in event for found in events.values() for event in found):
        raise SettingsError("this take changes its model, and a page has one: export the parts of a single model")
    if sum(map(len, events.values())) > MOST_EVENTS:
        raise SettingsError(f"this take has more than {MOST_EVENTS} events: export a part of it")
    done = {frame: [event["do"] for event in found if "do" in event] for frame, found in events.items()}
    kept = {key: take[key] for key in ("fps", "frame", "end", "snapshot")}
    return kept | {"events": {frame: found for frame, found in done.items() if found}}
