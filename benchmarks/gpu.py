"""The engine on a GPU: StyleGAN2 config-f and StyleGAN3 T and R at 1024x1024 with random weights, against their goals.

    python -m benchmarks.gpu [--parts t r ...] [--rounds 15] [--json FILE]
    python -m benchmarks.gpu --layers                  # each layer: time, bytes, FLOP, distance to the device's limits
    python -m benchmarks.gpu --device cpu --small      # tiny networks, to see that the script runs

Beside ours stands plain PyTorch from the paper (benchmarks/reference), as it is, as one graph and under torch.compile,
in the same run. Times are medians, on a GPU by its own events. Rows are printed as they come; a part that runs out of
its time ends there, all parts together take four minutes at most. Ends with 2 where there is no GPU.

(Called gpu and not cuda: PyTorch imports NVIDIA's `cuda` package, which this would hide.)
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
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.helpers import gpu_layers
from benchmarks.helpers.gpu_table import Row, TimeUpError, line, missing, row, within
from benchmarks.reference.stylegan2_plain import Plain
from latentart import engine
from latentart.engine import choose, gradients, graph, machine
from latentart.engine import precision as precisions
from latentart.errors import LatentartError
from latentart.features import trunk
from latentart.features.lpips import Lpips
from latentart.models import stylegan3
from latentart.models.base import Generator
from latentart.models.stylegan2 import Config, StyleGAN2
from latentart.projection.search import loss, objectives
from latentart.projection.search.optimize import Schedule, Variables, descend
from latentart.projection.search.prior import prior
from latentart.render import film as films
from latentart.render.frames import frames
from latentart.sinks.sink import open_sink
from latentart.weights.checkpoint import Checkpoint
from tests.layouts import random_stylegan3

CONFIG_F = (512, 512, 512, 512, 512, 256, 128, 64, 32)
"""Feature maps from 4x4 to 1024x1024."""
SMALL = (8, 8, 8, 8)
BATCHES = (1, 8, 32)
COMPILED = 8
"""The batch at which torch.compile is measured: it takes half a minute to get ready."""
SEED = 3


Draw = Callable[[Tensor], Tensor]
Ways = dict[str, Callable[[Tensor], Draw]]
"""Names of what draws -> what makes it ready for such latents."""


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
        """Median of some calls, after three; fewer of slow ones, so that a figure takes about three seconds at most."""
        times = [_milliseconds(call, self.G.device) for _ in range(3)]
        rounds = max(3, min(self.rounds, int(2000 / max(times[-1], 1e-3))))
        return statistics.median(_milliseconds(call, self.G.device) for _ in range(rounds))


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


def stylegan3_generator(device: str, variant: str, *, small: bool = False) -> stylegan3.StyleGAN3:
    """StyleGAN3 T or R in the published shape with random weights."""
    wide = {"t": (32768, 512), "r": (65536, 1024)}[variant]
    shape = {"resolution": 16, "base": 64, "largest": 2} if small else {
        "resolution": 1024, "base": wide[0], "largest": wide[1], "z_dim": 512, "w_dim": 512,
    }  # fmt: skip
    tensors, config = random_stylegan3.random_state(SEED, variant=variant, **shape)  # type: ignore[arg-type]
    G = stylegan3.build(Checkpoint(tensors, config, f"{SEED:064d}", "random"))
    G.name, G.sha256 = f"stylegan3-{variant}, random", f"{SEED:064d}"
    G.to(device)
    return G


def speed(bench: Bench, batch: int) -> Iterator[Row]:
    """Pictures per second of StyleGAN2, synthesis alone, and how far each way is from float32."""
    yield from _compared(bench, bench.G, f"StyleGAN2, batch {batch}", bench.ws(batch), _ways(bench.G, batch))


def third(bench: Bench, variant: str) -> Iterator[Row]:
    """The same of StyleGAN3, T or R."""
    G = stylegan3_generator(str(bench.G.device), variant, small=bench.small)
    batches = bench.batches[1::-1]
    # What matters most comes first, in both batches.
    for name in [*_choices(G, batches[0]), "eager"]:
        for batch in batches:
            z = torch.randn(batch, G.z_dim, generator=torch.Generator().manual_seed(batch)).to(G.device)
            with torch.inference_mode():
                ws = G.mapping(z).clone()
            if name == "eager":
                ways: Ways = {"eager, float32": lambda ws: partial(_eager, G)}
            else:
                ways = {f"ours: {name}": partial(_route, G, batch, name)}
            yield from _compared(bench, G, f"StyleGAN3-{variant.upper()}, batch {batch}", ws, ways)


def _compared(bench: Bench, G: Generator, about: str, ws: Tensor, ways: Ways) -> Iterator[Row]:
    with precisions.exact(), torch.inference_mode():
        wanted = G.synthesis(ws[:2])
    for name, make in ways.items():
        try:
            began = time.perf_counter()
            draw = make(ws)
            error = float((draw(ws)[:2].float() - wanted).norm() / wanted.norm())
            ready = time.perf_counter() - began
            took = bench.milliseconds(partial(draw, ws))
            how = f"{took:.2f} ms, relative error {error:.1e}, ready in {ready:.0f} s"
            yield row(f"{about}, {name}", 1000 * len(ws) / took, "img/s", how, right=error <= 2e-3)
        except (LatentartError, RuntimeError) as fault:
            yield row(f"{about}, {name}", 0.0, "img/s", str(fault).splitlines()[0])


def _ways(G: StyleGAN2, batch: int) -> Ways:
    """Names of what draws -> what makes it ready for such latents."""
    half = torch.float16 if G.device.type == "cuda" else torch.float32
    paper = f"the paper, plain PyTorch, {str(half).removeprefix('torch.')}"
    ways: Ways = {f"ours: {n}": partial(_route, G, batch, n) for n in _choices(G, batch)}
    ways["eager, float32"] = lambda ws: partial(_eager, G)
    ways[paper] = lambda ws: torch.inference_mode()(Plain(G.synthesis.state_dict(), half))
    if G.device.type == "cuda":
        ways[f"{paper}, one graph"] = lambda ws: _replayed(ways[paper](ws), ws)
        if batch == COMPILED:
            ways[f"{paper}, torch.compile"] = lambda ws: _compiled(ways[paper](ws), ws)
    return ways


def _compiled(draw: Draw, ws: Tensor) -> Draw:
    """As PyTorch's documentation advises for the least overhead: its own kernels, replayed as CUDA graphs."""
    made: Any = torch.compile(draw, mode="reduce-overhead", dynamic=False)
    for _ in range(3):
        made(ws)
    return lambda given: made(given).clone()


def _eager(G: Generator, ws: Tensor) -> Tensor:
    with torch.inference_mode(), precisions.exact():
        made: Tensor = G.synthesis(ws)
    return made


def _replayed(draw: Draw, ws: Tensor) -> Draw:
    recorded = graph.capture(lambda given: (draw(given),), ws)
    return lambda given: recorded.replay(given)[0]


def _choices(G: Generator, batch: int) -> list[str]:
    """What the engine offers here for live pictures, plain PyTorch and what cannot be had left out."""
    request = engine.Request(batch=batch, precision="live")
    offers = {name: why for route in choose.find() for name, why in route.choices(G, request).items()}
    known = [name for name, why in offers.items() if not why and name != "eager"]
    return sorted(known, key=lambda name: name != "cuda f16")


def _route(G: Generator, batch: int, name: str, ws: Tensor) -> Draw:
    made: Any = engine.compile(G, batch=batch, precision="live", only=name, measure=0)
    return made  # type: ignore[no-any-return]


def one_frame(bench: Bench) -> Iterator[Row]:
    """One picture from latents to uint8: on the device, and with the way to the host."""
    ws = bench.ws(1)
    for precision in ("live", "master"):
        draw = engine.compile(bench.G, output="uint8", precision=precision)
        took = bench.milliseconds(lambda draw=draw: draw.begin(ws))
        yield row(f"one frame, {precision}, latent to uint8", took, "ms", draw.trial.name)
        took = bench.milliseconds(lambda draw=draw: draw(ws))
        yield row(f"one frame, {precision}, in memory of the host", took, "ms", draw.trial.name)


def master(bench: Bench) -> Iterator[Row]:
    """Frames of a film in master precision: how fast they are drawn, how far they are from exact float32."""
    ws, batch = bench.ws(8), min(8, max(bench.batches))
    draw = engine.compile(bench.G, batch=batch, output="uint8")
    exact = engine.compile(bench.G, batch=batch, output="uint8", only="eager", measure=0)
    apart = torch.from_numpy(draw(ws[:batch])).int() - torch.from_numpy(exact(ws[:batch])).int()
    took = bench.milliseconds(lambda: draw(ws[:batch]))
    levels, share = int(apart.abs().max()), float((apart != 0).float().mean())
    how = f"{draw.trial.name}, error {draw.trial.error:.1e}, {levels} levels at most, {100 * share:.2f} % differ"
    yield row("master film, drawing", 1000 * batch / took, "fps", how, right=levels <= 1)


def film(bench: Bench) -> Iterator[Row]:
    """A film of 60 frames a second, end to end, against the encoder alone on the same frames; in pairs."""
    G, score = bench.G, films.Film(seeds=(1, 2, 3), seconds=bench.frames / 60, fps="60", psi=0.7)
    draw, path = films.engine_for(score, G, planes=True), films.make_path(score, G)
    kept, planes = list(frames(G, path, synthesis=draw)), draw.request.output == "yuv420"
    ratios, whole = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(3):
            encoded = _seconds(lambda n=number: _encode(Path(folder) / f"alone{n}.mp4", kept, planes=planes))
            rendered = _seconds(lambda n=number: films.render(score, Path(folder) / f"{n}.mp4", G=G, path=path,
                                                              synthesis=draw))  # fmt: skip
            if number:  # the first pair warms up
                ratios.append(encoded / rendered)
                whole.append(len(kept) / rendered)
    ratio, rate = statistics.median(ratios), statistics.median(whole)
    how = f"{draw.trial.name}, {draw.request.output}, {rate:.0f} fps"
    yield row("film, H.264: of the encoder alone", 100 * ratio, "%", how)


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
    bench.G.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # as projection lays it
    for size in dict.fromkeys((bench.G.img_resolution, min(256, bench.G.img_resolution))):
        yield row(f"projection step, {size} pixels", _step(bench, size), "ms", "a whole search")
    for layout in (torch.contiguous_format, torch.channels_last):
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
        yield row(f"gradient, {slopes.choice}, {words}", took, "ms", f"relative error {error:.1e}")


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
        for run, made in (("first", "first time"), ("second", "again")):
            began = time.perf_counter()
            done = subprocess.run(command + ["--small"] * bench.small, env={**os.environ, **kept}, check=True,
                                  capture_output=True, text=True, timeout=600)  # fmt: skip
            took = time.perf_counter() - began
            yield row(f"engine made, {made}", float(done.stdout.split()[-1]), "s")
            yield row(f"first frame after start, {run} run", took, "s")


def first_frame(device: str, small: bool) -> float:
    """What an artist waits for; the seconds that making the engine took."""
    G = generator(device, small=small)
    draw = engine.compile(G, output="uint8", precision="live")
    draw(G.w_avg.repeat(1, G.num_ws, 1))
    return draw.startup


def layers(bench: Bench) -> Iterator[Row]:
    """Each layer of each network in half: time beside what its bytes and its products take at the device's limits."""
    yield from gpu_layers.second(bench.G, bench.batches[-1])
    for variant in ("t", "r"):
        G = stylegan3_generator(str(bench.G.device), variant, small=bench.small)
        yield from gpu_layers.third(G, bench.batches[1])


Part = Callable[[Bench], Iterator[Row]]

PARTS: dict[str, tuple[Part, float]] = {
    "t": (partial(third, variant="t"), 42), "r": (partial(third, variant="r"), 38),
    "batch32": (partial(speed, batch=32), 30), "projection": (projection, 28), "master": (master, 22),
    "frame": (one_frame, 15), "film": (film, 25), "start": (start, 35), "batch8": (partial(speed, batch=8), 45),
    "batch1": (partial(speed, batch=1), 30),
}  # fmt: skip
"""Name -> the part and the seconds it may take. What matters most comes first."""
WHOLE = 235.0
"""Seconds of all parts together."""
LAYERS = {"layers": (layers, 120.0)}

FAULTS = (LatentartError, RuntimeError, OSError, subprocess.SubprocessError)


def measured(bench: Bench, parts: list[str]) -> Iterator[Row]:
    """The rows of these parts; a part that fails or runs out of time is a row that says so, and the others go on."""
    ends = time.monotonic() + WHOLE
    for part in parts:
        make, seconds = (PARTS | LAYERS)[part]
        try:
            with precisions.searching():
                yield from within(make(bench), min(seconds, ends - time.monotonic()))
        except FAULTS as fault:
            yield Row(f"{part}: failed", 0.0, "", ok=False, how=f"{type(fault).__name__}: {fault}".splitlines()[0])
        except TimeUpError:
            yield Row(f"{part}: out of time", min(seconds, WHOLE), "s", ok=False, how="the rows above are what it has")


def main(arguments: list[str] | None = None) -> int:
    """The table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--frames", type=int, default=360, help="of the film")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--small", action="store_true", help="a tiny network: whether the script runs")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--layers", action="store_true", help="a table of layers, and nothing else")
    parser.add_argument("--first-frame", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        print("no CUDA device here: --device cpu --small shows whether this script runs", file=sys.stderr)
        return 2
    if asked.first_frame:
        print(first_frame(asked.device, asked.small))
        return 0
    # Whatever is imported later could be cut off halfway by a part's alarm.
    for module in ("scipy.signal", "torch._dynamo", *(["triton"] if find_spec("triton") else [])):
        import_module(module)
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
    whole = not asked.layers and asked.parts == list(PARTS)
    for found in _with_missing(measured(bench, ["layers"] if asked.layers else asked.parts), whole):
        print(line(found, asked.small), flush=True)
        rows.append(found)
        if asked.json:
            asked.json.write_text(json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    return 0


def _with_missing(rows: Iterator[Row], whole: bool) -> Iterator[Row]:
    """The rows, and after those of a whole table the goals that none of them has."""
    found = []
    for each in rows:
        found.append(each)
        yield each
    yield from missing(found) if whole else ()


if __name__ == "__main__":
    sys.exit(main())
