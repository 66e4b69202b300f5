"""What the live benchmarks share: the real command in a process of its own, and viewers that speak the protocol."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets

from latentart.live.wire.protocol import Header, unpack
from tests.live_house import message

ROOT = Path(__file__).parents[2]


@dataclass
class LiveServer:
    """A running `latentart live`."""

    process: subprocess.Popen[str]
    http: int
    osc: int

    def send(self, address: str, *args: Any) -> None:
        """One OSC message."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(message(address, *args), ("127.0.0.1", self.osc))


@contextmanager
def serve(*options: str, network: str = "landscapes-256") -> Iterator[LiveServer]:
    """`latentart live` on free ports, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "latentart", "live", "--no-open", "--http-port", "0", "--osc-port", "0",
                   "--osc-out-port", "0", "--network", network, "--folder", folder, *options]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            http, osc = (int(number) for number in re.findall(r":(\d+)/.*port (\d+)", line)[0])
            yield LiveServer(process, http, osc)
        finally:
            process.terminate()
            process.wait(15)


@dataclass
class Seen:
    """What a viewer saw: one entry per picture."""

    headers: list[Header] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    """Seconds from rendered to received (and decoded, where that is asked for)."""
    stats: dict[str, Any] = field(default_factory=dict)

    def fps(self, seconds: float) -> float:
        """Pictures a second in the last `seconds`."""
        end = time.monotonic()
        return sum(at > end - seconds for at in self.times) / seconds

    def age(self, share: float, seconds: float = 1e9) -> float:
        """Percentile of the ages in the last `seconds`, in ms."""
        end = time.monotonic()
        ages = sorted(age for age, at in zip(self.ages, self.times, strict=True) if at > end - seconds)
        return ages[min(len(ages) - 1, int(share * len(ages)))] * 1e3 if ages else float("nan")


@asynccontextmanager
async def viewer(port: int, *, decode: float = 0.0, **fields: Any) -> AsyncIterator[Seen]:
    """A viewer that takes `decode` seconds for each picture."""
    url = f"ws://127.0.0.1:{port}/ws"
    async with websockets.connect(url, subprotocols=["latentart.v1"], max_size=None, compression=None) as ws:  # type: ignore[list-item]
        await ws.send(json.dumps({"op": "identify", "id": 1, **fields}))
        seen = Seen()
        task = asyncio.create_task(_watch(ws, seen, decode))
        try:
            yield seen
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _watch(ws: Any, seen: Seen, decode: float) -> None:
    async for got in ws:
        if isinstance(got, str):
            event = json.loads(got)
            if event.get("event") == "stats":
                seen.stats = event
            continue
        header, _ = unpack(got)
        if decode:
            await asyncio.sleep(decode)
        now = time.monotonic()
        seen.headers.append(header)
        seen.times.append(now)
        seen.ages.append(now - header.t_render_us / 1e6)
        await ws.send(json.dumps({"op": "ack", "seq": header.seq}))


async def playing(seen: Seen, seconds: float = 90.0) -> None:
    """Waits until pictures come steadily."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(0.5)
        if len(seen.times) > 30 and seen.times[-1] - seen.times[-20] < 3:
            return
    raise SystemExit("no pictures came")


async def stalled(port: int) -> socket.socket:
    """A viewer that identifies and never reads again."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    sock.sendall(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Protocol: latentart.v1\r\n\r\n"
    )
    text = b'{"op": "identify"}'
    sock.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    return sock


def row(claim: str, wanted: str, ours: str, reference: str = "") -> None:
    """One line of the table."""
    print(f"{claim:44} | {wanted:28} | {ours:40} | {reference}", flush=True)
