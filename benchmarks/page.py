"""The exported page in Chromium: pictures against PyTorch, size, first picture cold and cached, frames a second on one
thread and on all, long tasks of the main thread, memory. Shorter: --seeds 5 --minutes 0.2.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import os
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import torch
from playwright.sync_api import sync_playwright

from latentart import pixels, seeds
from latentart.exports.export import export
from latentart.latent import space
from latentart.models.load import load
from tests.audience import CHROMIUM, FLAGS

MODELS = ("landscapes-256", "glyphs-64")
SECONDS = 8
PLAYING = "document.body.classList.contains('playing') && live.connected"
LONG_TASKS = """globalThis.tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration)))
        .observe({ type: 'longtask', buffered: true });"""
MEMORY = "performance.measureUserAgentSpecificMemory().then((m) => m.bytes)"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None: ...


def size_of(folder: Path) -> float:
    """Megabytes that a visitor loads, each file compressed as static hosts do."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in files) / 1e6


def first_picture(page: Any, url: str) -> float:
    """Seconds from the address to the first picture on the screen."""
    page.goto(url)
    page.wait_for_function(PLAYING, timeout=120_000)
    return float(page.evaluate("performance.now() / 1000"))


def rate(page: Any, url: str) -> float:
    """Pictures a second while a walk plays."""
    page.goto(url)
    page.wait_for_function(PLAYING, timeout=120_000)
    count = "new Promise((done) => { let n = 0; live.on('frame', () => n++); setTimeout(() => done(n), 1000 * %d); })"
    return float(page.evaluate(count % SECONDS)) / SECONDS


def differences(page: Any, name: str, count: int) -> tuple[int, float]:
    """Largest and mean difference, of 255, of pictures that the page and PyTorch draw of the same seeds, psi 0.7."""
    G, worst, total = load(name, "cpu"), 0, 0.0
    c = np.eye(G.c_dim)[:1] if G.c_dim else None
    for seed in range(count):
        found = page.evaluate("what => live.ask(what)", {"op": "render", "seed": seed, "psi": 0.7})
        made = np.frombuffer(base64.b64decode(found["rgb"]), np.uint8).reshape(*G.img_size, 3).astype(int)
        with torch.no_grad():
            img = G.synthesis(space.to_ws(G, seeds.z(seed, G.z_dim), c, psi=0.7))
        apart = np.abs(made - pixels.to_uint8(img)[0])
        worst, total = max(worst, int(apart.max())), total + float(apart.mean())
    return worst, total / count


def measured(context: Any, name: str, folder: Path, url: str, count: int) -> None:
    page = context.new_page()
    page.add_init_script(LONG_TASKS)
    cold, cached = first_picture(page, url), first_picture(page, url)
    print(f"{name}: compressed {size_of(folder):.1f} MB; first picture {cold:.1f} s cold, {cached:.1f} s cached")
    worst, mean = differences(page, name, count)
    print(f"{name}: {count} seeds against PyTorch: at most {worst} of 255, mean {mean:.4f}")
    threads = rate(page, url)
    longest = page.evaluate("Math.max(0, ...tasks.slice())")
    one = rate(page, f"{url}?threads=1")
    cores = page.evaluate("navigator.hardwareConcurrency")
    print(f"{name}: {threads:.1f} fps on {cores} threads; reference, one thread: {one:.1f} fps")
    print(f"{name}: longest task of the main thread, loading included: {longest:.0f} ms")
    page.close()


def memory(context: Any, url: str, minutes: float) -> None:
    page = context.new_page()
    first_picture(page, url)
    page.wait_for_timeout(5000)
    before = page.evaluate(MEMORY)
    page.wait_for_timeout(60_000 * minutes)
    print(f"memory after {minutes:g} minutes: {(page.evaluate(MEMORY) - before) / 1e6:+.1f} MB")
    page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=100)
    arguments = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as root, sync_playwright() as session:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = session.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for name in MODELS:
            folder = export(name, Path(root) / name, "page").path
            url = f"http://127.0.0.1:{server.server_port}/{name}/"
            measured(chromium.new_context(), name, folder, url, arguments.seeds)
        memory(chromium.new_context(), f"http://127.0.0.1:{server.server_port}/{MODELS[1]}/", arguments.minutes)
        chromium.close()
        server.shutdown()


if __name__ == "__main__":
    main()
