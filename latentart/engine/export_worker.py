"""The process that exports one graph: see `latentart.engine.export_process`, which starts it."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from typing import NoReturn

import torch

from latentart.engine.export_process import FAILED, GONE, UNWRITTEN
from latentart.engine.routes import openvino


def serve() -> None:
    """The process: reads one job from its standard input, exports, writes; its last line states a failure."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(5)
    torch.set_num_threads(1)
    try:
        module, arguments, flat, folder = pickle.load(sys.stdin.buffer)
    except (EOFError, pickle.UnpicklingError):
        # Whoever asked ended before it had handed everything over.
        _end(GONE)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        model = openvino.export(module, arguments, flat)
        openvino.write(model, folder)
    except OSError as error:
        _end(UNWRITTEN, str(error))
    except openvino.failures() as error:
        _end(FAILED, openvino.one_line(error))
    _end(0)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(GONE)


def _end(status: int, words: str = "") -> NoReturn:
    """Ends at once, without the clean-up of libraries that have nothing left to keep."""
    print(words, flush=True)
    os._exit(status)
