"""Fluent Emoji in 3D as a set with transparency: toys in soft light, the groups of Unicode as classes.

The pictures are those of the npm package `@lobehub/fluent-emoji-3d` 1.1.0: Microsoft's Fluent Emoji, MIT. The groups
are those of Unicode's emoji-test.txt as the npm package `unicode-emoji-json` 0.9.0 (MIT) lists them.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.pixels import Frame
from latentart.training.data import packages, sets
from latentart.training.data.packages import Package
from latentart.training.data.sets import Done, Item, Report, silent
from latentart.weights import safe

PICTURES = Package(
    "@lobehub/fluent-emoji-3d", "1.1.0", "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58"
)
GROUPS = Package("unicode-emoji-json", "0.9.0", "ae7efacb55533385bf8767d613dbd36c71226669759d95919a6e9059f5e4c401")
SIDE = 256
SIZES = (16, 32, 64, 128, 256)
"""Halvings of the pictures' own size: each pixel is the plain mean of a square, so that nothing rings."""
FLAGS = "flags"
_PICTURE = re.compile(r"package/assets/([0-9a-f]{2,6}(?:[-_][0-9a-f]{2,6})*)\.webp")
_TABLE = "package/data-by-emoji.json"
_TONES = re.compile(r"\b1f3f[b-f]\b")
_SILENT = re.compile(r"\b(fe0f|e007f)\b")
"""Variation selectors and the end of a flag's name, which not every file name has."""
NOTICE = """\
These pictures are Fluent Emoji in 3D (https://github.com/microsoft/fluentui-emoji), as the npm package
@lobehub/fluent-emoji-3d 1.1.0 by LobeHub carries them. They were reduced in size; nothing else was changed.

MIT License

Copyright (c) Microsoft Corporation.

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


def make(
    target: str | Path, *, size: int = SIDE, flags: bool = True, skin_tones: bool = False,
    source: str | Path | None = None, overwrite: bool = False, report: Report = silent,
) -> Done:  # fmt: skip
    """Writes the set: RGBA PNGs of `size` x `size` in a sub-folder for each group.

    flags: with the group of flags. skin_tones: with the five tones of people. source: a folder with the two packages'
    .tgz files; None asks npm. Raises SettingsError, TargetError, WeightsError.
    """
    if size not in SIZES:
        raise SettingsError(f"size {size!r} is not supported: give one of {', '.join(map(str, SIZES))}")
    place = Path(target)
    settings = {"kind": "fluent", "size": [size, size], "channels": 4, "flags": flags, "skin_tones": skin_tones}
    sets.check_target(place, overwrite=overwrite)
    with tempfile.TemporaryDirectory() as temporary:
        archives = packages.obtain((PICTURES, GROUPS), Path(source) if source else None, Path(temporary), silent)
        table = groups(archives[GROUPS])
        pictures = read(archives[PICTURES], skin_tones=skin_tones)
    known = {name: table[plain(name)] for name in pictures if plain(name) in table}
    faults = [f"{name} is in no group of Unicode" for name in pictures if name not in known]
    wanted = {name: group for name, group in sorted(known.items()) if flags or group != FLAGS}
    items = [Item(group, name, partial(draw, pictures[name], size)) for name, group in wanted.items()]
    part = sets.begin(place, settings, overwrite=overwrite)
    faults += sets.write(items, part, report)
    facts = {**settings, "source": f"{PICTURES.spec}, groups of {GROUPS.spec}", "license": "MIT"}
    return sets.finish(place, part, facts, licence=NOTICE, faults=faults)


def groups(archive: Path) -> dict[str, str]:
    """Code points ('1f600', as `plain` writes them) -> group ('smileys-emotion'). Raises WeightsError."""
    text = dict(packages.members(archive, _TABLE.__eq__)).get(_TABLE, b"{}")
    table = safe.parse_json(text, _TABLE)
    try:
        return {plain("-".join(f"{ord(c):04x}" for c in emoji)): slug(row["group"]) for emoji, row in table.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{_TABLE} of {str(archive)!r} names no groups: fetch {GROUPS.spec} again") from error


def slug(group: str) -> str:
    """Returns a class folder's name for a group: 'Smileys & Emotion' -> 'smileys-emotion'."""
    return re.sub(r"[^a-z]+", "-", group.lower()).strip("-")


def plain(name: str) -> str:
    """Code points that distinguish emoji, without leading zeros: tones share the group of their emoji."""
    bare = _TONES.sub("", _SILENT.sub("", name))
    return "-".join(point.lstrip("0") for point in bare.split("-") if point)


def read(archive: Path, *, skin_tones: bool = False) -> Mapping[str, bytes]:
    """Code points -> WebP file, by code points. Raises WeightsError."""
    found = {}
    for name, data in packages.members(archive, lambda name: bool(_PICTURE.fullmatch(name))):
        match = _PICTURE.fullmatch(name)
        points = match[1].replace("_", "-") if match else ""  # three flags are written with both
        if points and (skin_tones or not _TONES.search(points)):
            found[points] = data
    return dict(sorted(found.items()))


def draw(data: bytes, size: int) -> Frame:
    """A WebP file, of SIDE x SIDE as nearly all -> uint8 [size, size, 4]. Raises PictureError."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            # Colours weigh by their alpha, so that what is behind clear pixels does not shine through at edges.
            whole = image.convert("RGBA").convert("RGBa")
            if whole.size != (SIDE, SIDE):  # two of them are a little higher than wide
                whole = ImageOps.pad(whole, (SIDE, SIDE), Image.Resampling.BOX, color=(0, 0, 0, 0))
            return np.asarray(whole.reduce(SIDE // size).convert("RGBA"), np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise PictureError(f"an emoji that cannot be read ({error})") from error
