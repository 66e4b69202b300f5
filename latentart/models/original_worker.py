"""Runs in a process of its own, inside the user's checkout of NVIDIA's code; see `latentart.models.original`.

Nothing of latentart is imported here, and nothing here is imported by latentart. Called as
`python original_worker.py CHECKOUT FILE DEVICE`; requests come on standard input, answers go to standard output: a
line of JSON, then the arrays it announces as raw float32.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import pickle
import sys
import types
from typing import Any, BinaryIO

import numpy as np
import torch

FACTS = ("z_dim", "c_dim", "w_dim", "num_ws", "img_resolution", "img_channels")


def main() -> None:
    """Loads the generator as NVIDIA's own scripts do, sends its facts, then answers until the input ends."""
    checkout, file, device = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the original prints must not get between the answers
    try:
        G = _load(checkout, file, device)
    except Exception as error:  # a process border: whatever foreign code raises becomes one line
        _send(answers, {"error": f"{type(error).__name__}: {error}"})
        return
    _send(answers, {name: int(getattr(G, name)) for name in FACTS}, G.mapping.w_avg)
    while line := sys.stdin.buffer.readline():
        try:
            _send(answers, {}, _answer(G, json.loads(line), device))
        except Exception as error:  # the same border
            _send(answers, {"error": f"{type(error).__name__}: {error}"})


def _load(checkout: str, file: str, device: str) -> Any:
    sys.path.insert(0, checkout)
    if "pkg_resources" not in sys.modules:
        _stand_in_for_pkg_resources()
    return _networks(file)["G_ema"].float().eval().requires_grad_(False).to(device)


def _networks(file: str) -> Any:
    legacy = importlib.import_module("legacy")
    with open(file, "rb") as stream:
        try:
            return legacy.load_network_pkl(stream)
        except (AssertionError, KeyError):  # it insists on networks that shared files leave out
            stream.seek(0)
            return pickle.load(stream)


def _stand_in_for_pkg_resources() -> None:
    """The checkout asks it only to compare versions; newer Pythons no longer have it."""
    try:
        importlib.import_module("pkg_resources")
    except ModuleNotFoundError:
        module = types.ModuleType("pkg_resources")
        module.parse_version = importlib.import_module("packaging.version").parse  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = module


def _answer(G: Any, request: dict[str, Any], device: str) -> torch.Tensor:
    arrays = [_receive(shape, device) for shape in request["shapes"]]
    with torch.no_grad():
        if request["call"] == "mapping":
            z, c = arrays
            psi, cutoff = request["truncation_psi"], request["truncation_cutoff"]
            return G.mapping(z, c, truncation_psi=psi, truncation_cutoff=cutoff)  # type: ignore[no-any-return]
        return G.synthesis(arrays[0], noise_mode=request["noise_mode"], force_fp32=True)  # type: ignore[no-any-return]


def _receive(shape: list[int], device: str) -> torch.Tensor:
    data = sys.stdin.buffer.read(4 * math.prod(shape))
    return torch.from_numpy(np.frombuffer(data, "<f4").reshape(shape).copy()).to(device)


def _send(answers: BinaryIO, header: dict[str, Any], array: torch.Tensor | None = None) -> None:
    shape = None if array is None else list(array.shape)
    answers.write(json.dumps({**header, "shape": shape}).encode() + b"\n")
    if array is not None:
        answers.write(array.detach().float().cpu().contiguous().numpy().astype("<f4").tobytes())
    answers.flush()


if __name__ == "__main__":
    main()
