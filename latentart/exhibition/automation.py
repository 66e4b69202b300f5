"""The course of a parameter: a number, keys, or an expression over time and sound. Nothing is ever evaluated as code.

0.7    0..2.5..0    0..2.5..0 sine    0.5 + 0.4 * low    keys(s, 0, 1, 0) * beat
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping

import numpy as np

from latentart.errors import SettingsError, unknown
from latentart.latent import automation
from latentart.latent.easing import EASINGS, easing

Moment = Mapping[str, float]
"""What is known at a frame: t, u, s and, with sound, the envelopes."""
Course = Callable[[Moment], float]

TIMES = {"t": "seconds", "u": "phase of the film, 0 to 1", "s": "phase of the section, 0 to 1"}
HEARD = {
    "rms": "loudness",
    "low": "20 to 200 Hz",
    "mid": "200 to 2000 Hz",
    "high": "above 2000 Hz",
    "onset": "1 where something begins, then falling",
    "beat": "1 on each beat, falling to 0 and rising before the next",
    "tempo": "beats per minute",
}
"""The envelopes, each 0 to 1 but for tempo."""
PARAMETERS = {
    "psi": "truncation: 0 average, 1 as trained",
    "mix": "share of mix_seed in its layers, 0 to 1",
    "phase": "added to the place on the walk, in rounds",
    "light": "brightness: 1 as it is, 0 black",
}
LONGEST = 300

FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "sin": (1, math.sin),
    "cos": (1, math.cos),
    "abs": (1, abs),
    "sqrt": (1, lambda x: math.sqrt(max(x, 0.0))),
    "floor": (1, math.floor),
    "min": (2, min),
    "max": (2, max),
    "clamp": (3, lambda x, low, high: min(max(x, low), high)),
    "mix": (3, lambda a, b, x: a + (b - a) * x),
}
"""Name -> how many arguments it takes, and what it does."""
OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: math.pow(a, b),
}


def parse(text: str, names: Mapping[str, object] | None = None) -> Course:
    """The course that a text describes, over the variables `names`. Raises SettingsError."""
    if keyed := re.fullmatch(r"\s*([-+.\d]+(?:\.\.[-+.\d]+)+)\s*([a-z]*)\s*", text):
        return _keyed(automation.parse_keys(f"{keyed[1]} {keyed[2]}"))
    if len(text) > LONGEST:
        raise SettingsError(f"an expression of {len(text)} characters: give at most {LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        found = _node(tree.body, {**TIMES, "pi": "3.14159..."} if names is None else names)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise SettingsError(
            f"cannot read {text!r}: write a number, keys such as 0..2..0, or 0.5 + 0.4 * sin(t)"
        ) from None
    return lambda moment: _finite(found, moment, text)


def check(name: str, text: str, *, heard: bool, mixed: bool) -> None:
    """Raises SettingsError for a parameter or a course that makes no sense in a section."""
    if name not in PARAMETERS and not re.fullmatch(r"[A-Za-z][\w.:-]*(@[\w,-]+)?", name):
        raise SettingsError(unknown("parameter", name, [*PARAMETERS, "pca:1", "sefa:1"]))
    if name not in PARAMETERS and ":" not in name and name in {p[:-1] for p in PARAMETERS}:
        raise SettingsError(unknown("parameter", name, PARAMETERS))
    if name == "mix" and not mixed:
        raise SettingsError("mix needs the seed it mixes in: add mix_seed = 44 to the section")
    course = parse(text, variables(heard))
    for moment in (0.0, 0.37):
        course(dict.fromkeys(variables(heard), moment))


def variables(heard: bool) -> dict[str, str]:
    """Every name that an expression may use, with what it is."""
    return {**TIMES, **(HEARD if heard else {}), "pi": "3.14159..."}


def _keyed(keys: automation.Keys) -> Course:
    """Keys over the section, the first at its beginning and the last at its end."""
    return lambda moment: float(keys(np.array(moment["s"])))


def _finite(course: Course, moment: Moment, text: str) -> float:
    try:
        value = float(course(moment))
    except (ArithmeticError, ValueError) as error:
        raise SettingsError(f"{text!r} has no value at t = {moment['t']:g}: {error}") from None
    if not math.isfinite(value):
        raise SettingsError(
            f"{text!r} is not finite at t = {moment['t']:g}: keep it in bounds with clamp(x, low, high)"
        )
    return value


def _node(node: ast.expr, names: Mapping[str, object]) -> Course:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return lambda moment: float(value)
        case ast.Name(id="pi"):
            return lambda moment: math.pi
        case ast.Name(id=name):
            if name not in names:
                raise SettingsError(_unknown_name(name, names))
            return lambda moment: moment[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _node(operand, names)
            return lambda moment: -inner(moment)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            a, b, act = _node(left, names), _node(right, names), OPERATORS[type(op)]
            return lambda moment: act(a(moment), b(moment))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return _call(name, [_node(argument, names) for argument in args])
    raise ValueError


def _unknown_name(name: str, names: Mapping[str, object]) -> str:
    if name in HEARD:
        return f"{name!r} is heard, and the score has no sound: add audio = 'track.wav'"
    return unknown("name", name, [*names, *FUNCTIONS, "keys"])


def _call(name: str, given: list[Course]) -> Course:
    if name == "keys" and len(given) >= 3:
        place, *keys = given
        return lambda moment: _between([key(moment) for key in keys], place(moment))
    if name in EASINGS and len(given) == 1:
        return lambda moment: float(easing(name)(np.array(min(max(given[0](moment), 0.0), 1.0))))
    if name not in FUNCTIONS:
        raise SettingsError(unknown("function", name, [*FUNCTIONS, *EASINGS, "keys"]))
    count, act = FUNCTIONS[name]
    if len(given) != count:
        raise SettingsError(f"{name} takes {count} values, {len(given)} given")
    return lambda moment: act(*(argument(moment) for argument in given))


def _between(keys: list[float], place: float) -> float:
    """Straight from key to key as place goes from 0 to 1."""
    return float(np.interp(place, np.linspace(0, 1, len(keys)), keys))
