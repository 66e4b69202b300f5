"""The shape of the score's tree, read off its dataclasses: for reading it, and as a JSON schema for editors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from latentart.exhibition.score import Play, Score, Section
from latentart.render.film import Film

__all__ = ["Member", "Play", "is_table", "members", "schema"]

NOT_IN_SECTIONS = ("fps", "size", "fit")
"""What the whole score decides."""
ALIASES = {
    "class": "classes", "trunc": "psi", "truncation_psi": "psi", "truncation_cutoff": "cutoff", "edit": "edits",
    "bend": "bends", "interpolation": "interp", "projected_w": "latents",
}  # fmt: skip
"""Spellings of `latentart film` for keys of a section."""


@dataclass(frozen=True)
class Member:
    """A key of a table: its type, and the member of the dataclass it belongs to when that is not its own."""

    kind: Any
    within: str = ""

    def put(self, given: dict[str, Any], key: str, value: Any) -> None:
        """Puts a value where its dataclass expects it."""
        (given.setdefault(self.within, {}) if self.within else given)[key] = value


@lru_cache
def members(kind: type) -> dict[str, Member]:
    """The keys of a table; those of a section's film stand among its own."""
    hints = get_type_hints(kind)
    found: dict[str, Member] = {}
    for f in fields(kind):
        if hints[f.name] is Film:
            inner = members(Film)
            found |= {name: Member(inner[name].kind, f.name) for name in inner if name not in NOT_IN_SECTIONS}
        else:
            found[f.name] = Member(hints[f.name])
    return found


def key_of(kind: type, name: str) -> str:
    """The member that a key of a table means: sections take the spellings of the command line too."""
    known = members(kind)
    if name in known or "film" not in {member.within for member in known.values()}:
        return name
    plain = name.replace("-", "_")
    return ALIASES.get(plain, plain)


def as_keys(message: str) -> str:
    """A message for the command line as one for scores: '--mix-seed' -> 'mix_seed', where a section has such a key."""
    known = {*members(Section), *ALIASES}

    def key(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        return name if name in known else found[0]

    return re.sub(r"--([a-z][a-z-]*)", key, message)


def is_table(kind: Any) -> bool:
    """Whether a type is one of the tree's dataclasses."""
    return isinstance(kind, type) and is_dataclass(kind)


def schema(choices: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """A JSON schema (draft 2020-12) of scores, for editors that check and complete TOML."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "latentart exhibition",
        **_table(Score, choices),
        "required": ["section"],
    }


def _table(kind: type, choices: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    known = members(kind)
    properties = {name: _named(name, member.kind, choices) for name, member in known.items()}
    spelled = {name: key_of(kind, name) for name in ALIASES}
    properties |= {name: properties[key] for name, key in spelled.items() if key in known and name not in known}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _named(name: str, kind: Any, choices: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    if name in choices:
        return {"enum": list(choices[name])}
    options = [option for option in get_args(kind) if option is not NoneType] if _is_union(kind) else [kind]
    found = [entry for option in options for entry in _any_of(option, choices)]
    return found[0] if len(found) == 1 else {"anyOf": found}


def _any_of(kind: Any, choices: dict[str, tuple[str, ...]]) -> Iterable[dict[str, Any]]:
    simple = {str: "string", int: "integer", float: "number"}
    if kind in simple:
        return [{"type": simple[kind]}]
    if kind == Play:
        return [{"type": "object", "additionalProperties": {"type": ["string", "number"]}}]
    if is_table(kind):
        short = [{"type": "string"}] if "file" in members(kind) else []
        return [_table(kind, choices), *short]
    item, *rest = get_args(kind)
    if is_table(item):
        return [{"type": "array", "items": _table(item, choices)}]
    length = {} if rest == [...] else {"minItems": 2, "maxItems": 2}
    return [{"type": "array", "items": {"type": simple[item]}, **length}, {"type": "string"}]


def _is_union(kind: Any) -> bool:
    return get_origin(kind) is UnionType
