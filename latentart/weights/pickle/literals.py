"""Values as pickle's protocol 0 writes them, one in a line of text. All raise ValueError for a line that is none."""

from __future__ import annotations

import codecs
import re


def digits(line: bytes) -> int | bool:
    """A whole number, with or without Python 2's L; '00' and '01' are the truth values."""
    if line in (b"00", b"01"):
        return line == b"01"
    if not re.fullmatch(rb"-?\d{1,255}L?", line):
        raise ValueError(f"a number {line[:32].decode('latin-1')!r}")
    return int(line.removesuffix(b"L"))


def decimal(line: bytes) -> float:
    """Parses the decimal text of a float in protocol 0. Raises ValueError."""
    try:
        return float(line)
    except ValueError:
        raise ValueError(f"a number {line[:32].decode('latin-1')!r}") from None


def quoted(line: bytes) -> str:
    """A text of Python 2, in quotes and with escapes: each byte becomes the letter of its number (Latin-1)."""
    line = line.strip()
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise ValueError(f"a text without its quotes: {line[:32].decode('latin-1')!r}")
    try:
        found: bytes = codecs.escape_decode(line[1:-1])[0]
    except ValueError:
        raise ValueError(f"a text with damaged escapes: {line[:32].decode('latin-1')!r}") from None
    return found.decode("latin-1")


def unescaped(line: bytes) -> str:
    """Decodes a Unicode string of protocol 0: Latin-1, other letters as escapes. Raises ValueError."""
    try:
        return line.decode("raw-unicode-escape")
    except UnicodeDecodeError:
        raise ValueError(f"a text with damaged escapes: {line[:32].decode('latin-1')!r}") from None
