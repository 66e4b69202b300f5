"""TOML that strangers wrote: bounded before Python's parser sees it, whose memory grows with the square of a key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from latentart.files import regular

LARGEST = 1 << 20
MOST_PARTS = 16
"""Of a dotted key: a parser that keeps every prefix of 'a.a.a...' takes 16 GB for 100,000 of them."""
DEEPEST = 64
_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)' r"|'''.*?(?:'''|\Z)" r'|"(?:\\.|[^"\\\n])*"?' r"|'[^'\n]*'?" r"|\#[^\n]*",
    re.DOTALL,
)
"""Texts and comments; what is not closed counts to its end, so that no place is looked at twice."""
_KEY = re.compile(r"[\w-]+(?:[ \t]*\.[ \t]*[\w-]+)*")


def read(path: str | Path, most: int = LARGEST) -> dict[str, Any]:
    """The tables in a file of at most `most` bytes. Raises OSError, ValueError."""
    return parse(regular.content(path, most).decode("utf-8"))


def parse(text: str) -> dict[str, Any]:
    """The tables in a text. Raises ValueError (tomllib.TOMLDecodeError among them) for what is not TOML or nested
    deeper than any table here needs."""
    bare = _TEXT.sub("x", text)
    parts = max((found[0].count(".") for found in _KEY.finditer(bare)), default=0) + 1
    if parts > MOST_PARTS:
        raise ValueError(f"a key of {parts} parts: at most {MOST_PARTS} are read")
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", bare):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            raise ValueError(f"brackets nested more than {DEEPEST} deep")
    return tomllib.loads(text)
