"""Exports graphs in a process of their own, which writes them into a folder and ends.

`torch.export` replaces parts of PyTorch for the whole process while it traces: a picture that another thread draws in
that moment fails, or ends the process. So nothing is traced where something else may draw: not in threads, and nowhere
in a process that called `always`, as the renderer of `latentart live` does.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

PATIENCE = 900.0
"""Seconds after which an export is given up."""
_CHILD = "from latentart.engine import export_worker; export_worker.serve()"
FAILED, UNWRITTEN, GONE = 101, 102, 103
"""Exit statuses of the worker; 1 is Python's."""

_always = threading.Event()


def always() -> None:
    """From now on this process exports nothing itself."""
    _always.set()


def needed() -> bool:
    """Whether an export here and now could meet a picture that is being drawn."""
    return _always.is_set() or threading.current_thread() is not threading.main_thread()


def export(module: torch.nn.Module, arguments: tuple[Any, ...], flat: Sequence[Tensor], folder: Path) -> None:
    """Has the graph of `module` written into `folder`, which is made whole or not at all; waits for it.

    Arguments as for `routes.openvino.export`. Raises RuntimeError with the reason when there is no graph, OSError when
    there is one that could not be written.
    """
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    patience = threading.Timer(PATIENCE, process.kill)
    patience.daemon = True
    patience.start()
    try:
        _hand_over(process, (module, arguments, list(flat), folder))
        words = process.stdout.read().decode(errors="replace").splitlines()
        status = process.wait()
    finally:
        patience.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            _close(pipe)
    if status == UNWRITTEN:
        raise OSError(words[-1])
    if status:
        raise RuntimeError(words[-1] if status == FAILED else f"the exporting process ended with status {status}")


def _hand_over(process: subprocess.Popen[bytes], job: tuple[Any, ...]) -> None:
    """Sends the job. The pipe stays open: its end tells the process that nobody waits for it any more."""
    assert process.stdin is not None
    try:
        pickle.dump(job, process.stdin)
        process.stdin.flush()
    except BrokenPipeError:
        # Its exit status gives the reason.
        return
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise RuntimeError(f"the network cannot be handed to another process: {error}") from error


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        # What was not read by a process that has ended.
        return
