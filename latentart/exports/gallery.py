"""Pages of several models with a start page: `python -m latentart.exports.gallery site landscapes-256 glyphs-64`."""

from __future__ import annotations

import html
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from latentart.exports import page
from latentart.exports.export import export

START = Path(__file__).parent / "site_gallery" / "index.html"
_TILE = """\
<a href="{name}/"><iframe src="{name}/?bare" title="{name}" loading="lazy" tabindex="-1"></iframe>
<b>{name}</b><span>{width} x {height}. {license}</span></a>
"""


def write(folder: str | Path, names: Sequence[str]) -> list[Path]:
    """Exports models that are not in the folder yet, and writes its start page. Returns the pages' folders.

    Raises LatentartError.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    pages = [root / name for name in names]
    for name, target in zip(names, pages, strict=True):
        if not target.exists():
            export(name, target, page.KIND)
    shutil.copyfile(page.PANEL / "icon.svg", root / "icon.svg")
    tiles = "".join(_tile(target) for target in pages)
    start = START.read_text(encoding="utf-8").replace("<!-- pages -->\n", tiles)
    (root / "index.html").write_text(start, encoding="utf-8")
    return pages


def _tile(target: Path) -> str:
    facts = json.loads((target / "model.json").read_text(encoding="utf-8"))
    shown = {name: html.escape(str(facts[name])) for name in ("name", "width", "height")}
    return _TILE.format(**shown, license=html.escape(facts["shown"].get("license", "")))


if __name__ == "__main__":
    for made in write(sys.argv[1], sys.argv[2:]):
        print(made)
