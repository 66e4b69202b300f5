"""Who watches a live server in tests: Chromium by Playwright, py5 on an X display of its own, one server for all."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latentart.live.session import SessionSettings
from tests.live_house import House, open_house

SKETCHES = Path(__file__).parent.parent / "sketches"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCREEN = "1400x1000x24"


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server that plays letters, with the project's sketches."""
    kept = tmp_path_factory.mktemp("stage")
    settings = SessionSettings(
        network="glyphs-64", http_port=0, osc_port=0, osc_out_port=0, threads=1, fps=30, folder=kept, sketches=SKETCHES,
    )  # fmt: skip
    with open_house(settings) as house:
        yield house


@pytest.fixture
def fresh(stage: House) -> House:
    """The same server with every parameter where it begins."""
    stage.session.actions.fire("master/panic")
    stage.session.control.set({"walk/play": True, "walk/glide": 0})
    return stage


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; nothing is downloaded."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install 'latentart[dev]'")
    with playwright.sync_playwright() as session:
        chromium = session.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium.new_context(viewport={"width": 900, "height": 600})
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh tab of 900x600; whatever goes wrong in its scripts fails the test."""
    faults: list[str] = []
    tab = browser.new_page()
    tab.set_default_timeout(15_000)
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield tab
    tab.close()
    assert not faults, faults


CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture
def camera(browser: Any) -> Iterator[Any]:
    """A tab of a Chromium with a camera, whose picture moves, and where it is allowed."""
    chromium = browser.browser.browser_type
    found = chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *CAMERA])
    tab = found.new_page(viewport={"width": 900, "height": 600})
    tab.set_default_timeout(15_000)
    yield tab
    found.close()


@pytest.fixture(scope="session")
def display() -> Iterator[dict[str, str]]:
    """Environment for programs that need a screen: an X server of its own, ended by its process id."""
    missing = [name for name in ("Xvfb", "java") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}: apt-get install xvfb openjdk-17-jre")
    pytest.importorskip("jpype", reason="needs py5: pip install 'latentart[sketch]'")
    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", SCREEN, "-nolisten", "tcp"],
        pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb did not start"
        yield {**os.environ, "DISPLAY": f":{number}"}
    finally:
        screen.terminate()
        screen.wait(10)
