"""OpenMoji as pairs: every emoji as its black lines (A) and in its colours (B), drawn from the same vectors.

The pictures are those of the npm package `openmoji` 17.0.0, CC BY-SA 4.0, by the OpenMoji project (openmoji.org).
Whoever shares these pairs, or a network trained on them, names the project and keeps the licence.
"""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from latentart import files
from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.pixels import Frame
from latentart.training.data import pairs
from latentart.training.data.pairs import Done, Report, silent
from latentart.weights import pull

PACKAGE = "openmoji@17.0.0"
PACKAGE_SHA256 = "55ee7d13485dec86e9f38c1f3a645a13382d33ff97c0cd845ee824b0aef45e68"
KINDS = ("black", "color")
LARGEST_SVG = 1 << 20
_DRAWING = re.compile(r"package/(black|color)/svg/([0-9A-F]{2,6}(?:-[0-9A-F]{2,6})*)\.svg")
_SKIN = re.compile(r"1F3F[B-F]")
_FLAG = re.compile(r"1F1(E[6-9A-F]|F[0-9A-F])|1F3F4-E0")
NOTICE = """\
These pictures are emojis of OpenMoji 17.0 (https://openmoji.org), the open-source emoji and icon project,
licence CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/), drawn as pixels and put side by side:
the black version left, the colour version right. Pictures and networks made from them are shared under the same terms.
"""


def make(
    target: str | Path, *, size: int = 128, count: int | None = None, skin_tones: bool = False,
    flags: bool = True, source: str | Path | None = None, overwrite: bool = False, report: Report = silent,
) -> Done:  # fmt: skip
    """Writes the pairs as files of 2 `size` x `size` pixels, and the licence beside them.

    count: only the first of them by code point. flags: of countries, whose lines hardly determine their colours.
    source: the package's .tgz; None asks npm for it. Raises SettingsError, TargetError, WeightsError when the package
    cannot be had or is another one.
    """
    if not 16 <= size <= 1024 or (count is not None and count < 1):
        raise SettingsError(f"{count!r} pictures of size {size!r}: give a size from 16 to 1024, and 1 or more of them")
    draw = renderer()
    with pairs.holding(Path(target)) as folder:
        with tempfile.TemporaryDirectory() as place:
            archive = Path(source) if source is not None else pull.fetch(Path(place), PACKAGE)
            pull.check(archive, PACKAGE, PACKAGE_SHA256)
            drawings = read(archive, skin_tones=skin_tones, flags=flags)
        jobs = [(name, partial(_pair, draw, drawings[name], size)) for name in sorted(drawings)[:count]]
        done = pairs.write(jobs, folder, overwrite=overwrite, report=report)
        _write_notice(folder / "LICENSE.txt", overwrite=overwrite)
        return done


def _write_notice(path: Path, *, overwrite: bool) -> None:
    if not path.is_file() or path.read_bytes() != NOTICE.encode():
        files.write_text(path, NOTICE, overwrite=overwrite)


def _pair(draw: Callable[[str, int], Frame], drawing: Mapping[str, str], size: int) -> Frame:
    return np.concatenate([draw(drawing[kind], size) for kind in KINDS], axis=1)


def renderer() -> Callable[[str, int], Frame]:
    """(SVG, side) -> uint8 [side, side, 3] on white. Raises SettingsError when resvg is not installed."""
    try:
        import resvg_py
    except ImportError as error:
        raise SettingsError("drawing SVG needs resvg: run pip install 'latentart[data]'") from error

    def draw(svg: str, side: int) -> Frame:
        try:
            png = resvg_py.svg_to_bytes(
                svg_string=svg, width=side, height=side, background="white", skip_system_fonts=True
            )
        except ValueError as error:
            raise PictureError(f"an SVG that cannot be drawn ({str(error)[:80]})") from error
        with Image.open(io.BytesIO(bytes(png))) as image:
            return np.asarray(image.convert("RGB"), np.uint8)

    return draw


def read(archive: Path, *, skin_tones: bool = False, flags: bool = True) -> dict[str, dict[str, str]]:
    """Code points -> 'black' and 'color' -> SVG, of those that have both. Raises WeightsError."""
    found: dict[str, dict[str, str]] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for kind, name, svg in _drawings(tar):
                if (skin_tones or not _SKIN.search(name)) and (flags or not _FLAG.match(name)):
                    found.setdefault(name, {})[kind] = svg
    except (tarfile.TarError, OSError, EOFError, UnicodeDecodeError) as error:
        raise WeightsError(f"cannot read {str(archive)!r} ({error}): fetch {PACKAGE} again") from error
    return {name: kinds for name, kinds in found.items() if len(kinds) == len(KINDS)}


def _drawings(tar: tarfile.TarFile) -> Iterator[tuple[str, str, str]]:
    for member in tar:
        match = _DRAWING.fullmatch(member.name)
        if match and member.isfile() and member.size <= LARGEST_SVG:
            stream = tar.extractfile(member)
            yield match[1], match[2], stream.read().decode() if stream else ""
