"""latentart: a generative model is an instrument, and a score plays it.

    import latentart

    G = latentart.load("landscapes-256")
    path = latentart.walks.keyframes(G, seeds=[3, 11, 20], seconds=4, fps=30, psi=0.8)
    with latentart.open_sink("loop.mp4", fps=30) as sink:
        for frame in latentart.frames(G, path):
            sink.write(frame)

Importing it starts nothing: torch, PyAV and the rest are imported when a name is first used. Imported before torch, it
has OpenMP's threads sleep while they wait (OMP_WAIT_POLICY, unless that is set): they spin by default.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentart import engine, walks
    from latentart.models.load import load
    from latentart.projection.project import project
    from latentart.render.frames import frames
    from latentart.sinks.sink import open_sink
    from latentart.translators.load import load_translator

__version__ = "0.1.0"
__all__ = ["engine", "frames", "load", "load_translator", "open_sink", "project", "walks"]

if "torch" not in sys.modules:
    # Threads of PyTorch that spin starve the engine's and the encoder's, and whatever else shares the cores: on two of
    # them the README's script drew 38 frames a second instead of 53, with a neighbour 3 instead of 43. OpenMP reads
    # this once, when it is loaded with torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOMES = {
    "load": "models.load",
    "load_translator": "translators.load",
    "frames": "render.frames",
    "open_sink": "sinks.sink",
    "project": "projection.project",
}


def __getattr__(name: str) -> Any:
    if name in ("engine", "walks"):
        return import_module(f"latentart.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'latentart' has no attribute {name!r}")
    return getattr(import_module(f"latentart.{_HOMES[name]}"), name)
