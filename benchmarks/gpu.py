"""The engine on a GPU: StyleGAN2 config-f at 1024x1024 with random weights, against the figures it must reach.

    python -m benchmarks.gpu [--rounds 20] [--json FILE]
    python -m benchmarks.gpu --device cpu --small      # a tiny network, to see that the script runs

Beside ours stands plain PyTorch from the paper (benchmarks/reference), in the same run. Times are medians, on a GPU by
its own events. Ends with 2 where there is no GPU.

Not yet run on one. (Called gpu and not cuda: PyTorch imports NVIDIA's `cuda` package, which this would hide.)
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.reference.stylegan2_plain import Plain
from latentart import engine
from latentart.engine import choose, gradients, graph, machine
from latentart.engine import precision as precisions
from latentart.errors import LatentartError
from latentart.features import trunk
from latentart.features.lpips import Lpips
from latentart.models.stylegan2 import Config, StyleGAN2
from latentart.projection.search import loss, objectives
from latentart.projection.search.optimize import Schedule, Variables, descend
from latentart.projection.search.prior import prior
from latentart.render import film as films
from latentart.render.frames import frames
from latentart.sinks.sink import open_sink

CONFIG_F = (512, 512, 512, 512, 512, 256, 128, 64, 32)
"""Feature maps from 4x4 to 1024x1024."""
SMALL = (8, 8, 8, 8)
BATCHES = (1, 8, 32)
SEED = 3


@dataclass(frozen=True)
class Row:
    """One figure and what it must be: `target` in words, `ok` None where there is none."""

    what: str
    value: float
    unit: str
    target: str = ""
    ok: bool | None = None
    how: str = ""


@dataclass(frozen=True)
class Bench:
    """What everything is measured with."""

    G: StyleGAN2
    rounds: int
    batches: tuple[int, ...]
    frames: int
    steps: int
    small: bool

    def ws(self, batch: int) -> Tensor:
        """Latents [batch, num_ws, w_dim] of random codes."""
        z = torch.randn(batch, self.G.z_dim, generator=torch.Generator().manual_seed(batch))
        with torch.inference_mode():
            ws: Tensor = self.G.mapping(z.to(self.G.device))
        return ws.clone()

    def milliseconds(self, call: Callable[[], object]) -> float:
        """Median of some calls, after three."""
        for _ in range(3):
            call()
        return statistics.median(_milliseconds(call, self.G.device) for _ in range(self.rounds))


def _milliseconds(call: Callable[[], object], device: torch.device) -> float:
    if device.type != "cuda":
        began = time.perf_counter()
        call()
        return 1000 * (time.perf_counter() - began)
    torch.cuda.synchronize(device)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    call()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def generator(device: str, *, small: bool = False) -> StyleGAN2:
    """Random weights, pictures that mostly lie in [-1, 1]."""
    torch.manual_seed(SEED)
    widths, z = (SMALL, 16) if small else (CONFIG_F, 512)
    config = Config(z, 0, z, 0, (z,) * (2 if small else 8), widths, 3)
    G = StyleGAN2(config).eval().requires_grad_(False)
    G.to(device)
    G.name, G.sha256 = "config-f, random", f"{SEED:064d}"
    for layer in G.synthesis.layers().values():
        layer.noise_strength.fill_(0.1)
    with torch.inference_mode():
        spread = G.synthesis(torch.randn(1, 1, z).to(device).expand(-1, G.num_ws, -1)).std()
    for block in G.synthesis.blocks:
        assert block.torgb is not None
        block.torgb.weight.mul_(0.4 / spread)
    return G


def speed(bench: Bench) -> Iterator[Row]:
    """Pictures per second, synthesis alone, and how far each way is from float32."""
    for batch in bench.batches:
        ws = bench.ws(batch)
        with precisions.exact(), torch.inference_mode():
            wanted = bench.G.synthesis(ws[:2])
        for name, make in _ways(bench.G, batch).items():
            try:
                draw = make(ws)
                error = float((draw(ws)[:2].float() - wanted).norm() / wanted.norm())
                yield _pace(name, batch, bench.milliseconds(partial(draw, ws)), error)
            except (LatentartError, RuntimeError) as fault:
                yield Row(f"batch {batch}, {name}", 0.0, "img/s", how=str(fault).splitlines()[0])


def _pace(name: str, batch: int, took: float, error: float) -> Row:
    goal = 2000 if batch == 32 and name == "ours: cuda f16" else 0
    rate, right = 1000 * batch / took, error <= 2e-3
    how = f"{took:.2f} ms, relative error {error:.1e}"
    if not goal:
        return Row(f"batch {batch}, {name}", rate, "img/s", how=how)
    return Row(f"batch {batch}, {name}", rate, "img/s", f">= {goal}, error <= 2e-3", rate >= goal and right, how)


Draw = Callable[[Tensor], Tensor]


def _ways(G: StyleGAN2, batch: int) -> dict[str, Callable[[Tensor], Draw]]:
    """Names of what draws -> what makes it ready for such latents."""
    half = torch.float16 if G.device.type == "cuda" else torch.float32
    paper = f"the paper, plain PyTorch, {str(half).removeprefix('torch.')}"
    ways: dict[str, Callable[[Tensor], Draw]] = {"eager, float32": lambda ws: partial(_eager, G)}
    ways[paper] = lambda ws: torch.inference_mode()(Plain(G.synthesis.state_dict(), half))
    if G.device.type == "cuda":
        ways[f"{paper}, one graph"] = lambda ws: _replayed(ways[paper](ws), ws)
    for name in _choices(G, batch):
        ways[f"ours: {name}"] = partial(_route, G, batch, name)
    return ways


def _eager(G: StyleGAN2, ws: Tensor) -> Tensor:
    with torch.inference_mode(), precisions.exact():
        made: Tensor = G.synthesis(ws)
    return made


def _replayed(draw: Draw, ws: Tensor) -> Draw:
    recorded = graph.capture(lambda given: (draw(given),), ws)
    return lambda given: recorded.replay(given)[0]


def _choices(G: StyleGAN2, batch: int) -> list[str]:
    """What the engine offers here for live pictures, plain PyTorch and what cannot be had left out."""
    request = engine.Request(batch=batch, precision="live")
    offers = {name: why for route in choose.find() for name, why in route.choices(G, request).items()}
    return [name for name, why in offers.items() if not why and name != "eager"]


def _route(G: StyleGAN2, batch: int, name: str, ws: Tensor) -> Draw:
    made: Any = engine.compile(G, batch=batch, precision="live", only=name, measure=0)
    return made  # type: ignore[no-any-return]


def one_frame(bench: Bench) -> Iterator[Row]:
    """One picture from latents to uint8: on the device, and with the way to the host."""
    ws = bench.ws(1)
    for precision, goal in (("live", "<= 1.2"), ("master", "")):
        draw = engine.compile(bench.G, output="uint8", precision=precision)
        took = bench.milliseconds(lambda draw=draw: draw.begin(ws))
        yield Row(f"one frame, {precision}, latent to uint8", took, "ms", goal, took <= 1.2 if goal else None,
                  draw.trial.name)  # fmt: skip
        took = bench.milliseconds(lambda draw=draw: draw(ws))
        yield Row(f"one frame, {precision}, in memory of the host", took, "ms", how=draw.trial.name)


def film(bench: Bench) -> Iterator[Row]:
    """A film of 60 frames a second, end to end, against the encoder alone on the same frames; in pairs."""
    G, score = bench.G, films.Film(seeds=(1, 2, 3), seconds=bench.frames / 60, fps="60", psi=0.7)
    draw, path = films.engine_for(score, G, planes=True), films.make_path(score, G)
    kept, planes = list(frames(G, path, synthesis=draw)), draw.request.output == "yuv420"
    ratios, whole = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(4):
            encoded = _seconds(lambda n=number: _encode(Path(folder) / f"alone{n}.mp4", kept, planes=planes))
            rendered = _seconds(lambda n=number: films.render(score, Path(folder) / f"{n}.mp4", G=G, path=path,
                                                              synthesis=draw))  # fmt: skip
            if number:  # the first pair warms up
                ratios.append(encoded / rendered)
                whole.append(len(kept) / rendered)
    ratio, rate = statistics.median(ratios), statistics.median(whole)
    how = f"{draw.trial.name}, {draw.request.output}, {rate:.0f} fps"
    yield Row("film, H.264: of the encoder alone", 100 * ratio, "%", ">= 95", ratio >= 0.95, how)


def _encode(target: Path, kept: list[Any], *, planes: bool) -> None:
    with open_sink(target, fps=60, planes=planes) as sink:
        for frame in kept:
            sink.write(frame)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def projection(bench: Bench) -> Iterator[Row]:
    """A step of a search in W: synthesis, VGG16 at 256 pixels, gradients, Adam; the median of some."""
    bench.G.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as projection lays it
    for size in dict.fromkeys((bench.G.img_resolution, min(256, bench.G.img_resolution))):
        step = _step(bench, size)
        goal = "<= 12" if size == bench.G.img_resolution else ""
        yield Row(f"projection step, {size} pixels", step, "ms", goal, step <= 12 if goal else None, "a whole search")
    for layout in (torch.channels_last, torch.contiguous_format):
        bench.G.to(memory_format=layout)  # type: ignore[call-overload]
        for words, rounding in (("TF32", nullcontext), ("float32", precisions.exact)):
            with rounding():
                yield from _gradients(bench, f"{words}, {str(layout).removeprefix('torch.')}")


def _gradients(bench: Bench, words: str) -> Iterator[Row]:
    """The gradient alone, by autograd and as the engine takes it, and how far it is from float32's."""
    codes, v = _codes(bench, bench.G.img_resolution)
    plain = gradients.plain(codes.loss)
    with precisions.exact():
        wanted = plain({"v": v})[1]["v"]
    for slopes in (plain, gradients.slopes(codes.loss, {"v": v}, gradients.WORTH)):
        error = float((slopes({"v": v})[1]["v"] - wanted).norm() / wanted.norm())
        took = bench.milliseconds(lambda slopes=slopes: slopes({"v": v}))
        yield Row(f"gradient, {slopes.choice}, {words}", took, "ms", how=f"relative error {error:.1e}")


def _codes(bench: Bench, size: int) -> tuple[objectives.Codes, Tensor]:
    G, taps = bench.G, ["relu1_2", "relu2_2"] + ([] if bench.small else ["relu3_3", "relu4_3", "relu5_3"])
    plan = trunk.until(trunk.VGG16, taps[-1])
    steps = [step for step in plan if isinstance(step, trunk.Conv)]
    state = {f"{s.name}.weight": torch.randn(s.outputs, s.inputs, 3, 3) * (2 / s.inputs / 9) ** 0.5 for s in steps}
    state |= {f"{s.name}.bias": torch.zeros(s.outputs) for s in steps}
    heads = {step.name: torch.ones(step.outputs) for step in steps if step.name in taps}
    features = Lpips("vgg16, random", trunk.Trunk(plan, state), heads).to(G.device)
    known = prior(G, 1000)
    with torch.no_grad():
        target = G.synthesis(bench.ws(1))
    near = loss.likeness(features, target, loss.LARGEST)
    return objectives.Codes(G, near, known, size), known.whiten(bench.ws(2)[1:, :1]).clone()


def _step(bench: Bench, size: int) -> float:
    codes, start = _codes(bench, size)
    times: list[float] = []

    def watch(step: int, losses: Tensor, best: Variables) -> None:
        losses.tolist()  # which waits for the device
        times.append(time.perf_counter())

    descend(codes, {"v": start}, Schedule(bench.steps, {"v": 0.05}), watch)
    return 1000 * statistics.median(after - before for before, after in pairwise(times))


def start(bench: Bench) -> Iterator[Row]:
    """From nothing to the first frame, a process of its own: the first time, and when everything is remembered."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--first-frame", "--device", str(bench.G.device)]
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: f"{folder}/{name}" for name in ("LATENTART_CACHE", "TRITON_CACHE_DIR")}
        for run, goal in (("first", ""), ("second", "<= 5")):
            began = time.perf_counter()
            subprocess.run(command + ["--small"] * bench.small, env={**os.environ, **kept}, check=True, timeout=600)
            took = time.perf_counter() - began
            yield Row(f"first frame after start, {run} run", took, "s", goal, took <= 5 if goal else None)


def first_frame(device: str, small: bool) -> None:
    """What an artist waits for."""
    G = generator(device, small=small)
    engine.compile(G, output="uint8", precision="live")(G.w_avg.repeat(1, G.num_ws, 1))


PARTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "speed": speed, "frame": one_frame, "film": film, "projection": projection, "start": start,
}  # fmt: skip


FAULTS = (LatentartError, RuntimeError, OSError, subprocess.SubprocessError)


def measured(bench: Bench, parts: list[str]) -> Iterator[Row]:
    """The rows of these parts; a part that fails is a row that says so, and the others go on: GPU time is scarce."""
    for part in parts:
        try:
            with precisions.searching():
                yield from PARTS[part](bench)
        except FAULTS as fault:
            yield Row(f"{part}: failed", 0.0, "", ok=False, how=f"{type(fault).__name__}: {fault}".splitlines()[0])


def line(row: Row, small: bool) -> str:
    """A row of the table; a tiny network has nothing to reach."""
    verdict = "" if row.ok is None or small else "reached" if row.ok else "MISSED"
    return f"{row.what:52} {row.value:9.2f} {row.unit:6} {row.target:24} {verdict:8} {row.how}"


def main(arguments: list[str] | None = None) -> int:
    """The table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--frames", type=int, default=480, help="of the film")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--small", action="store_true", help="a tiny network: whether the script runs")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--first-frame", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        print("no CUDA device here: --device cpu --small shows whether this script runs", file=sys.stderr)
        return 2
    if asked.first_frame:
        first_frame(asked.device, asked.small)
        return 0
    G = generator(asked.device, small=asked.small)
    bench = Bench(G, asked.rounds, BATCHES[:2] if asked.small else BATCHES, asked.frames, 5 if asked.small else 60,
                  asked.small)  # fmt: skip
    about = {
        "device": machine.device_name(G.device),
        "date": datetime.now(UTC).date().isoformat(),
        **machine.versions(),
    }
    print("  ".join(f"{name} {value}" for name, value in about.items() if value), "\n")
    rows: list[Row] = []
    for row in measured(bench, asked.parts):
        print(line(row, asked.small), flush=True)
        rows.append(row)
        if asked.json:
            asked.json.write_text(json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
