"""Projection against the published schedule: same generator, same targets, same feature network, judged by another.

    python benchmarks/projection.py run --budget 170        does what is missing for so many seconds; run it again
    python benchmarks/projection.py table                   prints the claims from what is there

The opponent is StyleGAN2's projector as described in its paper (latentart/projection/nvidia.py), delivered as it
is delivered: last step, its noise maps thrown away. Both sides look through the same network and run on the same
generator; the judge is LPIPS through AlexNet (`latentart weights pull alexnet`), which neither side sees.
Times are steps x the time of one step, measured alone by `python benchmarks/projection.py time`; finding the start
is counted for us. Results are kept in --results, one file per run, so that a run can be interrupted anywhere.
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
from latentart.features import load as features_load
from latentart.latent import space
from latentart.models.load import load
from latentart.projection import bank, nvidia, presets
from latentart.projection.bundle import Projection
from latentart.projection.likeness import likeness
from latentart.projection.project import Projector
from latentart.projection.run import Settings
from latentart.projection.target import make_target

PHOTOGRAPHS = ("rocket", "coffee", "chelsea", "astronaut")
METHODS = {
    "nvidia": Settings("nvidia", "w"),
    "w": Settings("standard", "w"),
    "w+": Settings("standard", "w+"),
    "w+ free": Settings("standard", "w+", norm_weight=0),
    "w tuned": Settings("standard", "w", tune=True),
}


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
        for network, target, seed in targets:
            if method in ("nvidia", "w") or network != "glyphs-64":
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
    """Does what is missing until the time is up."""
    began, projectors, left = time.monotonic(), {}, 0
    for run in runs(args):
        path = run.path(args.results)
        if path.exists():
            continue
        left += 1
        if time.monotonic() - began > args.budget:
            continue
        if run.network not in projectors:
            projectors[run.network] = Projector.of(load(run.network, args.device), encoder="none")
        _do(projectors[run.network], run, path, args.results)
        left -= 1
    print(f"{left} runs are left: say it again" if left else "all runs are there")


def _do(p: Projector, run: Run, path: Path, results: Path) -> None:
    img = target_of(p.G, run.target, results)
    codes: list[Tensor] = []
    steps: list[str] = []

    def on_step(step) -> None:
        steps.append(step.stage)
        if step.ws is not None and (len(steps) % 10 == 1 or step.stage != steps[-2 if len(steps) > 1 else 0]):
            codes.append((len(steps) - 1, step.ws[0, :].detach().clone()))

    settings = METHODS[run.method]
    target = make_target(pixels.to_uint8(img)[0], p.G)
    made: Projection = p.project([target], Settings(**{**settings.__dict__, "seed": run.seed}), on_step)[0]
    img_made = made.render(p.G)
    np.savez(
        path, w=made.ws.numpy(), img=img_made.numpy(), stages=np.array(json.dumps(steps)),
        at=np.array([n for n, _ in codes]), trail=torch.stack([w for _, w in codes]).numpy(),
    )  # fmt: skip
    print(path.name, flush=True)


def clock(args: argparse.Namespace) -> None:
    """Milliseconds of one step of each kind, batch 1 and 16, measured alone; kept beside the results."""
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


def _times(p: Projector, batch: int) -> dict[str, float]:
    w = bank.sample_w(p.G, batch, 9)
    with torch.no_grad():
        img = p.G.synthesis(w[:, None].expand(-1, p.G.num_ws, -1)).clamp(-1, 1)
    targets = [make_target(frame, p.G) for frame in pixels.to_uint8(img)]
    found: dict[str, float] = {}
    began = time.perf_counter()
    looks = bank.look(p.features, img)
    p.bank.nearest(looks, 8)
    found["start"] = 1e3 * (time.perf_counter() - began)
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


def _median(call: Callable[..., object]) -> float:
    ticks: list[float] = []
    call(lambda *_: ticks.append(time.perf_counter()))
    return float(np.median(np.diff(ticks))) * 1e3


def table(args: argparse.Namespace) -> None:
    """The claims, with what was measured."""
    judge = features_load.lpips("alexnet")
    kept = [run for run in runs(args) if run.path(args.results).exists()]
    G = {name: load(name, args.device) for name in {run.network for run in kept}}
    times = json.loads((args.results / "times.json").read_text())
    score = {run: _judged(judge, G[run.network], run, args.results) for run in kept}
    for network in G:
        print(f"\n{network}: {_count(kept, network)}")
        _scores(network, score)
        _speed(network, score, times, judge, G[network], args.results)
        _recovery(network, score)
    _photographs(score)
    _editability(judge, G, kept, args.results)


def _count(kept: list[Run], network: str) -> str:
    found = {method: len([r for r in kept if r.network == network and r.method == method]) for method in METHODS}
    return ", ".join(f"{n} x {method}" for method, n in found.items() if n)


def _judged(judge, G, run: Run, results: Path) -> dict[str, float]:
    made, img = np.load(run.path(results)), target_of(G, run.target, results)
    shown = torch.from_numpy(made["img"]).clamp(-1, 1)
    return {"alex": float(judge(shown, img)), "mse": float((shown - img).square().mean()), "ms": ms_ssim(shown, img)}


def ms_ssim(a: Tensor, b: Tensor) -> float:
    """Wang et al. 2003, three scales below 128 pixels and five from 176 on; means of 11 x 11 Gaussian windows."""
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    scales = 5 if min(a.shape[2:]) >= 176 else 3
    total, used = 1.0, np.array(weights[:scales]) / sum(weights[:scales])
    taps = torch.exp(-0.5 * (torch.arange(-5, 6) / 1.5) ** 2)
    window = (torch.outer(taps, taps) / taps.sum() ** 2).expand(a.shape[1], 1, 11, 11)

    def mean(x: Tensor) -> Tensor:
        return torch.nn.functional.conv2d(x, window, groups=x.shape[1])

    for level, weight in enumerate(used):
        ma, mb = mean(a), mean(b)
        va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
        structure = (2 * cov + 0.06**2) / (va + vb + 0.06**2)
        light = (2 * ma * mb + 0.02**2) / (ma**2 + mb**2 + 0.02**2)
        value = (structure * light).mean() if level == scales - 1 else structure.mean()
        total *= float(value.clamp_min(0)) ** weight
        a, b = (torch.nn.functional.avg_pool2d(x, 2) for x in (a, b))
    return total


def _scores(network: str, score: dict[Run, dict[str, float]]) -> None:
    for method in METHODS:
        rows = [s for run, s in score.items() if run.network == network and run.method == method]
        if rows:
            alex, mse, ms = (np.array([row[k] for row in rows]) for k in ("alex", "mse", "ms"))
            line = f"LPIPS-alex mean {alex.mean():.4f} median {np.median(alex):.4f}"
            print(f"  {method:8} {line}  MSE {mse.mean():.4f}  MS-SSIM {ms.mean():.3f}")


def _speed(network: str, score, times, judge, G, results: Path) -> None:
    """Time until the judge's score is what the opponent's final picture has, per target."""
    one, many = times.get(f"{network} 1"), times.get(f"{network} 16")
    ratios: dict[int, list[float]] = {1: [], 16: []}
    for run in [r for r in score if r.network == network and r.method == "w"]:
        other = Run(run.network, run.target, "nvidia", run.seed)
        if other not in score or one is None or many is None:
            continue
        opponent = 1000 * one["nvidia"]
        reached = _reached(judge, G, run, score[other]["alex"], results)
        for batch, kind in ((1, one), (16, many)):
            ours = kind["start"] / batch + sum(kind[stage] / batch for stage in reached or [])
            ratios[batch].append(ours / opponent if reached is not None else float("inf"))
    for batch, found in ratios.items():
        if found:
            there = np.mean(np.isfinite(found))
            speed = f"in 1/{1 / np.median(found):.0f} of its time (median), 1/{1 / max(found):.1f} at worst"
            print(f"  W, batch {batch}: the opponent's score {speed}; {100 * there:.0f} % of {len(found)} reach it")


def _reached(judge, G, run: Run, wanted: float, results: Path) -> list[str] | None:
    made, img = np.load(run.path(results)), target_of(G, run.target, results)
    stages = json.loads(str(made["stages"]))
    for at, w in zip(made["at"], made["trail"], strict=True):
        with torch.no_grad():
            shown = G.synthesis(torch.from_numpy(w)[None]).clamp(-1, 1)
            if float(judge(shown, img)) <= wanted:
                return stages[: int(at) + 1]
    return stages if float(judge(torch.from_numpy(made["img"]).clamp(-1, 1), img)) <= wanted else None


def _recovery(network: str, score) -> None:
    own = {m: [s["alex"] for r, s in score.items() if r.network == network and r.method == m and r.target[:3] == "own"]
           for m in ("w", "nvidia")}  # fmt: skip
    if all(own.values()):
        limit = 1.1 * float(np.median(own["nvidia"]))
        share = {m: 100 * np.mean([x <= limit for x in values]) for m, values in own.items()}
        print(f"  own samples within 1.1 x the opponent's median: {share['w']:.0f} %, its own {share['nvidia']:.0f} %")


def _photographs(score) -> None:
    w, *others = ({r.target: s["alex"] for r, s in score.items() if r.method == m and r.target in PHOTOGRAPHS}
                  for m in ("w", "w+", "w+ free", "w tuned"))  # fmt: skip
    for name, found in zip(("W+", "W+ without P-norm", "tuned generator"), others, strict=True):
        better = [1 - found[t] / w[t] for t in found if t in w]
        if better:
            print(f"photographs, {name} against W: {100 * np.mean(better):.0f} % better ({len(better)} pictures)")


def _editability(judge, G, kept: list[Run], results: Path) -> None:
    """Length of straight paths between projected codes, in parts of that between the generator's own."""
    name = "landscapes-256"
    if name not in G:
        return
    own = bank.sample_w(G[name], 6, 31)[:, None].expand(-1, G[name].num_ws, -1)
    own = G[name].w_avg + 0.7 * (own - G[name].w_avg)
    base = path_length(judge, G[name], own)
    for method in METHODS:
        mine = [run.path(results) for run in kept if (run.network, run.method) == (name, method)]
        found = [torch.from_numpy(np.load(path)["w"]) for path in mine]
        if len(found) > 1:
            print(f"path length, {method}: {path_length(judge, G[name], torch.cat(found)) / base:.2f} of own samples'")


def path_length(judge, G, ws: Tensor, points: int = 6, epsilon: float = 1e-2) -> float:
    """Mean of LPIPS / epsilon^2 along lines between neighbours of a list (Karras et al. 2019, with a wider step)."""
    lengths = []
    rng = seeds.stream(17)
    for a, b in zip(ws, ws.roll(-1, 0), strict=True):
        for t in rng.uniform(0, 1 - epsilon, points):
            pair = torch.stack([torch.lerp(a, b, t), torch.lerp(a, b, t + epsilon)])
            with torch.no_grad():
                img = G.synthesis(pair, noise_mode="const")
                lengths.append(float(judge(img[:1], img[1:])) / epsilon**2)
    return float(np.mean(lengths))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "time", "table"])
    parser.add_argument("--results", type=Path, default=Path("out/projection"))
    parser.add_argument("--budget", type=float, default=170, help="seconds, after which no new run begins")
    parser.add_argument("--glyphs", type=int, default=30, help="targets for glyphs-64")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--landscapes", type=int, default=4)
    parser.add_argument("--photographs", type=int, default=4)
    parser.add_argument("--only", choices=list(METHODS), help="one method instead of all")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    args.results.mkdir(parents=True, exist_ok=True)
    {"run": work, "time": clock, "table": table}[args.what](args)


if __name__ == "__main__":
    main()
