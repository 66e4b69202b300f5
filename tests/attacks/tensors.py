"""Attacks in safetensors files."""

from __future__ import annotations

import json
import struct
from typing import Any

import safetensors.torch
import torch

from tests.layouts.random_stylegan2 import random_state

from .kinds import Attack, file


def packed(header: str | bytes, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A safetensors file of this header, which may lie about its length."""
    raw = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def one(**claims: Any) -> bytes:
    """One tensor of four floats, with claims about it."""
    return packed(json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **claims}}), bytes(16))


def configured(config: str) -> bytes:
    """A whole generator with this text as its config."""
    tensors, _ = random_state(resolution=8)
    return safetensors.torch.save(tensors, {"latentart": config})


def changed(**values: Any) -> bytes:
    """A whole generator whose config says something else."""
    return configured(json.dumps(random_state(resolution=8)[1] | values))


def many_tensors() -> bytes:
    """A header near its limit, without a single number."""
    entry = '"{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    return packed("{" + ",".join(entry.format(i) for i in range(20_000)) + "}")


def tampered(name: str, tensor: Any) -> bytes:
    tensors, config = random_state(resolution=8)
    return safetensors.torch.save({**tensors, name: tensor}, {"latentart": json.dumps(config)})


def eighths() -> bytes:
    """Floats of one byte, which grow fourfold."""
    tensors, _ = random_state(resolution=8)
    return safetensors.torch.save({n: t.to(torch.float8_e4m3fn) for n, t in tensors.items()})


_ENTRY = '"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}'
ATTACKS: dict[str, Attack] = {
    f"safetensors: {title}": file(content, refused, "net.safetensors")
    for title, (content, refused) in {
        "header of 8 exabytes": (lambda: packed("{}", length=(1 << 63) - 1), "a safetensors header of"),
        "header longer than the file": (lambda: packed("{}", length=1 << 20), "ends inside its header"),
        "header that is no JSON": (lambda: packed("{oops"), "the header is not JSON"),
        "header of a million brackets": (lambda: packed('{"a":' + "[" * 1_000_000), "the header is not JSON"),
        "two megabytes of empty lists": (lambda: packed('{"a":[' + "[]," * 690_000 + "[]]}"), "broken safetensors"),
        "floats of one byte": (eighths, "has type torch.float8_e4m3fn"),
        "20,000 empty tensors": (many_tensors, "no known family"),
        "name that is not UTF-8": (lambda: packed(b'{"\xff":1}'), "the header is not JSON"),
        "two tensors of one name": (lambda: packed(f"{{{_ENTRY},{_ENTRY}}}", bytes(16)), "'a' stands twice"),
        "offsets beyond the file": (lambda: one(data_offsets=[0, 1 << 40]), "broken safetensors"),
        "offsets that run backwards": (lambda: one(data_offsets=[16, 0]), "broken safetensors"),
        "overlapping offsets": (
            lambda: packed("{" + _ENTRY + "," + _ENTRY.replace('"a"', '"b"') + "}", bytes(16)),
            "broken safetensors",
        ),
        "dtype that lies": (lambda: one(dtype="F64"), "broken safetensors"),
        "dtype that is unknown": (lambda: one(dtype="OBJECT"), "broken safetensors"),
        "shape that overflows": (lambda: one(shape=[1 << 40, 1 << 40]), "broken safetensors"),
        "negative shape": (lambda: one(shape=[-4]), "broken safetensors"),
        "tensors of no family": (one, "no known family"),
        "NaN in the config": (lambda: configured('{"family": "stylegan2", "conv_clamp": NaN}'), "the number NaN"),
        "Infinity in the config": (
            lambda: configured('{"family": "stylegan2", "conv_clamp": Infinity}'),
            "the number Infinity",
        ),
        "config that is a list": (lambda: configured("[1, 2]"), "the config is a JSON list"),
        "config that is no JSON": (lambda: configured("{'a': 1}"), "the config is not JSON"),
        "config of nested lists": (
            lambda: configured('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"),
            "the config is not JSON",
        ),
        "config value of a wrong type": (lambda: changed(z_dim="512"), "says z_dim '512'"),
        "config value of 400 digits": (lambda: changed(conv_clamp=10**400), "conv_clamp '1000"),
        "config list where a number belongs": (lambda: changed(conv_clamp=[1]), "makes no sense"),
        "config that contradicts the tensors": (lambda: changed(img_channels=4), "says img_channels '4'"),
        "family that is a path": (lambda: configured('{"family": "../../x"}'), "no known family"),
        "metadata that is not text": (
            lambda: packed('{"__metadata__":{"latentart":{}},' + _ENTRY + "}", bytes(16)),
            "not text by name|broken safetensors",
        ),
        "tensor of a wrong shape": (
            lambda: tampered("synthesis.b4.const", random_state()[0]["mapping.w_avg"]),
            "'synthesis.b4.const' has shape",
        ),
    }.items()
}
