"""From the generator to a p5 sketch in a real browser: pictures shown a second, and OSC datagram to pixel.

A pixel counts when the sketch has read it back from its canvas. The sender's clock and the page's are the same
clock of one machine; their offset is measured. The reference is the usual way to put a stream on a canvas, MJPEG in
an <img>, from the same server in the same browser. Run: [SIZE=512] python -m benchmarks.live_browser [seconds]

With THEN=mosaic26 every picture goes through that translator, and the reference is plain PyTorch for both networks.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.helpers.live_server import LiveServer, row, serve
from tests.audience import FLAGS

SKETCH = """
let live;
globalThis.marks = [];
function setup() { pixelDensity(1); createCanvas(SIZE, SIZE); live = connectLatent(); }
function draw() {
  if (live.draw()) mark(drawingContext, live.frame.seq);
}
"""
MJPEG = """
globalThis.marks = [];
const canvas = document.createElement("canvas"), stream = new Image();
canvas.width = canvas.height = SIZE;
stream.src = "/mjpeg";
document.documentElement.append(canvas);
const context = canvas.getContext("2d");
(function draw() {
  requestAnimationFrame(draw);
  if (!stream.naturalWidth) return;
  context.drawImage(stream, 0, 0, SIZE, SIZE);
  mark(context, 0);
})();
"""
MARK = """
const WHERE = [SIZE >> 1, Math.floor(SIZE / 9)];
function mark(context, seq) {
  const [r, g, b] = context.getImageData(...WHERE, 1, 1).data;
  marks.push([performance.timeOrigin + performance.now(), (r + g + b) / 3, seq]);
}
"""
SIZE = int(os.environ.get("SIZE", "512"))
SEEDS = (9, 20)
"""A dark sky and a bright one."""
STEADY = {"walk/mode": "orbit", "walk/radius": 0.05, "walk/glide": 0.0, "psi": 0.7}
"""Every picture is new, and a change of seed shows at once."""


def open_page(browser: Any, on: LiveServer, script: str) -> Any:
    """A page of the server that runs `script`."""
    page = browser.new_page(viewport={"width": SIZE, "height": SIZE})
    page.route(
        "**/sketch.js",
        lambda route: route.fulfill(body=f"const SIZE = {SIZE};{MARK}{script}", content_type="text/javascript"),
    )
    page.goto(f"http://localhost:{on.http}/sketches/tide/")
    page.wait_for_function("marks.length > 60", timeout=120_000)
    return page


def shown(page: Any, seconds: float) -> float:
    """Different pictures drawn a second."""
    page.evaluate("marks.length = 0")
    time.sleep(seconds)
    marks = page.evaluate("marks")
    # MJPEG pictures have no number, but each differs from the last in the pixel that is read, in a walk at this speed.
    new = sum(a[1:] != b[1:] for a, b in itertools.pairwise(marks))
    return new / ((marks[-1][0] - marks[0][0]) / 1e3)


def offset(page: Any) -> float:
    """Milliseconds that the page's clock is ahead of ours, by the quickest of some questions."""
    best = (1e9, 0.0)
    for _ in range(30):
        before = time.time() * 1e3
        there = page.evaluate("performance.timeOrigin + performance.now()")
        after = time.time() * 1e3
        best = min(best, (after - before, there - (before + after) / 2))
    return best[1]


def brightness(page: Any, on: LiveServer, seed: int) -> float:
    """What the pixel shows at rest."""
    on.send("/latentart/seed", seed)
    time.sleep(0.7)
    found: float = page.evaluate("marks.at(-1)[1]")
    return found


def latency(page: Any, on: LiveServer, count: int = 80) -> tuple[float, float]:
    """ms from an OSC datagram to the pixel that shows it, p50 and p95."""
    for name, value in STEADY.items():
        on.send(f"/latentart/{name}", value)
    dark, bright = (brightness(page, on, seed) for seed in SEEDS)
    assert bright - dark > 40, (dark, bright)
    page.evaluate("marks.length = 0")
    sent = []
    for i in range(count):
        sent.append(time.time() * 1e3)
        on.send("/latentart/seed", SEEDS[i % 2])
        time.sleep(0.12 + 0.0037 * (i % 9))
    marks, ahead, half = page.evaluate("marks"), offset(page), (dark + bright) / 2
    waits = sorted(_wait(marks, at + ahead, i % 2 == 1, half) for i, at in enumerate(sent))
    return waits[count // 2], waits[int(count * 0.95)]


def _wait(marks: list[list[float]], sent: float, bright: bool, half: float) -> float:
    return next((at - sent for at, level, _ in marks if at > sent and (level > half) == bright), float("inf"))


def translated(session: Any, name: str, seconds: float, *options: str) -> tuple[float, float]:
    """Pictures shown a second through a translator, and ms that the renderer needs for one."""
    with serve(*options) as on:
        browser = session.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        page = open_page(browser, on, SKETCH)
        page.evaluate("live.on('news', (news) => news.loaded && (globalThis.loaded = news.loaded))")
        on.send("/latentart/then/1/network", name)
        page.wait_for_function(f"globalThis.loaded === '{name}'", timeout=120_000)
        time.sleep(3)
        found = shown(page, seconds), float(page.evaluate("live.stats.render_ms"))
        browser.close()
    return found


def through(name: str, seconds: float) -> None:
    """The generator and a translator after it."""
    with sync_playwright() as session:
        ours, our_ms = translated(session, name, seconds)
        theirs, their_ms = translated(session, name, seconds, "--engine", "eager")
    row("claim", "wanted", "latentart", "reference: plain PyTorch")
    row(f"landscapes-256 then {name}, live in Chromium", ">= 15 fps shown", f"{ours:.1f} fps", f"{theirs:.1f} fps")
    row("one picture in the renderer", "", f"{our_ms:.1f} ms", f"{their_ms:.1f} ms")
    print(f"{ours / theirs:.1f} times as many; {os.cpu_count()} cores for renderer, server and browser")


def main(seconds: float) -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "THEN" in os.environ:
        return through(os.environ["THEN"], seconds)
    with serve() as on, sync_playwright() as session:
        browser = session.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        page = open_page(browser, on, SKETCH)
        time.sleep(3)
        ours = shown(page, seconds)
        p50, p95 = latency(page, on)
        stats = page.evaluate("live.stats")
        page.close()
        page = open_page(browser, on, MJPEG)
        theirs = shown(page, seconds)
        their50, their95 = latency(page, on)
        browser.close()
    row("claim", "wanted", "p5.latentart.js", "reference: MJPEG in <img>")
    row(f"landscapes-256 to p5 in Chromium, {SIZE}x{SIZE}", ">= 50 fps shown", f"{ours:.1f} fps", f"{theirs:.1f} fps")
    row("OSC datagram to pixel on the canvas", "p95 <= 60 ms", f"p50 {p50:.1f}, p95 {p95:.1f} ms",
        f"p50 {their50:.1f}, p95 {their95:.1f} ms")  # fmt: skip
    print(f"renderer {stats['fps']} fps, {stats['render_ms']} ms a picture, {stats['dropped']} frames dropped; "
          f"JPEG quality {stats['quality']}; {os.cpu_count()} cores for generator, server and browser")  # fmt: skip


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
