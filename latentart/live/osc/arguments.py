"""Values as OSC arguments, and arguments as what their sender means: faders and buttons send nothing but floats."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from latentart.errors import SettingsError
from latentart.live.control.params import Action, Param, Value
from latentart.live.osc.packet import Argument

_INT32 = 2**31


def sent(param: Param, value: Value) -> list[Any]:
    """A value as arguments, always of the type that the table gives: f, i, T or F, s.

    OSC's i has 32 bits and a sign: integers from 2^31 on are sent as the negative number of the same bits, 4294967295
    as -1, and taken back as such.
    """
    if isinstance(value, tuple):
        return list(value)
    if param.kind == "int" and isinstance(value, int):
        return [value - 2 * _INT32 if value >= _INT32 else value]
    return [float(value)] if param.kind == "float" else [value]


def received(param: Param, args: Sequence[Argument], names: Sequence[str] = ()) -> Any:
    """Arguments as a raw value of a parameter. names: what the numbers 1, 2 ... stand for where a name is wanted.

    Raises SettingsError.
    """
    if param.kind == "vector":
        return floats(args)
    first = int(args[0]) if isinstance(args[0], bool) and param.kind in ("choice", "name") else args[0]
    if param.kind == "name" and _is_number(first):
        return _numbered(param.name, first, names)
    if param.kind == "int" and type(first) is int and -_INT32 <= first < 0 and param.high >= _INT32:
        return first + 2 * _INT32
    return first


def of_action(action: Action, args: Sequence[Argument]) -> list[Any] | None:
    """What an action is given: numbers as texts where it takes a text. None for a button that was let go."""
    needed, _, optional = action.args.partition("|")
    given = list(args)
    if not needed and len(given) == 1 and (_is_number(given[0]) or isinstance(given[0], bool) or given[0] is None):
        # A button: 1 when it is pressed and 0 when it is let go.
        return [] if given[0] else None
    tags = needed + optional
    if not tags:
        return [] if not given or given[0] else None
    return [_text(arg) if tag == "s" else arg for arg, tag in zip(given, tags, strict=False)]


def whole(argument: Argument) -> Argument:
    """A float without a fraction as the integer that it means."""
    return int(argument) if isinstance(argument, float) and argument.is_integer() else argument


def floats(args: Sequence[Argument]) -> Sequence[Any]:
    """Numbers, or one blob of little-endian float32. Raises SettingsError."""
    first = args[0]
    if not isinstance(first, bytes):
        return args
    if len(first) % 4:
        raise SettingsError(f"a blob of {len(first)} bytes is no list of float32")
    return struct.unpack(f"<{len(first) // 4}f", first)


def _text(argument: Argument) -> Argument:
    return str(whole(argument)) if _is_number(argument) else argument


def _numbered(name: str, number: Argument, names: Sequence[str]) -> str:
    place = round(float(number))  # type: ignore[arg-type]
    if not 0 <= place <= len(names):
        raise SettingsError(f"{name} takes a name, or a number from 0, which is none, to {len(names)}, not {place}")
    return names[place - 1] if place else ""


def _is_number(argument: Argument) -> bool:
    return isinstance(argument, (int, float)) and not isinstance(argument, bool)
