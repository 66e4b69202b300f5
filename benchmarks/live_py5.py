"""From the generator to a py5 sketch (JAVA2D, under Xvfb): pictures shown a second, and OSC datagram to pixel.

A pixel counts when the sketch has read it back from its window. The reference is the usual way without a library:
each draw() fetches /frame.jpg and makes an image of it. Run: [SIZE=512] python -m benchmarks.live_py5 [seconds]
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from typing import Any

from benchmarks.helpers.live_server import ROOT, LiveServer, row, serve
from benchmarks.live_browser import SEEDS, STEADY

SIZE = int(os.environ.get("SIZE", "512"))
WHERE = (SIZE // 2, SIZE // 9)
COUNT = 60


class Ours:
    """latentart.sketch.Live."""

    def __init__(self, port: int) -> None:
        from latentart.sketch import Live

        self.live = Live(f"http://localhost:{port}")

    def draw(self) -> int:
        """Draws the newest picture and returns its number."""
        self.live.draw()
        header = self.live.header()
        return header.seq if header else 0


class Fetched:
    """/frame.jpg, again and again."""

    def __init__(self, port: int) -> None:
        self.url = f"http://localhost:{port}/frame.jpg"

    def draw(self) -> int:
        """Draws the newest picture; a picture's number is its hash."""
        import numpy as np
        import py5
        from PIL import Image

        with urllib.request.urlopen(self.url) as answer:
            data = answer.read()
        frame = np.asarray(Image.open(io.BytesIO(data)))
        py5.image(py5.create_image_from_numpy(frame, "RGB"), 0, 0, SIZE, SIZE)
        return hash(data)


def sketch(way: str, http: int, osc: int, seconds: float) -> None:
    """The sketch's process: draws, measures, prints one line of JSON."""
    import py5

    source = {"ours": Ours, "fetched": Fetched}[way](http)
    marks: list[tuple[float, float, int]] = []
    ended = threading.Event()
    score = threading.Thread(target=_play, args=(LiveServer(None, http, osc), seconds, marks))  # type: ignore[arg-type]

    def settings() -> None:
        py5.size(SIZE, SIZE)

    def setup() -> None:
        py5.frame_rate(60)
        score.start()

    def draw() -> None:
        number = source.draw()
        colour = py5.get_pixels(*WHERE)
        level = ((colour >> 16 & 255) + (colour >> 8 & 255) + (colour & 255)) / 3
        marks.append((time.monotonic() * 1e3, level, number))
        if not score.is_alive() and not ended.is_set():
            # Asked twice to end, it interrupts its own ending.
            ended.set()
            py5.exit_sketch()

    py5.run_sketch(sketch_functions={"settings": settings, "setup": setup, "draw": draw}, block=True)


def _play(on: LiveServer, seconds: float, marks: list[tuple[float, float, int]]) -> None:
    while len(marks) < 120:
        time.sleep(0.1)
    time.sleep(2)
    begun = len(marks)
    time.sleep(seconds)
    drawn = marks[begun:]
    new = sum(a[2] != b[2] for a, b in itertools.pairwise(drawn))
    fps = new / ((drawn[-1][0] - drawn[0][0]) / 1e3)
    for name, value in STEADY.items():
        on.send(f"/latentart/{name}", value)
    levels = [_level(on, seed, marks) for seed in SEEDS]
    waits = sorted(_wait(on, i, sum(levels) / 2, marks) for i in range(COUNT))
    print(json.dumps({"fps": fps, "p50": waits[COUNT // 2], "p95": waits[int(COUNT * 0.95)], "levels": levels}))


def _level(on: LiveServer, seed: int, marks: list[tuple[float, float, int]]) -> float:
    on.send("/latentart/seed", seed)
    time.sleep(0.7)
    return marks[-1][1]


def _wait(on: LiveServer, i: int, half: float, marks: list[tuple[float, float, int]]) -> float:
    sent, before = time.monotonic() * 1e3, len(marks)
    on.send("/latentart/seed", SEEDS[i % 2])
    time.sleep(0.15 + 0.0037 * (i % 9))
    return next((at - sent for at, level, _ in marks[before:] if (level > half) == (i % 2 == 1)), float("inf"))


def measured(way: str, on: LiveServer, seconds: float) -> dict[str, Any]:
    """Runs the sketch under Xvfb."""
    command = ["xvfb-run", "-a", "-s", "-screen 0 800x800x24", sys.executable, "-m", "benchmarks.live_py5",
               "--inside", way, "--ports", str(on.http), str(on.osc), str(seconds)]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120 + 2 * seconds, env=environment)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    if not found:
        raise SystemExit(done.stderr)
    return found


def main(seconds: float) -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with serve() as on:
        # The first picture comes when the engine has chosen.
        while json.loads(urllib.request.urlopen(f"http://localhost:{on.http}/api/state").read())["stats"]["fps"] < 5:
            time.sleep(0.5)
        ours, theirs = (measured(way, on, seconds) for way in ("ours", "fetched"))
        stats = json.loads(urllib.request.urlopen(f"http://localhost:{on.http}/api/state").read())["stats"]
    row("claim", "wanted", "latentart.sketch.Live", "reference: /frame.jpg in draw()")
    row(
        f"landscapes-256 to py5, JAVA2D, {SIZE}x{SIZE}",
        ">= 45 fps shown",
        f"{ours['fps']:.1f} fps",
        f"{theirs['fps']:.1f} fps",
    )
    row("OSC datagram to pixel in the window", "p95 <= 60 ms", f"p50 {ours['p50']:.1f}, p95 {ours['p95']:.1f} ms",
        f"p50 {theirs['p50']:.1f}, p95 {theirs['p95']:.1f} ms")  # fmt: skip
    print(f"renderer {stats['fps']} fps, {stats['render_ms']} ms a picture; {os.cpu_count()} cores for generator, "
          "server, Java and X")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", nargs="?", type=float, default=10.0)
    parser.add_argument("--inside", choices=("ours", "fetched"))
    parser.add_argument("--ports", nargs=2, type=int)
    chosen = parser.parse_args()
    if chosen.inside:
        sketch(chosen.inside, *chosen.ports, chosen.seconds)
        sys.stdout.flush()
        # Java sometimes waits for a window that is gone, and the interpreter for Java.
        os._exit(0)
    else:
        main(chosen.seconds)
