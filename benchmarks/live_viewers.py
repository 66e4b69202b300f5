"""Viewers that stall, viewers that are slow, and what they do to the others and to themselves.

The reference is the usual loop: a server that awaits a send to each viewer in turn, with the same pictures at the
same rate. Run: python -m benchmarks.live_viewers [seconds]
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import websockets

from benchmarks.helpers.live_server import LiveServer, Seen, playing, row, serve, stalled, viewer
from latentart.live.wire.protocol import Header, pack, unpack


async def beside_a_stalled_one(port: int, seconds: float) -> tuple[float, float]:
    """Pictures a second of three good viewers, before and beside one that never reads."""
    async with viewer(port) as one, viewer(port) as two, viewer(port) as three:
        await playing(one)
        await asyncio.sleep(seconds)
        before = mean(one, two, three, seconds)
        sock = await stalled(port)
        await asyncio.sleep(seconds)
        after = mean(one, two, three, seconds)
        sock.close()
    return before, after


def mean(one: Seen, two: Seen, three: Seen, seconds: float) -> float:
    return (one.fps(seconds) + two.fps(seconds) + three.fps(seconds)) / 3


async def slow(port: int, seconds: float) -> tuple[float, float]:
    """p95 age of pictures, ms, for a viewer that needs 50 ms each: at the start and at the end."""
    async with viewer(port, decode=0.05) as seen:
        await playing(seen)
        await asyncio.sleep(5)
        early = seen.age(0.95, 5)
        await asyncio.sleep(seconds - 5)
        return early, seen.age(0.95, 5)


async def control_to_picture(on: LiveServer, count: int = 100) -> tuple[float, float]:
    """ms from an OSC datagram to the first picture that shows it, p50 and p95."""
    waits = []
    async with viewer(on.http) as seen:
        await playing(seen)
        for number in range(count):
            await asyncio.sleep(0.05 + 0.0037 * (number % 7))
            before, sent = seen.headers[-1].state_rev, time.monotonic()
            on.send("/la/seed", number)
            while seen.headers[-1].state_rev == before:
                await asyncio.sleep(0.0005)
            waits.append(seen.times[-1] - sent)
    waits.sort()
    return waits[count // 2] * 1e3, waits[int(count * 0.95)] * 1e3


class Naive:
    """The reference: every picture is awaited to every viewer, in turn."""

    def __init__(self, payload: bytes, fps: float) -> None:
        self.payload, self.fps = payload, fps
        self.viewers: set[Any] = set()

    async def serve(self) -> None:
        async with websockets.serve(self.handle, "127.0.0.1", 0, compression=None) as server:
            self.port = server.sockets[0].getsockname()[1]
            count = 0
            while True:
                await asyncio.sleep(1 / self.fps)
                count += 1
                message = pack(Header(count, 0, int(time.monotonic() * 1e6), 256, 256), self.payload)
                for ws in list(self.viewers):
                    try:
                        await ws.send(message)
                    except websockets.ConnectionClosed:
                        self.viewers.discard(ws)

    async def handle(self, ws: Any) -> None:
        self.viewers.add(ws)
        async for _ in ws:
            pass


async def naive(payload: bytes, seconds: float) -> tuple[float, float, float, float]:
    """The same two questions to the reference."""
    server = Naive(payload, 60)
    task = asyncio.create_task(server.serve())
    await asyncio.sleep(0.5)
    async with naive_viewer(server.port) as one, naive_viewer(server.port) as two, naive_viewer(server.port) as three:
        await asyncio.sleep(seconds)
        before = mean(one, two, three, seconds)
        sock = await stalled(server.port)
        await asyncio.sleep(seconds)
        after = mean(one, two, three, seconds)
        sock.close()
    async with naive_viewer(server.port, decode=0.05) as seen:
        await asyncio.sleep(5)
        early = seen.age(0.95, 2)
        await asyncio.sleep(max(5.0, seconds - 5))
        late = seen.age(0.95, 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return before, after, early, late


def naive_viewer(port: int, decode: float = 0.0) -> Any:
    return viewer(port, decode=decode)


async def main(seconds: float) -> None:
    with serve() as on:
        async with viewer(on.http) as seen:
            await playing(seen)
            async with websockets.connect(
                f"ws://127.0.0.1:{on.http}/ws",
                subprotocols=["latentart.v1"],
                max_size=None,  # type: ignore[list-item]
            ) as ws:
                await ws.send(json.dumps({"op": "identify"}))
                got: Any = ""
                while isinstance(got, str):
                    got = await ws.recv()
            payload = bytes(unpack(got)[1])
        p50, p95 = await control_to_picture(on)
        before, after = await beside_a_stalled_one(on.http, seconds)
        early, late = await slow(on.http, max(seconds, 10))
    theirs = await naive(payload, min(seconds, 10))
    row("claim", "wanted", "latentart", "reference: await send to each")
    row("OSC datagram to picture at a viewer", "p95 <= 50 ms", f"p50 {p50:.1f}, p95 {p95:.1f} ms")
    loss, lost = 1 - after / before, 1 - theirs[1] / theirs[0]
    row("3 good viewers beside a stalled one", "loss <= 2 %", f"{before:.1f} -> {after:.1f} fps, {loss:.1%}",
        f"{theirs[0]:.1f} -> {theirs[1]:.1f} fps, {lost:.1%}")  # fmt: skip
    row(f"a viewer of 50 ms a picture, {max(seconds, 10):.0f} s", "age <= 150 ms", f"p95 {early:.0f} -> {late:.0f} ms",
        f"{theirs[2]:.0f} -> {theirs[3]:.0f} ms in {min(seconds, 10):.0f} s")  # fmt: skip


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
