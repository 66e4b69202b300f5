"""Letters and digits of many fonts as a set of 62 classes, drawn from the fonts of npm packages.

The fonts are free ones (OFL-1.1, Apache-2.0, UFL-1.0); pictures drawn with them may be shared. `fonts.tsv` lists
package, version, SHA-256, licence and file. Families that have capitals only are not in it: an `A` with the label `a`
teaches confusion. The held-out list shares no family with the other: classifiers that judge a network learn from it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from latentart.errors import PictureError, SettingsError
from latentart.training.data import glyph_drawing, packages, sets
from latentart.training.data.glyph_drawing import CHARACTERS
from latentart.training.data.packages import Package
from latentart.training.data.sets import Done, Report, silent

LISTS = {False: "fonts.tsv", True: "fonts_held_out.tsv"}
NOTICE = """\
Pictures of characters, drawn with the fonts below. Fonts under the SIL Open Font License 1.1
(https://openfontlicense.org), the Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0) or the Ubuntu
Font Licence 1.0 do not bind what is made with them; their authors are named all the same.

"""


@dataclass(frozen=True)
class Font:
    """One font file of a package."""

    package: Package
    licence: str
    member: str

    @property
    def name(self) -> str:
        """'anton-400-regular': the file's name, in a form that every file system takes."""
        return Path(self.member).stem.replace("_", "-").lower()


def listed(held_out: bool = False) -> list[Font]:
    """The fonts of the list that ships."""
    lines = (Path(__file__).parent / LISTS[held_out]).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [Font(Package(name, version, sha256), licence, member) for name, version, sha256, licence, member in rows]


def folder_of(character: str) -> str:
    """'a' -> '00-lower-a', 'A' -> '26-upper-a', '0' -> '52-digit-0': sorted, and different where case is ignored."""
    kind = "digit" if character.isdigit() else "upper" if character.isupper() else "lower"
    return f"{CHARACTERS.index(character):02d}-{kind}-{character}"


def make(
    target: str | Path, *, size: int = 64, count: int | None = None, held_out: bool = False,
    source: str | Path | None = None, overwrite: bool = False, report: Report = silent,
) -> Done:  # fmt: skip
    """Writes the set: grey PNGs of `size` x `size`, white on black, one scale per font, centred by bounding box.

    count: the first fonts of the list only. held_out: the fonts for classifiers that judge. source: a folder with the
    packages' .tgz files; None asks npm. Raises SettingsError, TargetError, WeightsError.
    """
    if not 16 <= size <= 512 or (count is not None and count < 1):
        raise SettingsError(f"{count!r} fonts of size {size!r}: give a size from 16 to 512, and 1 font or more")
    place = Path(target)
    fonts = listed(held_out)[:count]
    settings = {"kind": "glyphs", "size": [size, size], "channels": 1, "fonts": len(fonts), "held_out": held_out}
    sets.check_target(place, overwrite=overwrite)
    with tempfile.TemporaryDirectory() as temporary:
        wanted = list(dict.fromkeys(font.package for font in fonts))
        archives = packages.obtain(wanted, Path(source) if source else None, Path(temporary), report)
        part = sets.begin(place, settings, overwrite=overwrite)
        copyrights, faults = _draw_all(fonts, archives, size, part, report)
    facts = {**settings, "source": f"{len(wanted)} npm packages: see {sets.LICENCE}", "license": "see LICENSE.txt"}
    names = {folder_of(character): character for character in CHARACTERS}
    return sets.finish(place, part, facts, licence=NOTICE + "\n".join(copyrights) + "\n", names=names, faults=faults)


def _draw_all(
    fonts: Iterable[Font], archives: Mapping[Package, Path], size: int, part: Path, report: Report
) -> tuple[list[str], list[str]]:
    """Draws the fonts, package by package; lines that name their authors, and lines about what was left out."""
    by_package: dict[Package, list[Font]] = {}
    for font in fonts:
        by_package.setdefault(font.package, []).append(font)
    copyrights, faults = [], []
    for i, (package, members) in enumerate(by_package.items()):
        found = dict(
            packages.members(archives[package], {_LICENCE_FILE, _LICENCE, *(f.member for f in members)}.__contains__)
        )
        copyrights.append(_credit(package, members[0].licence, found))
        for font in members:
            faults += _draw(font, found, size, part)
        report(i + 1, len(by_package))
    return copyrights, faults


_LICENCE_FILE, _LICENCE = "package/LICENSE_FONT", "package/LICENSE"


def _credit(package: Package, licence: str, found: Mapping[str, bytes]) -> str:
    """'anton 0.4.2 (OFL-1.1): Copyright 2020 The Anton Project Authors ...'."""
    text = found.get(_LICENCE_FILE, found.get(_LICENCE, b"")).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if "copyright" in line.lower()]
    return f"{package.spec} ({licence}): {lines[0] if lines else 'no copyright line in the package'}"


def _draw(font: Font, found: Mapping[str, bytes], size: int, part: Path) -> list[str]:
    """Writes the font's pictures, unless an earlier run did; one line when it cannot be used."""
    paths = {character: f"{folder_of(character)}/{font.name}.png" for character in CHARACTERS}
    if all((part / path).is_file() for path in paths.values()):
        return []
    if font.member not in found:
        return [f"{font.package.spec} has no file {font.member!r}"]
    try:
        drawn = glyph_drawing.draw(found[font.member], size)
    except PictureError as error:
        return [f"{font.package.spec}: {error}"]
    for character, path in paths.items():
        sets.save(part / path, drawn[character])
    return []
