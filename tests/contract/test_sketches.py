"""Every sketch of sketches/ is opened and must show moving pictures."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from audience import SKETCHES
from live_house import wait_until
from PIL import Image

WATCH = Path(__file__).parent.parent / "browser" / "watch_py5.py"
PAGES = sorted(path.parent.name for path in SKETCHES.glob("*/index.html"))
PROGRAMS = sorted(path.stem for path in SKETCHES.glob("*.py"))
P5 = {"1": "p5.min.js", "2": "p5-2.min.js"}


def shot(page):
    """What the window shows, [H, W, 3] int."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), dtype=np.int16)


def test_there_are_sketches_to_test():
    assert len(PAGES) >= 4
    assert len(PROGRAMS) >= 3


@pytest.mark.parametrize("version", P5)
@pytest.mark.parametrize("name", PAGES)
def test_p5_sketch_shows_moving_pictures(page, fresh, name, version):
    page.route("**/lib/p5.min.js", lambda route: route.fulfill(path=SKETCHES / "lib" / P5[version]))
    before = played(fresh)
    page.goto(f"http://localhost:{fresh.port}/sketches/{name}/")
    assert page.evaluate("p5.prototype.VERSION ?? p5.VERSION").startswith(version)
    page.add_style_tag(content=".hint { display: none }")
    page.wait_for_function("live && live.fps > 0 && frameCount > 8")
    page.mouse.move(300, 200)
    first = shot(page)
    page.mouse.move(600, 400, steps=5)
    # A hand that draws is slower than clouds that pass: some wait is theirs.
    shots = [after_frames(page, 12) for _ in range(5)]
    assert shots[-1].std() > 3, "an empty window"
    moved = [(np.abs(first - later).max(axis=-1) > 8).mean() for later in shots]
    assert max(moved) > 0.004, f"a picture that stands still: {moved}"
    page.goto("about:blank")
    assert wait_until(lambda: played(fresh) == before), "the show is not as the sketch found it"


def played(house):
    """All parameters but the levels of sound, which fall silent by themselves."""
    return {name: value for name, value in house.session.control.values().items() if not name.startswith("audio/")}


def after_frames(page, count):
    """What the window shows so many frames later."""
    page.evaluate("until => new Promise(done => { const at = frameCount; const look = () => frameCount >= at + until ? "
                  "done() : requestAnimationFrame(look); look(); })", count)  # fmt: skip
    return shot(page)


@pytest.mark.parametrize("name", PROGRAMS)
def test_py5_sketch_shows_moving_pictures(fresh, display, tmp_path, name):
    target = tmp_path / "window.png"
    command = [sys.executable, str(WATCH), str(SKETCHES / f"{name}.py"), str(target), f"http://localhost:{fresh.port}"]
    if name == "remote":
        command.append(str(fresh.session.osc.port))
    done = subprocess.run(command, env=display, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen.get("bright", 0) > 2, f"an empty window: {seen}"
    assert seen["moved"] > 0.004, "a picture that stands still"
