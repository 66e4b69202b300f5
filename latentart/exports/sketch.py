"""The page's folder with an editable p5 sketch of 30 lines in place of the panel: `sketch.js` is where to begin."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from latentart.exports import page

KIND = "sketch"
IS_FOLDER = True
TOLERANCE, OPTIONS = page.TOLERANCE, page.OPTIONS
SITE = Path(__file__).parent / "site_sketch"
P5 = ("p5.min.js", "p5.LICENSE.txt", "p5.latentart.d.ts", "sketch.css")


def write(network: str | Path, target: Path, **options: Any) -> tuple[float, tuple[str, ...]]:
    """Writes the folder and runs both graphs in onnxruntime. Raises LatentartError."""
    difference, words = page.model(network, target, **options)
    for name in P5:
        shutil.copyfile(page.lib() / name, target / "lib" / name)
    for file in (*SITE.iterdir(), page.SITE / "sw.js", page.PANEL / "icon.svg"):
        shutil.copyfile(file, target / file.name)
    return difference, (*words, "edit sketch.js and load the page again")
