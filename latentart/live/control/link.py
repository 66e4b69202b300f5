"""Ableton Link: tempo and bar from other programs on the network. Needs aalink (GPL-3.0), imported only when asked."""

from __future__ import annotations

import asyncio

from latentart.live.control.controller import Control
from latentart.live.outputs._output import extra

SETTLE = 0.5
"""Seconds before joining: a peer that joins at once may push its own tempo on the others."""
BAR = 4


async def follow(control: Control) -> None:
    """Keeps tempo and bar in step until cancelled. Raises OutputError when the package is missing."""
    link = extra("aalink", "Ableton Link", "link").Link(control.value("tempo/bpm"), asyncio.get_running_loop())
    # Peers agree on the place in a bar of this many beats, and only on that.
    link.quantum = BAR
    await asyncio.sleep(SETTLE)
    link.enabled = True
    while True:
        await link.sync(BAR)
        if link.num_peers:
            if abs(link.tempo - float(control.value("tempo/bpm"))) > 0.01:  # type: ignore[arg-type]
                control.set({"tempo/bpm": link.tempo})
            control.push(resync=True, beat=float(link.beat))
