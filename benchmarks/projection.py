"""Projection against the published schedule: same generator, same targets, same feature network, judged by another.

    python -m benchmarks.projection run --budget 170        does what is missing for so many seconds; run it again
    python -m benchmarks.projection time                    how long one step takes
    python -m benchmarks.projection flicker                 a film against its frames alone
    python -m benchmarks.projection_table                   prints the claims from what is there

The opponent is StyleGAN2's projector as described in its paper (latentart/projection/nvidia.py), delivered as it
is delivered: last step, its noise maps thrown away. Both sides look through the same network and run on the same
generator; the judge is LPIPS through AlexNet (`latentart weights pull alexnet`), which neither side sees.
Times are steps x the time of one step (`python -m benchmarks.projection time`); finding the start is counted for us.
Without a GPU the time is processor time, which does not depend on what else the machine does. Results are kept in
--results, one file per run, so that a run can be interrupted anywhere.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentart import pixels, seeds
from latentart.latent import space
from latentart.models.load import load
from latentart.projection import film as clips
from latentart.projection import presets, result
from latentart.projection.project import Projector
from latentart.projection.search import bank, nvidia
from latentart.projection.search.loss import likeness
from latentart.projection.settings import Settings
from latentart.projection.target import make_target

PHOTOGRAPHS = ("rocket", "coffee", "chelsea", "astronaut")
METHODS = {
    "nvidia": Settings("nvidia", "w"),
    "w": Settings("standard", "w"),
    "w+": Settings("standard", "w+"),
    "w+ free": Settings("standard", "w+", norm_weight=0),
    "w+ tuned": Settings("standard", "w+", tune=True),
}

TOGETHER = {"glyphs-64": 5}
"""Pictures searched together; others one by one."""


@dataclass(frozen=True)
class Run:
    """One method on one target."""

    network: str
    target: str
    method: str
    seed: int

    def path(self, results: Path) -> Path:
        return results / f"{self.network}-{self.target}-{self.method.replace(' ', '_')}-{self.seed}.npz"


def runs(args: argparse.Namespace) -> Iterator[Run]:
    """Everything the protocol asks for, the opponents last because they take longest."""
    targets = [("glyphs-64", f"own{i}", s) for i in range(args.glyphs) for s in range(args.seeds)]
    targets += [("landscapes-256", f"own{i}", 0) for i in range(args.landscapes)]
    targets += [("landscapes-256", name, 0) for name in PHOTOGRAPHS[: args.photographs]]
    for method in [m for m in (*list(METHODS)[1:], "nvidia") if args.only in (None, m)]:
        for network, target, seed in [t for t in targets if args.network in (None, t[0])]:
            # Ours draws nothing at random before it tunes, so it is run once for all seeds of the opponent.
            if method == "nvidia" or (seed == 0 and (method == "w" or network != "glyphs-64")):
                yield Run(network, target, method, seed)


def target_of(G, name: str, results: Path) -> Tensor:
    """A sample at psi 0.7 with noise of its own, rounded to 8 bits; or a photograph. Kept, so that it never changes."""
    path = results / f"{G.name}-{name}.target.npy"
    if path.exists():
        return pixels.to_float(np.load(path))
    if name.startswith("own"):
        number = int(name[3:])
        c = space.c_of(G, [{(7 * number) % G.c_dim: 1.0}]) if G.c_dim else None
        ws = space.to_ws(G, seeds.z(5000 + number, G.z_dim), c, psi=0.7)
        noise = {n: torch.from_numpy(v) for n, v in seeds.noise(G.noise_shapes, 5000, number).items()}
        frame = pixels.to_uint8(G.synthesis(ws, noise=noise))[0]
    else:
        import skimage.data

        photograph = np.ascontiguousarray(getattr(skimage.data, name)())
        frame = pixels.to_uint8(make_target(photograph, G).img)[0]
    np.save(path, frame)
    return pixels.to_float(frame)


def work(args: argparse.Namespace) -> None:
    """Does what is missing until the time is up, some targets of one method at a time."""
    began, projectors = time.monotonic(), {}
    for group in _groups(args):
        if time.monotonic() - began > args.budget:
            break
        network = group[0].network
        if network not in projectors:
            projectors[network] = Projector.of(load(network, args.device), encoder="none")
        _do(projectors[network], group, args.results)
    left = sum(not run.path(args.results).exists() for run in runs(args))
    print(f"{left} runs are left: say it again" if left else "all runs are there")


def _groups(args: argparse.Namespace) -> Iterator[list[Run]]:
    """What is missing, in groups that are searched together; small pictures are quicker so."""
    kinds: dict[tuple[str, str, int], list[Run]] = {}
    for run in runs(args):
        if not run.path(args.results).exists():
            kinds.setdefault((run.network, run.method, run.seed), []).append(run)
    for (network, _, _), found in kinds.items():
        size = TOGETHER.get(network, 1)
        yield from (found[i : i + size] for i in range(0, len(found), size))


def _do(p: Projector, group: list[Run], results: Path) -> None:
    codes: list[tuple[int, Tensor]] = []
    steps: list[str] = []

    def on_step(step) -> None:
        steps.append(step.stage)
        if step.ws is not None and (len(steps) % 10 == 1 or step.stage != steps[-2 if len(steps) > 1 else 0]):
            codes.append((len(steps) - 1, step.ws.detach().clone()))

    settings = METHODS[group[0].method]
    targets = [make_target(pixels.to_uint8(target_of(p.G, run.target, results))[0], p.G) for run in group]
    made = p.project(targets, Settings(**{**settings.__dict__, "seed": group[0].seed}), on_step)
    for i, run in enumerate(group):
        trail = torch.stack([ws[i] for _, ws in codes])
        path = run.path(results)
        img, at = made[i].render(p.G).numpy(), np.array([n for n, _ in codes])
        result.save(made[i], path.with_name(f"{path.stem}.bundle.npz"), overwrite=True)
        np.savez(path, w=made[i].ws.numpy(), img=img, stages=np.array(json.dumps(steps)), at=at, trail=trail.numpy())
        print(path.name, flush=True)


def clock(args: argparse.Namespace) -> None:
    """Milliseconds of one step of each kind, batch 1 and 16; kept beside the results."""
    path = args.results / "times.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    for network in ("glyphs-64", "landscapes-256"):
        p = Projector.of(load(network, args.device), encoder="none")
        for batch in (1, 16):
            key = f"{network} {batch}"
            if key not in found:
                found[key] = _times(p, batch)
                path.write_text(json.dumps(found, indent=1))
                print(key, {name: round(ms, 1) for name, ms in found[key].items()}, flush=True)


def tick() -> float:
    """Seconds. Without a GPU, processor time of all threads: wall time on a shared machine measures the neighbours."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def _times(p: Projector, batch: int) -> dict[str, float]:
    w = bank.sample_w(p.G, batch, 9)
    with torch.no_grad():
        img = p.G.synthesis(w[:, None].expand(-1, p.G.num_ws, -1)).clamp(-1, 1)
    targets = [make_target(frame, p.G) for frame in pixels.to_uint8(img)]
    found: dict[str, float] = {}
    began = tick()
    looks = bank.look(p.features, img)
    p.bank.nearest(looks, 8)
    found["start"] = 1e3 * (tick() - began)
    count = 8 if batch == 1 else 3
    for look in (64, 128, 256):
        stages = (presets.Stage("w", look, count + 2, 0.1),)
        found[f"w {look}"] = _median(lambda watch, s=stages: _staged(p, targets, s, watch))
    if batch == 1:
        bare = likeness(p.features, img, p.G.img_resolution)
        found["nvidia"] = _median(lambda watch: nvidia.published(p.G, bare, p.prior, steps=count + 2, watch=watch))
    return found


def _staged(p: Projector, targets, stages, watch) -> None:
    presets.PRESETS["timing"] = presets.Preset(stages, 1, 1)
    p.project(targets, Settings("timing", "w"), lambda step: watch(0, step.losses))


def flicker(args: argparse.Namespace) -> None:
    """A film that pans slowly over a photograph: jitter of the projected film against that of its frames alone."""
    import skimage.data

    p = Projector.of(load("landscapes-256", args.device), encoder="none")
    photograph = np.ascontiguousarray(skimage.data.rocket())[:400, :400]
    frames = [make_target(np.ascontiguousarray(photograph[:384, 2 * i : 384 + 2 * i]), p.G) for i in range(args.frames)]
    settings = Settings("preview", "w+")
    alone = torch.cat([p.project([frame], settings)[0].ws for frame in frames])
    held = clips.project_clip(p, frames, settings)
    with torch.no_grad():
        films = {name: p.G.synthesis(ws).clamp(-1, 1) for name, ws in (("alone", alone), ("held", held))}
    wanted = torch.cat([frame.img for frame in frames])
    found = {name: [clips.jitter(film), float((film - wanted).square().mean())] for name, film in films.items()}
    found["photograph"] = [clips.jitter(wanted), 0.0]
    (args.results / "flicker.json").write_text(json.dumps(found))
    print({name: f"jitter {jitter:.4f}, MSE {mse:.4f}" for name, (jitter, mse) in found.items()})


def _median(call: Callable[..., object]) -> float:
    ticks: list[float] = []
    call(lambda *_: ticks.append(tick()))
    return float(np.median(np.diff(ticks))) * 1e3


def options(description: str | None, *choices: str) -> argparse.Namespace:
    """The command line of this script and of the table."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if choices:
        parser.add_argument("what", choices=choices)
    parser.add_argument("--results", type=Path, default=Path("out/projection"))
    parser.add_argument("--budget", type=float, default=170, help="seconds, after which no new run begins")
    parser.add_argument("--glyphs", type=int, default=30, help="targets for glyphs-64")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--landscapes", type=int, default=4)
    parser.add_argument("--photographs", type=int, default=4)
    parser.add_argument("--frames", type=int, default=8, help="of the film")
    parser.add_argument("--only", choices=list(METHODS), help="one method instead of all")
    parser.add_argument("--network", choices=("glyphs-64", "landscapes-256"), help="one model instead of both")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.results.mkdir(parents=True, exist_ok=True)
    return args


if __name__ == "__main__":
    chosen = options(__doc__, "run", "time", "flicker")
    {"run": work, "time": clock, "flicker": flicker}[chosen.what](chosen)
