"""Landscape photographs of the Debian package `endless-sky-data` 0.9.8-1.2 as a set of square cuts.

273 photographs of 720x360 pixels; some are in the public domain, others CC BY-SA 3.0 or 4.0 by file, so that a network
trained on all of them is shared as CC BY-SA 4.0. Author and licence of each are written beside the set.
"""

from __future__ import annotations

import fnmatch
import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.pixels import Frame
from latentart.training.data import sets
from latentart.training.data.sets import Done, Item, Report, silent
from latentart.weights import pull

PACKAGE, VERSION = "endless-sky-data", "0.9.8-1.2"
SHA256 = "e45835e05a11e84bb1a890a0ded390246a53b8318f21a25925aa70fa54f80c13"
LICENCE = "CC-BY-SA-4.0"
MOST_CROPS, LARGEST_MEMBER = 64, 64 << 20
_PHOTO = re.compile(r"\./usr/share/games/endless-sky/(images/land/[\w-]+\.jpg)")
_COPYRIGHT = f"./usr/share/doc/{PACKAGE}/copyright"
NOTICE = f"""\
Photographs of the Debian package {PACKAGE} {VERSION} (Endless Sky, https://endless-sky.github.io), reduced and cut.
Each line: file, licence, author, as that package's copyright file states. The licences:
https://creativecommons.org/licenses/by-sa/3.0/ and https://creativecommons.org/licenses/by-sa/4.0/

"""


def make(
    target: str | Path, *, size: int = 256, crops: int = 5, source: str | Path | None = None,
    overwrite: bool = False, report: Report = silent,
) -> Done:  # fmt: skip
    """Writes the set: RGB PNGs of `size` x `size`, each photograph reduced to 2 size x size and cut `crops` times.

    crops: evenly from left to right; 1 cuts the middle. 0 keeps the whole 2 size x size. source: the package's .deb;
    None asks apt-get. Raises SettingsError, TargetError, WeightsError.
    """
    if not 16 <= size <= 360 or not 0 <= crops <= MOST_CROPS:
        raise SettingsError(
            f"{crops!r} crops of size {size!r}: give a size from 16 to 360, and 0 to {MOST_CROPS} crops"
        )
    place = Path(target)
    width = size if crops else 2 * size
    settings = {"kind": "landscapes", "size": [width, size], "channels": 3, "crops": crops}
    sets.check_target(place, overwrite=overwrite)
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(source) if source is not None else fetch(Path(temporary))
        pull.check(archive, f"{PACKAGE} {VERSION}", SHA256)
        photos, copyright = read(archive)
    items = [
        Item(
            "", f"{Path(name).stem}-{i}" if crops > 1 else Path(name).stem, partial(draw, photos[name], size, i, crops)
        )
        for name in sorted(photos)
        for i in range(max(1, crops))
    ]
    part = sets.begin(place, settings, overwrite=overwrite)
    faults = sets.write(items, part, report)
    facts = {**settings, "source": f"Debian {PACKAGE} {VERSION}", "license": LICENCE}
    return sets.finish(place, part, facts, licence=NOTICE + "\n".join(credits(photos, copyright)) + "\n", faults=faults)


def fetch(folder: Path) -> Path:
    """Downloads the package into `folder` with apt-get. Raises WeightsError with its last line."""
    apt = shutil.which("apt-get")
    if apt is None:
        raise WeightsError(f"apt-get is not installed, which fetches {PACKAGE}: name the .deb of {VERSION} with --from")
    command = [apt, "download", "-qq", f"{PACKAGE}={VERSION}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, errors="replace")
    found = list(folder.glob("*.deb"))
    if done.returncode or not found:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise WeightsError(f"apt-get could not fetch {PACKAGE} {VERSION} ({reason}): name the .deb with --from")
    return found[0]


def read(archive: Path) -> tuple[dict[str, bytes], str]:
    """The photographs by name ('images/land/beach0.jpg') and the copyright file of a .deb. Raises WeightsError."""
    photos: dict[str, bytes] = {}
    copyright = ""
    try:
        with tarfile.open(fileobj=_data(archive), mode="r:xz") as tar:
            for name, data in _members(tar):
                match = _PHOTO.fullmatch(name)
                if match:
                    photos[match[1]] = data
                elif name == _COPYRIGHT:
                    copyright = data.decode("utf-8", "replace")
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise WeightsError(f"cannot read {str(archive)!r} ({error}): fetch {PACKAGE} {VERSION} again") from error
    if not photos or not copyright:
        raise WeightsError(f"{str(archive)!r} has no photographs or no copyright file: fetch {PACKAGE} {VERSION} again")
    return photos, copyright


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        wanted = _PHOTO.fullmatch(member.name) or member.name == _COPYRIGHT
        if wanted and member.isfile() and member.size <= LARGEST_MEMBER:
            stream = tar.extractfile(member)
            yield member.name, stream.read() if stream else b""


def _data(archive: Path) -> io.BytesIO:
    """data.tar.xz of a .deb, an `ar` archive (deb(5)): each member has 60 bytes of header and is padded to even."""
    data = archive.read_bytes()
    if not data.startswith(b"!<arch>\n"):
        raise ValueError("it is no .deb")
    at = 8
    while at + 60 <= len(data):
        name, length = data[at : at + 16].decode("ascii", "replace").strip(" /"), int(data[at + 48 : at + 58])
        if name == "data.tar.xz":
            return io.BytesIO(data[at + 60 : at + 60 + length])
        at += 60 + length + length % 2
    raise ValueError("it has no data.tar.xz")


def credits(photos: Mapping[str, bytes], copyright: str) -> list[str]:
    """'beach0.jpg  public-domain  Various': the last paragraph whose pattern fits counts (Debian's format 1.0)."""
    paragraphs = [_fields(text) for text in re.split(r"\n\s*\n", copyright)]
    lines = []
    for name in sorted(photos):
        found = [p for p in paragraphs if any(fnmatch.fnmatchcase(name, glob) for glob in p.get("Files", "").split())]
        if not found:
            raise WeightsError(f"the copyright file has no entry for {name!r}: fetch {PACKAGE} {VERSION} again")
        terms = found[-1].get("License", "").split("\n")
        lines.append(f"{Path(name).name}  {terms[0].strip()}  {_line(found[-1].get('Copyright', ''))}")
    return lines


def _fields(paragraph: str) -> dict[str, str]:
    found = re.findall(r"^([A-Z][\w-]*):[ \t]*(.*(?:\n[ \t].*)*)", paragraph, re.MULTILINE)
    return {name: text for name, text in found}


def _line(text: str) -> str:
    return " ".join(text.split())


def draw(data: bytes, size: int, number: int, crops: int) -> Frame:
    """One cut of a JPEG, uint8 [size, size, 3]; the whole [size, 2 size, 3] for no crops. Raises PictureError."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            whole = ImageOps.fit(image.convert("RGB"), (2 * size, size), Image.Resampling.BICUBIC)
    except (OSError, ValueError, SyntaxError) as error:
        raise PictureError(f"a photograph that cannot be read ({error})") from error
    frame = np.asarray(whole, np.uint8)
    if not crops:
        return frame
    left = round(number * size / (crops - 1)) if crops > 1 else size // 2
    return frame[:, left : left + size]
