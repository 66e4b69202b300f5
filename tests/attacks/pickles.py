"""Attacks in the pickle of a checkpoint in NVIDIA's layout."""

from __future__ import annotations

import io
import pickle
import struct
from typing import Any

import numpy as np
import torch

from tests.layouts import nvidia
from tests.layouts.random_stylegan2 import random_state

from .kinds import COMMAND, Attack, file

START, STOP = b"\x80\x04", b"."


def text(value: str) -> bytes:
    """Pushes a text."""
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def name(module: str, attribute: str) -> bytes:
    """Pushes what a name stands for (STACK_GLOBAL)."""
    return text(module) + text(attribute) + b"\x93"


def call(module: str, attribute: str, *arguments: bytes) -> bytes:
    """Pushes the result of a call (REDUCE)."""
    return name(module, attribute) + b"(" + b"".join(arguments) + b"tR"


def whole(body: bytes) -> bytes:
    """A pickle of {'G_ema': what the body pushes}."""
    return START + b"}" + text("G_ema") + body + b"s" + STOP


def bytes_(content: bytes) -> bytes:
    """Pushes bytes."""
    return b"B" + struct.pack("<I", len(content)) + content


SYSTEM = call("posix", "system", text(COMMAND))
DICT = call("collections", "OrderedDict")


def document(change: Any = None, **tensors: Any) -> bytes:
    """A small checkpoint that is right but for what `change` does to its generator."""
    state, config = random_state(resolution=8)
    generator = nvidia.stylegan2(state, config)
    if change:
        change(generator)
    with nvidia.stand_ins():
        return pickle.dumps({"G_ema": generator, **tensors}, 4)


def embedded_source() -> bytes:
    source = f"import os\nos.system('''{COMMAND}''')\n" + "#" * 5000

    def change(generator: nvidia.Network) -> None:
        for module in [generator, *(m for _, m in generator.modules())]:
            module.source = source

    return document(change)


def storage_of(content: bytes) -> bytes:
    """A tensor whose storage is made from these bytes."""
    stored = call("torch.storage", "_load_from_bytes", bytes_(content))
    return call("torch._utils", "_rebuild_tensor_v2", stored, b"K\x00", b"K\x01\x85", b"K\x01\x85", b"\x89", DICT)


def legacy(body: bytes) -> bytes:
    """A storage stream of torch whose object pickle is `body`."""
    stream = io.BytesIO()
    torch.save(torch.ones(4).untyped_storage(), stream, _use_new_zipfile_serialization=False)
    head, separator, tail = stream.getvalue().partition(b"\x80\x02(X\x07\x00\x00\x00storage")
    return head + START + body + STOP + separator + tail


def doubled_key() -> bytes:
    """x = (x, x), sixty times over, as a dictionary's key: hashing it would take 2^60 steps."""
    step = b"q\x01h\x01\x86"
    return whole(b"}" + b")" + step * 60 + b"K\x01s")


def doubled_modules() -> bytes:
    """A network whose modules each hold the one below twice: sixty levels, 2^60 modules, a few kB."""

    def change(generator: nvidia.Network) -> None:
        below = nvidia.Network("Leaf")
        for _ in range(60):
            level = nvidia.Network("Level")
            level.state["_modules"] |= {"a": below, "b": below}
            below = level
        generator.state["_modules"]["extra"] = below

    return document(change)


def wide_modules() -> bytes:
    """Twelve levels of ten times the same module: 10^12 modules."""

    def change(generator: nvidia.Network) -> None:
        below = nvidia.Network("Leaf")
        for _ in range(12):
            level = nvidia.Network("Level")
            level.state["_modules"] |= {str(i): below for i in range(10)}
            below = level
        generator.state["_modules"]["extra"] = below

    return document(change)


def doubled_attribute() -> bytes:
    """A switch whose value is 2^60 times the same list: printing it would never end."""

    def change(generator: nvidia.Network) -> None:
        value: list[Any] = []
        for _ in range(60):
            value = [value, value]
        for key in ("activation", "conv_clamp"):
            generator.at("synthesis.b8.conv1").state[key] = value

    return document(change)


def own_child() -> bytes:
    """A module that is its own child, by way of the memo."""
    meta = b"}(" + text("type") + text("class") + text("class_name") + text("Loop") + text("state")
    meta += b"}" + text("_modules") + b"}q\x05su"
    module = name("torch_utils.persistence", "_reconstruct_persistent_obj") + meta + b"\x85Rq\x06"
    loop = text("D") + b"h\x05" + text("again") + b"h\x06s"
    return START + b"}" + text("G_ema") + module + b"s" + loop + b"s" + STOP


def tensor_with(shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> bytes:
    """A tensor of this shape and these strides on a storage of four bytes."""
    stream = io.BytesIO()
    torch.save(torch.ones(1).untyped_storage(), stream, _use_new_zipfile_serialization=False)
    stored = call("torch.storage", "_load_from_bytes", bytes_(stream.getvalue()))
    numbers = [b"(" + b"".join(b"\x8a\x08" + struct.pack("<q", n) for n in ns) + b"t" for ns in (shape, stride)]
    at = b"\x8a\x08" + struct.pack("<q", offset)
    return whole(call("torch._utils", "_rebuild_tensor_v2", stored, at, *numbers, b"\x89", DICT))


def numpy_objects() -> bytes:
    class Payload:
        def __reduce__(self) -> Any:
            import os

            return os.system, (COMMAND,)

    array = np.empty(1, dtype=object)
    array[0] = Payload()
    return document(lambda g: g.state.update(extra=array))


def collision() -> bytes:
    """One name for a parameter and a buffer."""

    def change(generator: nvidia.Network) -> None:
        layer = generator.at("synthesis.b8.conv1").state
        layer["_buffers"]["bias"] = torch.zeros(3)

    return document(change)


def shared_bytes() -> bytes:
    """A thousand names for one tensor of a megabyte: a gigabyte when each is copied."""
    big = torch.nn.Parameter(torch.zeros(1 << 18))

    def change(generator: nvidia.Network) -> None:
        generator.at("mapping").state["_parameters"] |= {f"p{i}": big for i in range(1000)}

    return document(change)


def long_names() -> bytes:
    """Names of 4,000 letters, one below the other."""

    def change(generator: nvidia.Network) -> None:
        below = nvidia.Network("Leaf")
        for _ in range(12):
            level = nvidia.Network("Level")
            level.state["_modules"] |= {"a" * 4000: below}
            below = level
        generator.state["_modules"]["extra"] = below

    return document(change)


def wide_layers() -> bytes:
    """A StyleGAN3 of 400 layers that share 900 attributes of 64 numbers."""
    generator = nvidia.network({"synthesis.input.freqs": torch.zeros(2, 2)})
    layer = nvidia.Network("Layer", **{f"a{i}": [0] * 64 for i in range(900)})
    generator.at("synthesis").state["_modules"] |= {f"L{i}": layer for i in range(400)}
    with nvidia.stand_ins():
        return pickle.dumps({"G_ema": generator}, 4)


def tall_tower() -> bytes:
    """Fifteen blocks of one channel without noise maps, which would take 34 GB to draw."""
    tensors, config = random_state(resolution=8, widths={4: 1, 8: 1})
    for r in (2**i for i in range(4, 17)):
        parts = {n.replace("b8.", f"b{r}."): t for n, t in tensors.items() if ".b8." in n and "noise_const" not in n}
        tensors |= parts
    tensors = {n: t for n, t in tensors.items() if "noise_const" not in n}
    with nvidia.stand_ins():
        return pickle.dumps({"G_ema": nvidia.stylegan2(tensors, config | {"img_resolution": 65536})}, 4)


def _many(instructions: bytes, count: int) -> bytes:
    return START + instructions * count + STOP


def _truncated() -> bytes:
    content = document()
    return content[: len(content) // 2]


_ASKS = "nothing was executed: the file asks for "
ATTACKS: dict[str, Attack] = {
    "source code in module_src": file(embedded_source, None),
    "os.system by reduce": file(lambda: whole(SYSTEM), _ASKS + "'posix.system'"),
    "os.system beside a good G_ema": file(
        lambda: document()[:-1] + text("x") + SYSTEM + b"s.", _ASKS + "'posix.system'"
    ),
    "os.system by the old GLOBAL": file(
        lambda: b"\x80\x02cposix\nsystem\n(" + text(COMMAND) + b"tR.", _ASKS + "'posix.system'"
    ),
    "os.system in a text pickle": file(
        lambda: b"cos\nsystem\n(S'" + COMMAND.encode() + b"'\ntR.", "a pickle of the old text kind"
    ),
    "nested pickle in storage bytes": file(
        lambda: whole(storage_of(START + SYSTEM + STOP)), _ASKS + "'posix.system'"
    ),
    "nested pickle inside a torch stream": file(
        lambda: whole(storage_of(legacy(SYSTEM))), _ASKS + "'posix.system'"
    ),
    "storage bytes of a second level": file(
        lambda: whole(storage_of(legacy(call("torch.storage", "_load_from_bytes", bytes_(b"x"))))),
        _ASKS + "'torch.storage._load_from_bytes'",
    ),
    "builtins.eval": file(lambda: whole(call("builtins", "eval", text("1"))), _ASKS + "'builtins.eval'"),
    "builtins.exec": file(lambda: whole(call("builtins", "exec", text("1"))), _ASKS + "'builtins.exec'"),
    "getattr chain": file(
        lambda: whole(call("builtins", "getattr", name("collections", "OrderedDict"), text("__init__"))),
        _ASKS + "'builtins.getattr'",
    ),
    "operator.attrgetter": file(
        lambda: whole(call("operator", "attrgetter", text("__globals__"))), _ASKS + "'operator.attrgetter'"
    ),
    "functools.partial": file(
        lambda: whole(call("functools", "partial", text("x"))), _ASKS + "'functools.partial'"
    ),
    "import by runpy": file(lambda: whole(call("runpy", "run_path", text("x"))), _ASKS + "'runpy.run_path'"),
    "torch.load by name": file(lambda: whole(call("torch", "load", text("x"))), _ASKS + "'torch.load'"),
    "dotted name through an allowed one": file(
        lambda: whole(name("collections", "OrderedDict.__init__.__globals__")), _ASKS + "'collections.OrderedDict.__"
    ),
    "dotted module of an allowed name": file(
        lambda: whole(name("torch.storage._load_from_bytes", "__globals__")), _ASKS + "'torch.storage._load_from_by"
    ),
    "name that is not text": file(lambda: whole(b"K\x01K\x02\x93"), _ASKS + "''"),
    "name of a gigabyte": file(lambda: b"\x80\x02c" + b"a" * 100_000 + b"\n", "a name of more than 256 bytes"),
    "persistent id": file(lambda: whole(text("x") + b"\x85Q"), "a persistent id"),
    "persistent id as text": file(lambda: whole(b"Px\n"), "pickle instruction PERSID"),
    "extension registry": file(lambda: whole(b"\x82\x01"), "pickle instruction EXT1"),
    "INST": file(lambda: whole(b"(iposix\nsystem\n"), _ASKS + "'posix.system'"),
    "OBJ": file(lambda: whole(b"(cposix\nsystem\no"), _ASKS + "'posix.system'"),
    "NEWOBJ_EX": file(lambda: whole(b"))}\x92"), "pickle instruction NEWOBJ_EX"),
    "out-of-band buffer": file(lambda: whole(b"\x97"), "pickle instruction NEXT_BUFFER"),
    "state set on a class": file(
        lambda: whole(name("collections", "OrderedDict") + b"N}" + text("x") + b"K\x01s\x86b"),
        "state set on 'collections.OrderedDict'",
    ),
    "state that replaces a dictionary's methods": file(
        lambda: whole(DICT + b"}" + text("__class__") + name("argparse", "Namespace") + b"sb"),
        "a pickle without a generator",
    ),
    "__setstate__ in a record": file(
        lambda: whole(name("argparse", "Namespace") + b")\x81}" + text("__setstate__") + SYSTEM + b"sb"),
        _ASKS + "'posix.system'",
    ),
    "call of a value": file(lambda: whole(text("x") + b")R"), "a call of 'str'"),
    "call of a storage type": file(
        lambda: whole(call("torch", "FloatStorage", b"J\xff\xff\xff\x7f")), "a call of 'torch.FloatStorage'"
    ),
    "bytearray of a terabyte": file(
        lambda: whole(call("builtins", "bytearray", b"\x8a\x06" + (1 << 40).to_bytes(6, "little"))),
        _ASKS + "'builtins.bytearray'",
    ),
    "append to a record": file(
        lambda: whole(name("argparse", "Namespace") + b")\x81K\x01a"), "values appended to 'Record'"
    ),
    "numpy objects": file(numpy_objects, "numpy dtype 'O8'"),
    "doubled tuple as a key": file(doubled_key, "a dictionary key of type 'tuple'"),
    "doubled modules": file(doubled_modules, "a network nested more than 16 deep|more than 5000 modules"),
    "wide modules": file(wide_modules, "a network of more than 5000 modules"),
    "doubled attribute": file(doubled_attribute, "has activation 'list'"),
    "module that holds itself": file(own_child, "a network nested more than 16 deep"),
    "a million nested lists": file(lambda: _many(b"]", 1_000_000), "more pickle instructions"),
    "300,000 nested tuples": file(
        lambda: START + b")" + b"\x85" * 300_000 + STOP, "a pickle without a generator"
    ),
    "300,000 dictionaries": file(lambda: _many(b"}\x94", 190_000), "a pickle without a generator"),
    "190,000 byte strings": file(lambda: _many(b"C\x00\x94", 190_000), "a pickle without a generator"),
    "90,000 records": file(
        lambda: START + name("argparse", "Namespace") + b"\x94" + b"h\x00)\x81\x94" * 90_000 + STOP,
        "its generator is a 'argparse.Namespace'",
    ),
    "texts that grow fourfold in memory": file(
        lambda: START + (b"X" + struct.pack("<I", 4096) + b"x" * 4092 + "\N{MUSICAL SCORE}".encode()) * 2000 + STOP,
        "a pickle without a generator",
    ),
    "copies of a large set": file(
        lambda: START + b"]\x94(" + b"K\x00" * 90_000 + b"e" + (name("builtins", "set") + b"h\x00\x85R\x94") * 30_000
        + STOP,
        "a pickle without a generator",
    ),
    "copies of a long text": file(
        lambda: START + b"X\x00\x10\x00\x00" + b"x" * 4096 + b"\x94"
        + call("_codecs", "encode", b"h\x00", text("latin1")) + STOP,
        "an encoding other than",
    ),
    "names of 4,000 letters": file(long_names, "names of more than 200 letters"),
    "wide layers": file(wide_layers, "more than 64 layers"),
    "noise maps of 34 GB": file(tall_tower, "pictures of 65536 pixels a side"),
    "text of 4 exabytes": file(
        lambda: START + b"\x8d" + struct.pack("<Q", 1 << 62) + b"x", "the file ends early"
    ),
    "bytes of 4 exabytes": file(
        lambda: START + b"\x8e" + struct.pack("<Q", 1 << 62) + b"x", "the file ends early"
    ),
    "bytearray of 4 exabytes": file(
        lambda: b"\x80\x05\x96" + struct.pack("<Q", 1 << 62), "pickle instruction BYTEARRAY8"
    ),
    "frame of 4 exabytes": file(lambda: START + b"\x95" + struct.pack("<Q", 1 << 62), "a pickle frame of"),
    "integer of 2 gigabytes": file(
        lambda: START + b"\x8b" + struct.pack("<I", (1 << 31) - 1), "an integer of 2147483647 bytes"
    ),
    "integer of 5,000 digits": file(lambda: START + b"I" + b"9" * 5000 + b"\n.", "a name of more than 255 bytes"),
    "integer that is none": file(lambda: START + b"L1_000L\n.", "a number '1_000L'"),
    "float that is none": file(lambda: START + b"Fopen('x')\n.", "a number \"open"),
    "quoted text that is code": file(lambda: START + b"Sopen('x')\n.", "a text without its quotes"),
    "quoted text with damaged escapes": file(lambda: START + b"S'\\x'\n.", "damaged escapes"),
    "Unicode text with damaged escapes": file(lambda: START + b"V\\uzz\n.", "damaged escapes"),
    "old text of 4 GB": file(lambda: START + b"T" + struct.pack("<I", 0xFFFFFFF0) + b"x", "the file ends early"),
    "12 MB of old texts": file(
        lambda: START + (b"T" + struct.pack("<I", 4000) + b"x" * 4000) * 3000 + STOP, "more text"
    ),
    "OBJ of nothing": file(lambda: START + b"(o.", "broken pickle"),
    "INST of a storage type": file(lambda: START + b"(itorch\nFloatStorage\n.", "a call of 'torch.FloatStorage'"),
    "object made from another": file(
        lambda: START
        + call("copyreg", "_reconstructor", name("argparse", "Namespace"), name("builtins", "object"), b"K\x01")
        + STOP,
        "an object made from another",
    ),
    "dictionary of one list, 30,000 times": file(
        lambda: START + b"]\x94(" + b"K\x00K\x01\x86" * 30_000 + b"e"
        + (name("collections", "OrderedDict") + b"h\x00\x85R\x94") * 30_000 + STOP, "a pickle without a generator",
    ),
    "dictionary of pairs whose key is a list": file(
        lambda: START + name("collections", "OrderedDict") + b"(]]\x86lt\x94R" + STOP, "key of type|made from|broken",
    ),
    "duplicates": file(lambda: START + b"]" + b"2" * 350_000 + STOP, "a pickle without a generator"),
    "memo index of 4 billion": file(
        lambda: START + b"}r\xff\xff\xff\xff" + STOP, "a pickle without a generator"
    ),
    "30 MB of short texts": file(
        lambda: START + (b"X" + struct.pack("<I", 4000) + b"x" * 4000) * 8000 + STOP, "more text than any checkpoint"
    ),
    "text that is not UTF-8": file(lambda: whole(b"\x8c\x02\xff\xfe"), "text that is not UTF-8"),
    "stack underflow": file(lambda: START + b"R" + STOP, "broken pickle"),
    "zero-stride tensor": file(lambda: tensor_with((1 << 20, 1 << 12), (0, 0)), r"a tensor of shape \(1048576, 4096\)"),
    "negative stride": file(lambda: tensor_with((2, 2), (-1, 1)), "a tensor of shape"),
    "negative offset": file(lambda: tensor_with((2,), (1,), -2), "a tensor of shape"),
    "tensor beyond its storage": file(lambda: tensor_with((2, 2), (4, 1)), "a tensor of shape"),
    "shape that overflows": file(lambda: tensor_with((1 << 40, 1 << 40), (1, 1)), "a tensor of shape"),
    "one storage a thousand times": file(shared_bytes, "together in a file of"),
    "colliding tensor names": file(collision, "two tensors named 'synthesis.b8.conv1.bias'"),
    "truncated pickle": file(_truncated, "the file ends early"),
}  # fmt: skip
