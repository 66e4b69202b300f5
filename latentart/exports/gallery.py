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

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>latentart</title>
<link rel="icon" href="icon.svg">
<style>
body { margin: 0; min-height: 100vh; box-sizing: border-box; padding: max(6vh, 32px) max(6vw, 20px); background: #08080a;
       color: #f4f1ec; font: 500 17px/1.5 Inter, system-ui, sans-serif; }
h1 { font-size: clamp(34px, 6vw, 64px); letter-spacing: -.04em; line-height: 1; margin: 0 0 6vh; font-weight: 650; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 36px 28px; }
a { color: inherit; text-decoration: none; display: block; }
iframe { display: block; width: 100%; aspect-ratio: 1; border: 0; border-radius: 14px; background: #111114; pointer-events: none; }
b { display: block; margin-top: 14px; font-size: 21px; font-weight: 650; letter-spacing: -.02em; text-transform: capitalize; }
span { color: #a5a2a0; font-size: 15px; }
a:hover b { color: #ffb86b; }
</style>
</head>
<body>
<h1>Pictures that<br>never were</h1>
<main>
"""
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
    (root / "index.html").write_text(f"{_HEAD}{tiles}</main>\n</body>\n</html>\n", encoding="utf-8")
    return pages


def _tile(target: Path) -> str:
    facts = json.loads((target / "model.json").read_text(encoding="utf-8"))
    shown = {name: html.escape(str(facts[name])) for name in ("name", "width", "height")}
    return _TILE.format(**shown, license=html.escape(facts["shown"].get("license", "")))


if __name__ == "__main__":
    for made in write(sys.argv[1], sys.argv[2:]):
        print(made)
