"""TOML -> Score. Errors name the file, the line and what to write instead."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from latentart import pixels, rate, seeds, walks
from latentart.errors import SettingsError, unknown
from latentart.exhibition import validate
from latentart.exhibition.schema import Play, as_keys, is_table, key_of, members
from latentart.exhibition.score import Score, Section
from latentart.files import regular, toml
from latentart.latent.easing import EASINGS
from latentart.latent.interpolate import INTERPOLATIONS
from latentart.latent.space import check_psi
from latentart.models.base import NOISE_MODES
from latentart.render.film import PACES, Film
from latentart.sinks.formats import FORMATS
from latentart.sinks.images import KINDS
from latentart.walks.keyframes import SPACES

Where = tuple[str | int, ...]
LONGEST = 1_000_000

CHOICES: dict[str, tuple[str, ...]] = {
    "walk": tuple(walks.NAMES),
    "interp": tuple(INTERPOLATIONS),
    "easing": tuple(EASINGS),
    "space": SPACES,
    "pace": PACES,
    "noise_mode": NOISE_MODES,
    "fit": pixels.FITS,
    "kind": ("auto", "morph", "fade", "cut"),
    "mirror": ("", "x", "y", "xy"),
    "alpha": ("", "luma"),
    "ending": validate.ENDINGS,
    "format": (*FORMATS, *KINDS),
}
"""Keys whose values are names; a key means the same wherever it stands."""


def read(path: str | Path) -> Score:
    """The score in a file. Raises SettingsError with file and line."""
    place = Path(path)
    try:
        with regular.opened(place) as file:
            raw = file.read(LONGEST + 1)
    except OSError as error:
        raise SettingsError(f"cannot read the score {str(path)!r}: {error.strerror}: give a .toml file") from error
    if len(raw) > LONGEST:
        raise SettingsError(f"the score {str(path)!r} has more than {LONGEST} bytes: is it a score?")
    return from_text(_decoded(raw, path), str(path), place.parent)


def _decoded(raw: bytes, path: str | Path) -> str:
    """Text in UTF-8, or in UTF-16 with the mark by which editors begin it. Raises SettingsError."""
    marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return raw.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        what = f"{path!s} line {line}: this is not UTF-8 text"
        raise SettingsError(f"{what}: save the score as UTF-8 in the editor") from error


def from_text(text: str, name: str = "score", folder: Path | None = None) -> Score:
    """The score that a text describes; files it names are looked for in `folder`. Raises SettingsError."""
    try:
        table = toml.parse(text)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}: this is not TOML") from error
    try:
        score: Score = build(Score, table, ())
        validate.check(score)
        return validate.with_files(score, folder) if folder else score
    except validate.Wrong as error:
        raise SettingsError(f"{name}{_line(text, error.where)}: {as_keys(str(error))}") from error


def build(kind: type, table: Mapping[str, Any], where: Where) -> Any:
    """A dataclass from a table of the same keys. Raises Wrong."""
    known = members(kind)
    given: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for key, value in table.items():
        name = key_of(kind, key)
        if name not in known:
            raise validate.Wrong((*where, key), unknown("key", key, known))
        if name in spelled:
            raise validate.Wrong((*where, key), f"{key} and {spelled[name]} are the same: leave one out")
        spelled[name], member = key, known[name]
        made = convert(value, member.kind, (*where, key))
        _check(name, made, (*where, key))
        member.put(given, name, made)
    return kind(**_with_flat(kind, given))


def _with_flat(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    """Keys of a flattened member (a section's film) become that member."""
    inner = given.pop("film", {})
    return {**given, "film": Film(**inner)} if kind is Section else given


def convert(value: Any, kind: Any, where: Where) -> Any:
    """A TOML value as the type that the tree wants. Raises Wrong."""
    options = (
        [option for option in get_args(kind) if option is not NoneType] if get_origin(kind) is UnionType else [kind]
    )
    for option in options:
        found = _as(value, option, where)
        if found is not None:
            return found
    raise validate.Wrong(
        where, f"{where[-1]} is {_shown(value)}: give {' or '.join(_called(option) for option in options)}"
    )


def _as(value: Any, kind: Any, where: Where) -> Any:
    """`value` as `kind`, None when it is something else."""
    plain: dict[Any, Callable[[Any], bool]] = {
        str: lambda v: isinstance(v, str),
        int: lambda v: isinstance(v, int) and not isinstance(v, bool),
        float: lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v),
    }
    if kind in plain:
        return value if plain[kind](value) else None
    if kind == Play:
        return _course(value, where)
    if is_table(kind):
        return _table(kind, value, where)
    item, *rest = get_args(kind)
    if rest == [...] and is_table(item):
        if not isinstance(value, list):
            return None
        return tuple(_must(item, entry, (*where, n)) for n, entry in enumerate(value))
    return _numbers(value, rest, where) if item is int else _texts(value)


def _must(kind: type, value: Any, where: Where) -> Any:
    if not isinstance(value, dict):
        raise validate.Wrong(where, f"{where[0]} is {_shown(value)}: write [[{where[0]}]] and its keys below")
    return build(kind, value, where)


def _table(kind: type, value: Any, where: Where) -> Any:
    # audio = "track.wav" is short for a table with that file.
    if isinstance(value, str) and "file" in members(kind):
        value = {"file": value}
    return build(kind, value, where) if isinstance(value, dict) else None


def _course(value: Any, where: Where) -> Play | None:
    if not isinstance(value, dict):
        return None
    for name, course in value.items():
        if isinstance(course, bool) or not isinstance(course, (str, int, float)):
            raise validate.Wrong(
                (*where, name), f"{name} is {_shown(course)}: give a number, or text such as '0..2..0'"
            )
    return tuple((name, str(course)) for name, course in value.items())


def _numbers(value: Any, rest: list[Any], where: Where) -> tuple[int, ...] | None:
    if isinstance(value, str):
        read_text = seeds.parse if rest == [...] else pixels.parse_size
        try:
            return tuple(read_text(value))
        except SettingsError as error:
            raise validate.Wrong(where, str(error)) from error
    whole = isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
    return tuple(value) if whole and (rest == [...] or len(value) == 1 + len(rest)) else None


def _texts(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else None


def _check(key: str, value: Any, where: Where) -> None:
    """What can be wrong with a value by itself."""
    if key in CHOICES and isinstance(value, str) and value not in CHOICES[key]:
        raise validate.Wrong(where, unknown(key, value, [c for c in CHOICES[key] if c]))
    checks: dict[str, Callable[[Any], Any]] = {"psi": check_psi, "fps": rate.fps, **validate.CHECKS}
    if key in checks:
        try:
            checks[key](value)
        except SettingsError as error:
            raise validate.Wrong(where, f"{key}: {error}" if key not in str(error) else str(error)) from error


def _shown(value: Any) -> str:
    return repr(value) if len(repr(value)) < 60 else f"{repr(value)[:57]}..."


def _called(kind: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", Play: "a table of parameters"}
    if kind in names:
        return names[kind]
    if is_table(kind):
        return "a table"
    item, *rest = get_args(kind)
    if is_table(item):
        return "tables in [[double brackets]]"
    if item is str:
        return "a list of texts"
    return "whole numbers such as [3, 11] or '3,11-14'" if rest == [...] else "a size such as '1920x1080'"


def _line(text: str, where: Where) -> str:
    """' line 12' of the key that an error is about; of the table that lacks it; '' when there is neither."""
    lines = _places(text)
    for length in range(len(where), 0, -1):
        if where[:length] in lines:
            return f" line {lines[where[:length]]}"
    return ""


def _places(text: str) -> dict[Where, int]:
    """Where keys and tables stand: ('section', 1, 'psi') -> line. Good for what people write, not for all of TOML."""
    found: dict[Where, int] = {}
    counts: dict[str, int] = {}
    table: Where = ()
    for number, line in enumerate(text.splitlines(), start=1):
        # No two parts of the pattern take the same letters: a line of a million spaces is looked at once.
        if header := re.match(r"\s*(\[\[?)([^\[\]]+)\]", line):
            names = [part.strip().strip("\"'") for part in header[2].split(".")]
            if header[1] == "[[":
                counts[names[0]] = counts.get(names[0], -1) + 1
            first: Where = (names[0], counts[names[0]]) if names[0] in counts else (names[0],)
            table = (*first, *names[1:])
            found.setdefault(table, number)
        elif key := re.match(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*=""", line):
            found.setdefault((*table, key[1].strip("\"'")), number)
    return found
