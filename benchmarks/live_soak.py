"""Hours on stage: viewers that come and go, messages all the time; memory and open files must stand still.

Before it a random walk over all that can be done, with an empty cache: models, translators, sizes, bends, presets,
cues, visitors, kills of the renderer. It must die of nothing else and end where a plain account of it ends.

Run: python benchmarks/live_soak.py --minutes 10 [--seed 0] [--part walk|visitors]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from live_renderer import renderer_of
from live_stage import Stage, playing, row, stage, viewer
from live_walk import Walk


def memory(pid: int) -> float:
    """MB that are the process's own, in memory or swapped out; pages of libraries come and go as the system likes."""
    text = Path(f"/proc/{pid}/status").read_text()
    return sum(int(text.split(f"{name}:")[1].split()[0]) for name in ("RssAnon", "VmSwap")) / 1024


def files(pid: int) -> int:
    """Open file descriptors."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def visitor(on: Stage, rng: random.Random, end: float) -> None:
    """Comes, looks for a while, goes."""
    while time.monotonic() < end:
        async with viewer(on.http, decode=rng.choice([0, 0, 0.03])):
            await asyncio.sleep(min(rng.uniform(0.5, 8), max(0.1, end - time.monotonic())))


async def player(on: Stage, rng: random.Random, end: float) -> None:
    """Plays."""
    while time.monotonic() < end:
        name = rng.choice(["psi", "seed", "walk/speed", "noise/amount", "style/fine/amount", "latent/x", "nobody"])
        on.send(f"/la/{name}", rng.random() * 2)
        await asyncio.sleep(0.01)


MODELS = ("landscapes-256", "glyphs-64")
TRANSLATORS = ("mosaic26", "cartoon", "ink", "waves", "openmoji-128")
SETTLE = 180.0
"""Seconds for what is still being read."""


def walk(minutes: float, seed: int) -> None:
    """The random walk."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["LATENTART_CACHE"] = cache
        with stage() as on:
            asyncio.run(_first_picture(on))
            pids = [on.process.pid]
            begun = [(memory(pid), files(pid)) for pid in pids]
            walker = Walk(
                on.http, on.osc, seed, models=MODELS, translators=TRANSLATORS, renderer=lambda: renderer_of(on)
            )
            walker.run(60 * minutes)
            walker.post("set", {"master/freeze": False})
            walker.account.put({"master/freeze": False})
            faults = walker.settle(SETTLE)
            deaths = walker.get("state")["stats"]["restarts"] - walker.kills
            acts = sum(walker.done.values())
            claim = f"random walk, {minutes:g} min, seed {seed}"
            row(claim, "0 deaths", f"{deaths} deaths in {acts} acts, {walker.kills} kills")
            row("  state at its end", "as predicted", "; ".join(faults) or "as predicted")
            row("  acts of each kind", "", " ".join(f"{name} {n}" for name, n in sorted(walker.done.items())))
            (mb, fds), (now, now_fds) = begun[0], (memory(pids[0]), files(pids[0]))
            row("  server", "<= 40 MB more, fds constant", f"{now - mb:+.1f} MB ({now:.0f}), {now_fds - fds:+d} fds")
        del os.environ["LATENTART_CACHE"]


async def _first_picture(on: Stage) -> None:
    async with viewer(on.http) as seen:
        await playing(seen, 300)


async def main(minutes: float) -> None:
    rng, begun = random.Random(0), time.monotonic()
    with stage() as on:
        async with viewer(on.http) as seen:
            await playing(seen)
        end = time.monotonic() + 60 * minutes
        tasks = [asyncio.create_task(visitor(on, rng, end)) for _ in range(4)]
        tasks.append(asyncio.create_task(player(on, rng, end)))
        await asyncio.sleep(min(60, 20 * minutes))
        pids = {"server": on.process.pid, "renderer": renderer_of(on)}
        first = {name: (memory(pid), files(pid)) for name, pid in pids.items()}
        await asyncio.gather(*tasks)
        await asyncio.sleep(2)
        for name, pid in pids.items():
            (mb, fds), (then, then_fds) = (memory(pid), files(pid)), first[name]
            minutes = (time.monotonic() - begun) / 60
            row(f"{name} after {minutes:.1f} min with 4 visitors", "<= 20 MB more, fds constant",
                f"{mb - then:+.1f} MB ({mb:.0f}), {fds - then_fds:+d} fds ({fds})")  # fmt: skip


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--part", choices=("walk", "visitors", "both"), default="both")
    chosen = options.parse_args()
    if chosen.part != "visitors":
        walk(chosen.minutes, chosen.seed)
    if chosen.part != "walk":
        asyncio.run(main(chosen.minutes))
