"""Pickles and torch files as Python 2 wrote them: texts are bytes, an OrderedDict is made from a list of pairs."""

from __future__ import annotations

import io
import pickle
import struct
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

import torch


class Pickler(pickle._Pickler):
    """Protocol 2 as Python 2's own pickler writes it."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def save_text(self, value: str) -> None:
        raw = value.encode()
        short = len(raw) < 256
        self.write((b"U" + bytes([len(raw)]) if short else b"T" + struct.pack("<i", len(raw))) + raw)
        self.memoize(value)

    dispatch[str] = save_text

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, OrderedDict):
            return OrderedDict, ([[name, inner] for name, inner in value.items()],)
        return NotImplemented


def dump(value: Any, file: Any, protocol: int = 2) -> None:
    Pickler(file, 2).dump(value)


def save(document: Any, path: Path) -> None:
    """What torch.save of Python 2 made of it, in the container of its time."""
    module = types.SimpleNamespace(__name__="pickle", Pickler=Pickler, dump=dump)
    stream = io.BytesIO()
    torch.save(document, stream, module, 2, _use_new_zipfile_serialization=False)
    path.write_bytes(stream.getvalue())
