"""TOML is bounded before it is parsed, and what is left is parsed as Python parses it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from latentart.files import toml

GOOD = '''
# a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t [[[[ "
name = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t [[[["
long = """
[x [[ y """
"quoted.key"."with [brackets]" = 'it''
[a.b.c.d]
values = [[1, 2], [3.5, { x = 1 }]]
'''


def test_what_people_write_is_read(tmp_path: Path) -> None:
    text = GOOD.replace("'it''", "'it'")
    assert toml.parse(text) == tomllib.loads(text)
    (tmp_path / "a.toml").write_text(text)
    assert toml.read(tmp_path / "a.toml") == tomllib.loads(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".".join(["a"] * 100_000) + " = 1", "a key of 100000 parts"),
        ("[" + " . ".join(['"a"'] * 100_000) + "]", "a key of 100000 parts"),
        ("x = " + "[" * 500_000, "brackets nested"),
        ("x = " + "{a=" * 300_000, "brackets nested"),
        ("x = " + "9" * 500_000, "limit"),
        ('"""\\' * 200_000, "."),
        ("'''" + '"""' * 300_000, "."),
        ('"\\' * 400_000, "."),
        ("\0", "."),
    ],
    ids=range(9),
)
def test_what_would_take_all_memory_is_a_value_error(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        toml.parse(text)


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"#" * (toml.LARGEST + 1))
    with pytest.raises(OSError, match="more than"):
        toml.read(tmp_path / "a.toml")
