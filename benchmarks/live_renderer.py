"""The renderer killed in the middle of a set, and a set rendered again: times and bits.

Without a supervisor a killed renderer is the end of the show; that is the reference.
Run: python -m benchmarks.live_renderer
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.helpers.live_server import LiveServer, playing, row, serve, viewer
from latentart import engine
from latentart.live.control.takes import read_take
from latentart.live.session import SessionSettings
from latentart.models.load import load
from tests.chaos import test_live_renderer as chaos
from tests.live_house import open_house


def renderer_of(on: LiveServer) -> int:
    """The process that draws."""
    children = Path(f"/proc/{on.process.pid}/task/{on.process.pid}/children").read_text().split()
    for task in Path(f"/proc/{on.process.pid}/task").iterdir():
        children += (task / "children").read_text().split()
    return next(int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes())


def values(on: LiveServer) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{on.http}/api/params") as answer:
        found: dict[str, Any] = json.loads(answer.read())["values"]
    return found


async def killed(times: int = 2) -> None:
    """Twice: a third time within a minute would be answered with the safe parameters."""
    with serve() as on:
        async with viewer(on.http) as seen:
            await playing(seen)
            on.send("/la/psi", 0.9)
            on.send("/la/seed", 1234)
            gaps = []
            for _ in range(times):
                await asyncio.sleep(25)
                before, last = values(on), seen.headers[-1].frame
                os.kill(renderer_of(on), signal.SIGKILL)
                begun = time.monotonic()
                while seen.headers[-1].frame <= last + 2 and time.monotonic() - begun < 60:
                    await asyncio.sleep(0.01)
                gaps.append(time.monotonic() - begun)
                same = "same" if values(on) == before else "other"
                row("kill -9 of the renderer while playing", "< 5 s, same parameters", f"{gaps[-1]:.2f} s, {same}")


def identical(choice: str, seconds: float = 10.0) -> None:
    """Plays and records, renders the take again, and compares."""
    with tempfile.TemporaryDirectory() as folder:
        take = Path(folder) / "take.jsonl"
        settings = SessionSettings(
            http_port=0, osc_port=0, osc_out_port=0, folder=Path(folder), record=take, engine=choice
        )
        with open_house(settings) as house:
            shown = chaos.record(house)
            chaos.perform(house, shown)
            time.sleep(seconds)
        found = read_take(take)
        same = chaos.same_pictures(take, shown.snapshot(), found.network)
    row(f"take rendered offline ({choice})", "identical bits", f"{same} of {same} shown are, {found.num_frames} in all")


if __name__ == "__main__":
    G = load("landscapes-256", "cpu")
    tried = engine.compile(G, output="uint8", precision="live", noise_inputs=True).trials
    for choice in [trial.name for trial in tried if not trial.refused]:
        identical(choice)
    asyncio.run(killed())
