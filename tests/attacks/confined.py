"""Runs every reader on every hostile file, with 2 GB of memory beyond what an idle process has.

python -m tests.attacks.confined FOLDER prints a JSON list of what went wrong: an error that is no LatentartError, a
read that took longer than SECONDS.
"""

from __future__ import annotations

import contextlib
import faulthandler
import itertools
import json
import logging
import os
import re
import resource
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from latentart import footage, pixels, provenance
from latentart.errors import LatentartError
from latentart.exhibition import parse, sound
from latentart.latent import bending, direction_files, saved
from latentart.projection import batch, result
from latentart.weights import cards, npy
from latentart.weights.containers import nvidia_pickle
from latentart.weights.open import open_checkpoint, open_file
from tests.attacks import ATTACKS, Attack
from tests.attacks.elsewhere import ELSEWHERE

ROOM, SECONDS = 2 << 30, 10
Reader = Callable[[Path], object]


def film(path: Path) -> object:
    return list(itertools.islice(footage.read(footage.open_footage(path)), 3))


def pictures(path: Path) -> object:
    """Those of a folder, or the one that is given."""
    return [pixels.open_image(job.path) for job in batch.jobs([path])]


def npz(path: Path) -> object:
    try:
        return npy.read_npz(path)
    except npy.FAULTS as error:
        raise LatentartError(str(error)) from error


READERS: dict[str, Reader] = {
    "weights": open_checkpoint,
    "file": open_file,
    "raw": nvidia_pickle.read_raw,
    "critic": nvidia_pickle.read_critic,
    "npz": npz,
    "latents": lambda path: saved.read_all([path], 14, 16),
    "directions": lambda path: direction_files.read(path, 14, 16),
    "projection": result.load,
    "score": parse.read,
    "bends": bending.read_toml,
    "card": lambda path: [card.facts for card in cards.readable()],
    "picture": pixels.open_image,
    "pictures": pictures,
    "moves": footage.moves,
    "film": film,
    "sound": lambda path: sound.read(path, 2),
    "record": provenance.read,
}
OWN = {"latents": "latents", "directions": "directions", "score": "score", "picture": "pictures", "film": "film",
       "sound": "sound", "record": "record"}  # fmt: skip
"""First word of an attack -> the reader that it was made for; the others are for weights."""


def confine() -> None:
    """Sets the limit from what the process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


@contextlib.contextmanager
def placed(name: str, attack: Attack, folder: Path) -> Iterator[Path | str]:
    """The attack's target, in a folder of its own."""
    folder.mkdir()
    os.environ.pop(cards.FOLDER_VARIABLE, None)
    target = attack.write(folder)
    if list(folder.glob("*.toml")) and isinstance(target, str):
        os.environ[cards.FOLDER_VARIABLE] = str(folder)
    yield target
    shutil.rmtree(folder)


def tried(reader: Reader, target: Path | str) -> str | None:
    """What a reader says of a file: the text of its error, None when it read it. Others than LatentartError pass."""
    try:
        reader(target if reader is open_checkpoint else Path(target))  # type: ignore[arg-type]
    except LatentartError as error:
        return str(error)
    return None


def faults(name: str, attack: Attack, target: Path | str) -> Iterator[str]:
    """What went wrong with one file, a line each."""
    own = OWN.get(name.partition(":")[0], "weights") if name in ELSEWHERE else "weights"
    for kind, reader in READERS.items():
        begun = time.monotonic()
        try:
            text = tried(reader, target)
        except BaseException as error:  # whatever it is belongs into the report
            yield f"{name}, read as {kind}: {type(error).__name__}: {str(error)[:300]}"
            continue
        if kind == own and (attack.refused is None) != (text is None):
            yield f"{name}, read as {kind}: {text or 'read, and should be refused'}"
        if kind == own and attack.refused and not re.search(attack.refused, text or ""):
            yield f"{name}, read as {kind}: said {(text or '')[:300]!r}, not {attack.refused!r}"
        if text and not text.isprintable():
            yield f"{name}, read as {kind}: not in one printable line: {text[:200]!r}"
        if time.monotonic() - begun > SECONDS:
            yield f"{name}, read as {kind}: took {time.monotonic() - begun:.0f} s"


def main() -> None:
    """Prints the faults, and how much was tried."""
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    faulthandler.enable()
    logging.disable()
    warnings.simplefilter("ignore")
    open_checkpoint("glyphs-64")  # imports what only a first read imports
    for reader in READERS.values():
        with contextlib.suppress(LatentartError):
            reader(folder / "none")
    confine()
    attacks = {**ATTACKS, **ELSEWHERE}
    chosen = [name for name in attacks if len(sys.argv) < 3 or re.search(sys.argv[2], name)]
    found = []
    for name in chosen:
        with placed(name, attacks[name], folder / "one") as target:
            found += list(faults(name, attacks[name], target))
    print(json.dumps({"files": len(chosen), "readers": len(READERS), "faults": found}))


if __name__ == "__main__":
    main()
