"""Hours on stage: viewers that come and go, messages all the time; memory and open files must stand still.

Run: python -m benchmarks.live_soak [minutes]
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path

from benchmarks.helpers.live_server import LiveServer, playing, row, serve, viewer
from benchmarks.live_renderer import renderer_of


def memory(pid: int) -> float:
    """MB that are the process's own, in memory or swapped out; pages of libraries come and go as the system likes."""
    text = Path(f"/proc/{pid}/status").read_text()
    return sum(int(text.split(f"{name}:")[1].split()[0]) for name in ("RssAnon", "VmSwap")) / 1024


def files(pid: int) -> int:
    """Open file descriptors."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def visitor(on: LiveServer, rng: random.Random, end: float) -> None:
    """Comes, looks for a while, goes."""
    while time.monotonic() < end:
        async with viewer(on.http, decode=rng.choice([0, 0, 0.03])):
            await asyncio.sleep(min(rng.uniform(0.5, 8), max(0.1, end - time.monotonic())))


async def player(on: LiveServer, rng: random.Random, end: float) -> None:
    """Plays."""
    while time.monotonic() < end:
        name = rng.choice(["psi", "seed", "walk/speed", "noise/amount", "style/fine/amount", "latent/x", "nobody"])
        on.send(f"/la/{name}", rng.random() * 2)
        await asyncio.sleep(0.01)


async def main(minutes: float) -> None:
    rng, begun = random.Random(0), time.monotonic()
    with serve() as on:
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
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
