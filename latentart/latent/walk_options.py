"""Walks and their options as the files of `walks` state them, read without importing these.

Command lines, scores and the live table list the options of every walk; importing a walk would load PyTorch for it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

FOLDER = Path(__file__).parents[1] / "walks"
PSI = 0.8
"""Truncation where none is given; here, where help texts can read it without loading PyTorch."""
Kind = Literal["str", "int", "float"]


@dataclass(frozen=True)
class Option:
    """An option in the signature of a walk: `Annotated[float, Option("Size of the circle.", 0.0, 4.0)]`.

    low, high: range of a fader; live: the value while playing, for a number that has no live parameter of its own.
    """

    doc: str
    low: float = 0.0
    high: float = 0.0
    live: float | None = None


@dataclass(frozen=True)
class WalkOption:
    """An option of a walk: its name, type, default and its `Option`."""

    walk: str
    name: str
    kind: Kind
    default: Any
    option: Option

    @property
    def played(self) -> bool:
        """Whether it is a live parameter, walk/<name>."""
        return self.kind != "str" and self.option.live is None


@cache
def names() -> tuple[str, ...]:
    """Names of the walks, sorted."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.py") if not file.stem.startswith("_")))


@cache
def options() -> tuple[WalkOption, ...]:
    """Options of all walks, in the order of walks and of their signatures."""
    return tuple(option for name in names() for option in _read(name))


def of(walk: str) -> tuple[WalkOption, ...]:
    """Options of one walk."""
    return tuple(option for option in options() if option.walk == walk)


def _read(walk: str) -> list[WalkOption]:
    tree = ast.parse((FOLDER / f"{walk}.py").read_text(encoding="utf-8"))
    (arguments,) = [node.args for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == walk]
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return [found for arg, default in pairs if (found := _option(walk, arg, default)) is not None]


def _option(walk: str, arg: ast.arg, default: ast.expr | None) -> WalkOption | None:
    match arg.annotation:
        case ast.Subscript(
            value=ast.Name(id="Annotated"),
            slice=ast.Tuple(elts=[ast.Name(id=kind), ast.Call(func=ast.Name(id="Option")) as call]),
        ):
            given = [ast.literal_eval(value) for value in call.args]
            named = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
            assert default is not None, f"option {arg.arg} of walk {walk} has no default"
            return WalkOption(walk, arg.arg, cast(Kind, kind), ast.literal_eval(default), Option(*given, **named))
    return None
