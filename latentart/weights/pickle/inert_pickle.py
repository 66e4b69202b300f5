"""Reads a pickle as a document: nothing it names is imported, nothing it calls is called.

A pickle is a program for a small stack machine (Python's `pickletools` lists its instructions). This machine knows
the instructions of protocols 0 to 2 and those that checkpoints use of later ones, and a closed table of names, each
standing for one of our own functions that makes plain data. Any other instruction or name is refused. Byte strings stay
where they are, as windows on the file, so memory does not follow what a file claims; text, instructions and keys are
bounded.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from latentart.errors import RefusedError, WeightsError
from latentart.weights.pickle import literals

LARGEST_TEXT = 4096
"""Longer text (the source code inside NVIDIA's files) stays a window on the file: nobody reads it."""
LARGEST_NAME = 256
LARGEST_FRAME = 1 << 20
LARGEST_NUMBER = 255
"""Bytes or digits of an integer."""
INERT_PACKAGES = ("torch.nn.modules.", "R3GAN.", "training.networks.")
"""Whole modules are pickled with these classes: each becomes a record."""

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

    def line(self, most: int = LARGEST_NAME) -> str:
        """Text up to a newline, as GLOBAL and the instructions of protocol 0 have it."""
        return self.decode(self.raw_line(most))

    def raw_line(self, most: int) -> bytes:
        """Bytes up to a newline."""
        window = bytes(self.data[self.at : self.at + most])
        end = window.find(b"\n")
        if end < 0:
            refuse(f"a name of more than {most} bytes")
        self.at += end + 1
        return window[:end]

    def old_text(self, length: int) -> str | memoryview:
        """A text of Python 2, which are bytes: each becomes the letter of its number (Latin-1), so that nothing is
        lost where they were no text."""
        window = self.take(length)
        self.spend(min(length, LARGEST_TEXT))
        return window if length > LARGEST_TEXT else bytes(window).decode("latin-1")

    def literal(self, read: Callable[[bytes], Any], most: int = LARGEST_NUMBER) -> Any:
        """A value that protocol 0 writes in a line of text; `read` makes it of the line."""
        line = self.raw_line(most)
        self.spend(len(line))
        try:
            return read(line)
        except ValueError as error:
            refuse(str(error))

    def integer(self, length: int) -> int:
        """A whole number of so many bytes."""
        if not 0 <= length <= LARGEST_NUMBER:
            refuse(f"an integer of {length} bytes")
        return int.from_bytes(self.take(length), "little", signed=True)

    def text(self, length: int) -> str | memoryview:
        window = self.take(length)
        return window if length > LARGEST_TEXT else self.decode(bytes(window))

    def decode(self, raw: bytes) -> str:
        self.spend(len(raw))
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            refuse(f"text that is not UTF-8: {raw[:32]!r}")

    def spend(self, count: int) -> None:
        """Takes so many letters off what the file may have."""
        self.budget.text -= count
        if self.budget.text < 0:
            refuse("the file has more text than any checkpoint (a bomb?)")

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

    def drop(self) -> None:
        """POP: the topmost value, or the topmost mark."""
        if self.marks and len(self.stack) == self.marks[-1]:
            self.marks.pop()
        else:
            self.pop()

    def drop_marked(self) -> None:
        """POP_MARK: everything above the last mark, and the mark."""
        self.pop_marked()

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
        if name.startswith(INERT_PACKAGES):
            return inert(name)
        return self.table.get(name, _MISSING)

    def make(self) -> None:
        """REDUCE and NEWOBJ: our own function for the name, on the arguments given."""
        args, callee = self.pop(), self.pop()
        maker = self.find(callee.name) if isinstance(callee, Name) else None
        if maker is None or not isinstance(args, tuple):
            refuse(f"a call of {callee.name if isinstance(callee, Name) else type(callee).__name__!r}")
        self.push(maker(args))

    def instance(self) -> None:
        """INST: a name in two lines, called with everything above the mark."""
        arguments = tuple(self.pop_marked())
        self.name(self.line(), self.line())
        self.push(arguments)
        self.make()

    def object(self) -> None:
        """OBJ: everything above the mark, the first of it called with the others."""
        values = self.pop_marked()
        self.push(values.pop(0))
        self.push(tuple(values))
        self.make()

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
            target[checked_key(key)] = value

    def dictionary(self) -> None:
        """DICT: names and values above the mark."""
        items = self.pop_marked()
        self.push({})
        self.set_items(items)

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


def checked_key(key: Any) -> str | int:
    """A dictionary's key, text or a number: hashing others can take a time that their file decides."""
    if type(key) is str or (type(key) is int and abs(key) < 2**48):
        return key
    refuse(f"a dictionary key of type {type(key).__name__!r}")


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
    0x8A: lambda m: m.push(m.integer(m.number("B"))),  # LONG1
    0x8B: lambda m: m.push(m.integer(m.number("<i"))),  # LONG4
    ord("I"): lambda m: m.push(m.literal(literals.digits)),
    ord("L"): lambda m: m.push(m.literal(literals.digits)),
    ord("F"): lambda m: m.push(m.literal(literals.decimal)),
    ord("S"): lambda m: m.push(m.literal(literals.quoted, LARGEST_TEXT)),
    ord("V"): lambda m: m.push(m.literal(literals.unescaped, LARGEST_TEXT)),
    ord("U"): lambda m: m.push(m.old_text(m.number("<B"))),
    ord("T"): lambda m: m.push(m.old_text(m.number("<I"))),
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
    ord("l"): lambda m: m.push(m.pop_marked()),
    ord("d"): _Machine.dictionary,
    ord("0"): _Machine.drop,
    ord("1"): _Machine.drop_marked,
    ord("2"): lambda m: m.push(m.top()),
    ord("a"): lambda m: m.extend([m.pop()]),
    ord("e"): lambda m: m.extend(m.pop_marked()),
    0x8F: lambda m: m.push([]),  # EMPTY_SET: order and uniqueness matter to nobody here, hashing could
    0x90: lambda m: m.extend(m.pop_marked()),  # ADDITEMS
    ord("}"): lambda m: m.push({}),
    ord("s"): lambda m: m.set_items(list(m.pop_tuple(2))),
    ord("u"): lambda m: m.set_items(m.pop_marked()),
    ord("g"): lambda m: m.push(m.memo[m.literal(literals.digits)]),
    ord("p"): lambda m: m.remember(m.literal(literals.digits)),
    ord("h"): lambda m: m.push(m.memo[m.number("<B")]),
    ord("j"): lambda m: m.push(m.memo[m.number("<I")]),
    ord("q"): lambda m: m.remember(m.number("<B")),
    ord("r"): lambda m: m.remember(m.number("<I")),
    0x94: lambda m: m.remember(len(m.memo)),
    ord("c"): lambda m: m.name(m.line(), m.line()),
    0x93: lambda m: m.name(*m.pop_tuple(2)),
    ord("R"): _Machine.make,
    0x81: _Machine.make,  # NEWOBJ
    ord("i"): _Machine.instance,
    ord("o"): _Machine.object,
    ord("b"): _Machine.build,
    ord("Q"): _Machine.load_persistent,
}
