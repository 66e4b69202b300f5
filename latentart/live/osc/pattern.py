"""OSC address patterns over a known tree, in time that grows with the pattern and not with its wildcards.

A pattern is matched level by level, since no wildcard crosses a slash, and each level by a set of positions
(Thompson's construction), so nothing is ever tried twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from latentart.errors import LatentartError

LONGEST_PATTERN = 128
MOST_WILDCARDS = 8
_SPECIAL = frozenset("*?[{")
STAR = "*"

Token = str | frozenset[str] | tuple[str, ...]
"""'*', a set of characters ('?' is every one), or alternatives."""


class PatternError(LatentartError):
    """A pattern that is too long or does not end."""


@dataclass
class Branch:
    """One level of the address tree."""

    children: dict[str, Branch] = field(default_factory=dict)
    address: str | None = None


def is_pattern(address: str) -> bool:
    """Whether an address has wildcards."""
    return not _SPECIAL.isdisjoint(address)


def tree(addresses: Iterable[str]) -> Branch:
    """Addresses as a tree."""
    root = Branch()
    for address in addresses:
        branch = root
        for part in address.split("/")[1:]:
            branch = branch.children.setdefault(part, Branch())
        branch.address = address
    return root


def matching(pattern: str, root: Branch) -> list[str]:
    """The addresses that a pattern names. Raises PatternError."""
    if len(pattern) > LONGEST_PATTERN or sum(pattern.count(mark) for mark in _SPECIAL) > MOST_WILDCARDS:
        raise PatternError(f"pattern {pattern[:40]!r} has more than {LONGEST_PATTERN} characters or 8 wildcards")
    branches = [root]
    for part in pattern.split("/")[1:]:
        tokens = _tokens(part)
        branches = [child for b in branches for name, child in b.children.items() if _matches(tokens, name)]
    return [branch.address for branch in branches if branch.address is not None]


def _tokens(part: str) -> list[Token]:
    tokens: list[Token] = []
    at = 0
    while at < len(part):
        mark = part[at]
        if mark in "[{":
            close = part.find("]" if mark == "[" else "}", at)
            if close < 0:
                raise PatternError(f"{part[:40]!r} opens {mark!r} and does not close it")
            inner = part[at + 1 : close]
            tokens.append(_set(inner) if mark == "[" else tuple(inner.split(",")))
            at = close
        elif mark == "?":
            tokens.append(_ANY)
        else:
            tokens.append(STAR if mark == STAR else frozenset(mark))
        at += 1
    return tokens


_ANY = frozenset(chr(code) for code in range(33, 127))


def _set(inner: str) -> frozenset[str]:
    """'a-f', '!0-9'."""
    negated = inner.startswith("!")
    chars, body = set[str](), inner[negated:]
    at = 0
    while at < len(body):
        if body[at + 1 : at + 2] == "-" and at + 2 < len(body):
            chars.update(chr(code) for code in range(ord(body[at]), min(ord(body[at + 2]), 126) + 1))
            at += 3
        else:
            chars.add(body[at])
            at += 1
    return _ANY - chars if negated else frozenset(chars)


def _matches(tokens: list[Token], name: str) -> bool:
    places = {0}
    for token in tokens:
        if token == STAR:
            places = set(range(min(places), len(name) + 1))
        elif isinstance(token, tuple):
            places = {at + len(word) for at in places for word in token if name.startswith(word, at)}
        else:
            places = {at + 1 for at in places if at < len(name) and name[at] in token}
        if not places:
            return False
    return len(name) in places
