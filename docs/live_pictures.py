"""Makes the pictures of docs/sketches.md from a running server: python -m docs.live_pictures

Needs what the browser and py5 tests need: Chromium, Playwright, Java, Xvfb.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from benchmarks.helpers.live_server import ROOT, LiveServer, serve
from tests.audience import FLAGS

OUT = ROOT / "docs" / "images" / "live"
WATCH = ROOT / "tests" / "browser" / "watch_py5.py"
UNDER_X = ("xvfb-run", "-a", "-s", "-screen 0 1400x1000x24")
WIDTH = 960
TRAIL = [(300, 260), (520, 180), (800, 230), (1010, 300), (1000, 560), (760, 600), (560, 460), (330, 600), (250, 430)]


def keep(name: str, picture: Image.Image) -> None:
    """Writes a picture for the page."""
    height = round(picture.height * WIDTH / picture.width)
    picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS).save(OUT / f"{name}.webp", quality=80)


def shot(page: Any, name: str) -> None:
    keep(name, Image.open(io.BytesIO(page.screenshot())))


def visit(browser: Any, on: LiveServer, path: str) -> Any:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"http://localhost:{on.http}{path}")
    page.wait_for_function("live && live.fps > 0", timeout=60_000)
    page.add_style_tag(content=".hint { display: none }")
    return page


def pages(browser: Any, on: LiveServer) -> None:
    """Panel and p5 sketches."""
    page = visit(browser, on, "/")
    page.evaluate("live.set({psi: 0.9, seed: 40})")
    time.sleep(4)
    shot(page, "panel")
    page.close()
    acts = {"kaleidoscope": wait, "tide": wait, "atlas": explore, "letters": write, "mirror": stand, "draw": doodle}
    for name, act in acts.items():
        page = visit(browser, on, f"/sketches/{name}/")
        act(page)
        shot(page, name)
        page.close()


def wait(page: Any) -> None:
    page.evaluate("live.set({'walk/mode': 'keyframes', seed: 24, psi: 1})")
    time.sleep(5)


def stand(page: Any) -> None:
    page.evaluate("paint(20)")
    time.sleep(12)
    page.mouse.move(600, 350)
    page.mouse.down()
    page.mouse.move(860, 430, steps=20)
    time.sleep(0.5)


def doodle(page: Any) -> None:
    # The ghost draws.
    time.sleep(28)


def explore(page: Any) -> None:
    for x, y in TRAIL:
        page.mouse.move(x, y, steps=20)
        time.sleep(1)


def write(page: Any) -> None:
    page.wait_for_function("live.model.classes?.length", timeout=60_000)
    for letter in "Latent":
        page.keyboard.press(letter)
        time.sleep(1.4)
    page.keyboard.press("Q")
    time.sleep(0.6)


def programs(on: LiveServer) -> None:
    """py5 sketches, when they have drawn for a while."""
    on.send("/latentart/model/load", "landscapes-256")
    on.send("/latentart/walk/mode", "keyframes")
    on.send("/latentart/noise/mode", "const")
    on.send("/latentart/psi", 0.9)
    for name in ("particles", "wall", "remote"):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "window.png"
            sketch = ROOT / "sketches" / f"{name}.py"
            arguments = (str(sketch), str(target), f"http://localhost:{on.http}", str(on.osc))
            subprocess.run([*UNDER_X, sys.executable, str(WATCH), "--for", "12", *arguments], check=True, timeout=120)
            keep(name, Image.open(target))


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    with serve() as on, sync_playwright() as session:
        browser = session.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        pages(browser, on)
        browser.close()
        programs(on)


if __name__ == "__main__":
    main()
