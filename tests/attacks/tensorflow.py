"""Attacks in the pickle of a StyleGAN2 for TensorFlow."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.layouts import tensorflow
from tests.layouts.random_stylegan2 import random_state

from .kinds import COMMAND, Attack, file
from .pickles import START, STOP, SYSTEM, call, name, text


def document(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A small network that is right but for what `change` does to its state."""
    network = tensorflow.network(*random_state(resolution=8))
    change(network.state)
    with tensorflow.stand_ins():
        return pickle.dumps((None, None, network), 4)


def with_variable(value: object, variable: str = "x") -> Callable[[], bytes]:
    return lambda: document(lambda state: state["variables"].append((variable, value)))


def raw(body: bytes) -> Callable[[], bytes]:
    """A network whose state is what the body pushes."""
    return lambda: START + name("dnnlib.tflib.network", "Network") + b")\x81" + body + b"b" + STOP


def claimed(shape: tuple[int, ...]) -> Callable[[], bytes]:
    """An array of one value that claims another shape."""

    def write() -> bytes:
        whole = document(lambda state: state["variables"].append(("x", np.full((3, 1), 7, np.float32))))
        short = bytes([ord("K"), 3, ord("K"), 1, 0x86])
        at = whole.rindex(short)
        pushed = b"".join(b"\x8a\x08" + n.to_bytes(8, "little", signed=True) for n in shape)
        return b"\x80\x04" + whole[11:at] + pushed + bytes([0x85 + len(shape) - 1]) + whole[at + len(short) :]

    return write


def source(state: dict[str, Any]) -> None:
    state["build_module_src"] = f"import os\nos.system('''{COMMAND}''')\n"


ATTACKS: dict[str, Attack] = {
    "tensorflow: embedded source": file(lambda: document(source), None),
    "tensorflow: StyleGAN1": file(lambda: document(lambda s: s.update(version=2)), "a StyleGAN1"),
    "tensorflow: state by os.system": file(raw(SYSTEM), "'posix.system'"),
    "tensorflow: state by eval": file(raw(call("builtins", "eval", text("1"))), "'builtins.eval'"),
    "tensorflow: a session": file(
        raw(call("tensorflow.python.client.session", "Session")), "'tensorflow.python.client.session.Session'"
    ),
    "tensorflow: no networks": file(lambda: START + text("dnnlib.tflib") + STOP, "without a generator Gs"),
    "tensorflow: state that is a number": file(raw(b"K\x01"), "without a generator Gs"),
    "tensorflow: array of exabytes": file(claimed((1 << 40, 1 << 40)), "an impossible shape|a tensor of shape"),
    "tensorflow: array beyond its bytes": file(claimed((1 << 30, 4)), "a tensor of shape"),
    "tensorflow: negative array": file(claimed((-3, -1)), "an impossible shape"),
    "tensorflow: array of objects": file(with_variable(np.array([{}], object)), "numpy dtype 'O8'"),
    "tensorflow: array of complex numbers": file(with_variable(np.zeros(2, np.complex64)), "numpy dtype 'c8'"),
    "tensorflow: array of bytes": file(with_variable(np.zeros(2, np.uint8)), "an array without"),
    "tensorflow: variable that is text": file(with_variable("y"), "a variable that is not a name and an array"),
    "tensorflow: long name": file(with_variable(np.zeros(1, np.float32), "x" * 300), "not a name and an array"),
    "tensorflow: variable named twice": file(
        lambda: document(lambda s: s["variables"].append(("lod", np.zeros(1, np.float32)))), "two variables named 'lod'"
    ),
    "tensorflow: kernel that is flat": file(
        with_variable(np.zeros(3, np.float32), "synthesis/8x8/Skip/weight"), "a kernel of shape"
    ),
    "tensorflow: the networks of ProGAN": file(lambda: START + name("tfutil", "Network") + b")\x81.", "ProGAN"),
}
