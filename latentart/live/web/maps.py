"""The map of a model, drawn beside the session: a page to play the latent space by dragging across it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import torch

from latentart.errors import LatentartError
from latentart.live.wire.names import check_name, inside
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.render import map as maps

log = logging.getLogger("latentart.live")

COLUMNS = 13
CELL = 96


class ModelMaps:
    """HTML pages in a folder, one for each model; a missing one is drawn by a separate process of low priority."""

    def __init__(self, folder: Path, sources: Mapping[str, str], columns: int = COLUMNS) -> None:
        """sources: name -> file, for models that are no cards. columns: pictures a side."""
        self.folder, self.sources, self.columns = folder, sources, columns
        self._process: multiprocessing.process.BaseProcess | None = None
        self._drawing = folder
        self._faults: set[Path] = set()
        self._lock = threading.Lock()

    def page(self, name: str, sha256: str) -> Path | None:
        """The map of a model, None while it is drawn. Raises SettingsError, LatentartError when it cannot be."""
        path = inside(self.folder, f"{check_name('model', name)}-{sha256[:12]}.html")
        if path.is_file():
            return path
        with self._lock:
            self._tend()
            if path in self._faults:
                raise LatentartError(f"the map of {name} could not be drawn: see the server's log")
            if self._process is None:
                self._process, self._drawing = self._begun(self.sources.get(name, name), path), path
        return None

    def close(self) -> None:
        """Stops the thread that draws the map."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join(5)
                self._process = None

    def _tend(self) -> None:
        """Notices that a drawing has ended."""
        if self._process is not None and not self._process.is_alive():
            if self._process.exitcode:
                self._faults.add(self._drawing)
            self._process = None

    def _begun(self, source: str, path: Path) -> multiprocessing.process.BaseProcess:
        process = multiprocessing.get_context("spawn").Process(
            target=draw, args=(source, path, self.columns), daemon=True
        )
        process.start()
        return process


def draw(source: str, path: Path, columns: int = COLUMNS) -> None:
    """Draws the map of a model into a file, at low priority: the session goes first."""
    if hasattr(os, "nice"):
        os.nice(15)
    torch.set_num_threads(1)
    try:
        G = load(source, "cpu")
        plane = plane_of(G, columns)
        path.parent.mkdir(parents=True, exist_ok=True)
        maps.write_page(path, plane, maps.draw(G, plane, CELL), overwrite=True)
    except LatentartError as error:
        log.error("no map of %s: %s", source, error)
        raise SystemExit(1) from error


def plane_of(G: Generator, columns: int) -> maps.Map:
    """The classes of a model that has some, else its first seeds, alike beside alike."""
    return maps.classes(G, columns=columns) if G.c_dim > 1 else maps.seeds(G, range(columns**2))
