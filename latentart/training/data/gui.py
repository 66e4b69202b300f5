"""Random interfaces as pairs, drawn by Chromium: flat boxes by kind (A), and as they look (B).

With them pix2pix learns to draw an interface where boxes are painted. The browser is the user's own; nothing is
downloaded, and its pages come from `gui_page` alone.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from latentart import seeds
from latentart.errors import SettingsError
from latentart.pixels import Frame
from latentart.training.data import gui_page, pairs
from latentart.training.data.pairs import Done, Report, silent

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
FLAGS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb")
SHOW = "kind => document.body.className = kind"
Shoot = Callable[[str], tuple[Frame, Frame]]


def make(
    target: str | Path, *, count: int = 200, size: int = 256, seed: int = 0, browser: str | None = None,
    overwrite: bool = False, report: Report = silent,
) -> Done:  # fmt: skip
    """Writes `count` pairs of size x size pixels: interface i of a seed is the same whatever the count.

    browser: the program; None looks for one. Raises SettingsError when there is none, TargetError.
    """
    seeds.check(seed)
    with camera(size, browser) as shoot:
        jobs = [(f"gui{i:05d}", partial(_pair, shoot, seed, i, size)) for i in range(count)]
        return pairs.write(jobs, Path(target), overwrite=overwrite, report=report)


def _pair(shoot: Shoot, seed: int, number: int, size: int) -> Frame:
    return np.concatenate(shoot(gui_page.page(seed, number, size)), axis=1)


@contextmanager
def camera(size: int, browser: str | None = None) -> Iterator[Shoot]:
    """Yields page -> (boxes, looks), uint8 [size, size, 3] each. Raises SettingsError."""
    program = browser or next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise SettingsError(f"no browser found ({', '.join(BROWSERS)}): install Chromium, or name it with --browser")
    try:
        from playwright import sync_api
    except ImportError as error:
        raise SettingsError("drawing interfaces needs Playwright: run pip install 'latentart[data]'") from error
    with sync_api.sync_playwright() as session:
        try:
            chromium = session.chromium.launch(executable_path=program, args=list(FLAGS))
        except sync_api.Error as error:
            raise SettingsError(f"the browser {program!r} does not start: {str(error).splitlines()[0]}") from error
        try:
            tab = chromium.new_page(viewport={"width": size, "height": size}, offline=True)
            yield partial(_shoot, tab)
        finally:
            chromium.close()


def _shoot(tab: Any, page: str) -> tuple[Frame, Frame]:
    tab.set_content(page)
    shots = []
    for kind in ("boxes", ""):
        tab.evaluate(SHOW, kind)
        with Image.open(io.BytesIO(tab.screenshot())) as image:
            shots.append(np.asarray(image.convert("RGB"), np.uint8))
    return shots[0], shots[1]
