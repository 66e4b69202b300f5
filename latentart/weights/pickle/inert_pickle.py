"""Reads a pickle as a document: nothing it names is imported, nothing it calls is called.

A pickle is a program for a small stack machine (Python's `pickletools` lists its instructions). This machine
knows the instructions that checkpoints use and a closed table of names, each standing for one of our own
functions that makes plain data. Any other instruction or name is refused. Byte strings stay where they are, as
windows on the file, so memory does not follow what a file claims; text, instructions and keys are bounded.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from latentart.errors import RefusedError, WeightsError

LARGEST_TEXT = 4096
"""Longer text (the source code inside NVIDIA's files) stays a window on the file: nobody reads it."""
LARGEST_NAME = 256
LARGEST_FRAME = 1 << 20

Maker = Callable[[tuple[Any, ...]], Any]
Table = Mapping[str, Maker | None]
"""Name -> the function of ours that stands for it, or None for a name that is only mentioned."""


@dataclass
class Budget:
    """What a file and everything nested in it may use: about 100 MB at the very worst."""

    instructions: int = 400_000
    text: int = 8 << 20


@dataclass(frozen=True)
class Name:
    """A name that the file mentions, in the table."""

    name: str


@dataclass
class Record:
    """An object of the file: what it was called, what it was made from, and its state. It has no behaviour."""

    name: str
    args: tuple[Any, ...] = ()
    state: Any = field(default_factory=dict)


def read(
    data: memoryview, start: int, table: Table, budget: Budget, *, persistent: Maker | None = None
) -> tuple[Any, int]:
    """(the value, where the pickle ends). `persistent` turns a persistent id into a value (torch's storages).

    Raises RefusedError for what no checkpoint needs, WeightsError for a file that ends early.
    """
    machine = _Machine(data, start, table, budget, persistent)
    try:
        return machine.run(), machine.at
    except (IndexError, KeyError, struct.error) as error:
        raise WeightsError(f"broken pickle near byte {machine.at}: damaged, or its download was cut short") from error


def refuse(what: str) -> NoReturn:
    """Raises RefusedError with `what` the file asks for."""
    raise RefusedError(f"refused, nothing was executed: {what} (ask whoever made the file for safetensors)")


class _Machine:
    """A stack, the positions of its marks, and a memo."""

    def __init__(self, data: memoryview, start: int, table: Table, budget: Budget, persistent: Maker | None) -> None:
        self.data, self.at, self.table, self.budget, self.persistent = data, start, table, budget, persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        while True:
            self.budget.instructions -= 1
            if self.budget.instructions < 0:
                refuse("the file has more pickle instructions than any checkpoint (a bomb?)")
            code = self.take(1)[0]
            if code == ord("."):
                return self.pop()
            instruction = _INSTRUCTIONS.get(code)
            if instruction is None:
                refuse(f"pickle instruction {_OPCODE_NAMES.get(code, hex(code))}, which no checkpoint uses")
            instruction(self)

    def take(self, count: int) -> memoryview:
        """The next `count` bytes, as a window on the file."""
        if count > len(self.data) - self.at:
            raise WeightsError(
                f"the file ends early: {count} bytes wanted at byte {self.at}, {len(self.data) - self.at} are left"
                " (download it again)"
            )
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, code: str) -> Any:
        return struct.unpack(code, self.take(struct.calcsize(code)))[0]

    def line(self) -> str:
        """Text up to a newline, as the old GLOBAL instruction has it."""
        window = bytes(self.data[self.at : self.at + LARGEST_NAME])
        end = window.find(b"\n")
        if end < 0:
            refuse(f"a name of more than {LARGEST_NAME} bytes")
        self.at += end + 1
        return self.decode(window[:end])

    def text(self, length: int) -> str | memoryview:
        window = self.take(length)
        return window if length > LARGEST_TEXT else self.decode(bytes(window))

    def decode(self, raw: bytes) -> str:
        self.budget.text -= len(raw)
        if self.budget.text < 0:
            refuse("the file has more text than any checkpoint (a bomb?)")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            refuse(f"text that is not UTF-8: {raw[:32]!r}")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise IndexError("pop below a mark")
        return self.stack.pop()

    def top(self) -> Any:
        return self.stack[-1]

    def pop_marked(self) -> list[Any]:
        """Everything above the last mark."""
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    def pop_tuple(self, count: int) -> tuple[Any, ...]:
        return tuple(reversed([self.pop() for _ in range(count)]))

    def remember(self, index: int) -> None:
        self.memo[index] = self.top()

    def name(self, module: object, attribute: object) -> None:
        full = f"{module}.{attribute}" if isinstance(module, str) and isinstance(attribute, str) else ""
        if len(full) > LARGEST_NAME or self.find(full) is _MISSING:
            refuse(f"the file asks for {full[:LARGEST_NAME]!r}, which no checkpoint needs")
        self.push(Name(full))

    def find(self, name: str) -> Any:
        if name.startswith("torch.nn.modules."):
            return inert(name)
        return self.table.get(name, _MISSING)

    def make(self) -> None:
        """REDUCE and NEWOBJ: our own function for the name, on the arguments given."""
        args, callee = self.pop(), self.pop()
        maker = self.find(callee.name) if isinstance(callee, Name) else None
        if maker is None or not isinstance(args, tuple):
            refuse(f"a call of {callee.name if isinstance(callee, Name) else type(callee).__name__!r}")
        self.push(maker(args))

    def build(self) -> None:
        """State set on an object after it was made. A dict's own attributes (torch's `_metadata`) are left out."""
        state, target = self.pop(), self.top()
        if isinstance(target, Record):
            target.state = state
        elif not isinstance(target, dict):
            refuse(f"state set on {target.name if isinstance(target, Name) else type(target).__name__!r}")

    def set_items(self, items: list[Any]) -> None:
        target = self.top()
        if type(target) is not dict or len(items) % 2:
            refuse(f"items set on {type(target).__name__!r}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) is not str and not (type(key) is int and abs(key) < 2**48):
                refuse(f"a dictionary key of type {type(key).__name__!r}")
            target[key] = value

    def extend(self, values: list[Any]) -> None:
        target = self.top()
        if type(target) is not list:
            refuse(f"values appended to {type(target).__name__!r}")
        target.extend(values)

    def load_persistent(self) -> None:
        identity = self.pop()
        if self.persistent is None or not isinstance(identity, tuple):
            refuse("a persistent id, which this format does not use")
        self.push(self.persistent(identity))

    def frame(self) -> None:
        length = self.number("<Q")
        if length > LARGEST_FRAME:
            refuse(f"a pickle frame of {length} bytes")

    def protocol(self) -> None:
        version = self.number("B")
        if not 2 <= version <= 5:
            refuse(f"pickle protocol {version}")


def inert(name: str) -> Maker:
    """A maker of records: for classes whose objects are kept as data."""
    return lambda args: Record(name, args)


_MISSING = object()
_OPCODE_NAMES = {ord(op.code): op.name for op in pickletools.opcodes}
_INSTRUCTIONS: dict[int, Callable[[_Machine], None]] = {
    0x80: _Machine.protocol,
    0x95: _Machine.frame,
    ord("("): lambda m: m.marks.append(len(m.stack)),
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("K"): lambda m: m.push(m.number("<B")),
    ord("M"): lambda m: m.push(m.number("<H")),
    ord("J"): lambda m: m.push(m.number("<i")),
    0x8A: lambda m: m.push(int.from_bytes(m.take(m.number("B")), "little", signed=True)),  # LONG1
    ord("G"): lambda m: m.push(m.number(">d")),
    0x8C: lambda m: m.push(m.text(m.number("<B"))),
    ord("X"): lambda m: m.push(m.text(m.number("<I"))),
    0x8D: lambda m: m.push(m.text(m.number("<Q"))),
    ord("C"): lambda m: m.push(m.take(m.number("<B"))),
    ord("B"): lambda m: m.push(m.take(m.number("<I"))),
    0x8E: lambda m: m.push(m.take(m.number("<Q"))),
    ord(")"): lambda m: m.push(()),
    0x85: lambda m: m.push(m.pop_tuple(1)),
    0x86: lambda m: m.push(m.pop_tuple(2)),
    0x87: lambda m: m.push(m.pop_tuple(3)),
    ord("t"): lambda m: m.push(tuple(m.pop_marked())),
    ord("]"): lambda m: m.push([]),
    ord("a"): lambda m: m.extend([m.pop()]),
    ord("e"): lambda m: m.extend(m.pop_marked()),
    0x8F: lambda m: m.push([]),  # EMPTY_SET: order and uniqueness matter to nobody here, hashing could
    0x90: lambda m: m.extend(m.pop_marked()),  # ADDITEMS
    ord("}"): lambda m: m.push({}),
    ord("s"): lambda m: m.set_items(list(m.pop_tuple(2))),
    ord("u"): lambda m: m.set_items(m.pop_marked()),
    ord("h"): lambda m: m.push(m.memo[m.number("<B")]),
    ord("j"): lambda m: m.push(m.memo[m.number("<I")]),
    ord("q"): lambda m: m.remember(m.number("<B")),
    ord("r"): lambda m: m.remember(m.number("<I")),
    0x94: lambda m: m.remember(len(m.memo)),
    ord("c"): lambda m: m.name(m.line(), m.line()),
    0x93: lambda m: m.name(*m.pop_tuple(2)),
    ord("R"): _Machine.make,
    0x81: _Machine.make,  # NEWOBJ
    ord("b"): _Machine.build,
    ord("Q"): _Machine.load_persistent,
}
