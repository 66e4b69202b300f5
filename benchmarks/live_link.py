"""Joining an Ableton Link session that runs: is the bar in phase? Needs aalink; peers find each other on this machine.

Run: python -m benchmarks.live_link [starts]
"""

from __future__ import annotations

import asyncio
import random
import sys
import warnings
from typing import Any

import aalink

from benchmarks.helpers.live_server import row
from latentart.live.control.link import BAR


def peer(tempo: float, quantum: float) -> Any:
    """A session, not joined yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        link = aalink.Link(tempo, asyncio.get_running_loop())
    link.quantum = quantum
    return link


async def off(first: Any, quantum: float) -> float:
    """Beats between the bars of a session and of a peer that joins it at any moment."""
    second = peer(100.0, quantum)
    await asyncio.sleep(0.3 + random.random() / 2)
    second.enabled = True
    for _ in range(40):
        await asyncio.sleep(0.1)
        if second.num_peers:
            break
    await asyncio.sleep(0.4)
    apart = float((second.beat - first.beat + BAR / 2) % BAR - BAR / 2)
    second.enabled = False
    return abs(apart)


async def main(starts: int) -> None:
    first = peer(120.0, BAR)
    first.enabled = True
    await asyncio.sleep(1)
    for quantum in (1, BAR):
        found = [await off(first, quantum) for _ in range(starts)]
        good = sum(apart < 0.1 for apart in found)
        row(f"in phase, quantum {quantum}", f"{starts} of {starts} with {BAR}", f"{good} of {starts}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
