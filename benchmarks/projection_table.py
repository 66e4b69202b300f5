"""The table of benchmarks/projection.py: what its results say about the claims."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.projection import METHODS, PHOTOGRAPHS, Run, options, runs, target_of
from latentart import pixels, seeds
from latentart.features import load as features_load
from latentart.models.load import load
from latentart.projection import result
from latentart.projection.result import Projection
from latentart.projection.search import bank
from latentart.projection.search.prior import prior


def table(args: argparse.Namespace) -> None:
    """The claims, with what was measured."""
    judge = features_load.lpips("alexnet")
    kept = [run for run in runs(args) if run.path(args.results).exists()]
    G = {name: load(name, args.device) for name in {run.network for run in kept}}
    clocked = args.results / "times.json"
    times = json.loads(clocked.read_text()) if clocked.exists() else {}
    score = {run: _judged(judge, G[run.network], run, args.results) for run in kept}
    for network in G:
        print(f"\n{network}: {_count(kept, network)}")
        _scores(network, score)
        _speed(network, score, times, judge, G[network], results=args.results)
        _recovery(network, score)
    _photographs(score)
    _each(G, score, args.results)
    _reload(G, kept, args.results)
    if (args.results / "flicker.json").exists():
        jitter = {name: values[0] for name, values in json.loads((args.results / "flicker.json").read_text()).items()}
        print(f"film: jitter {jitter['held'] / jitter['alone']:.2f} of its frames' projected alone")
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


def _speed(network: str, score, times, judge, G, *, results: Path) -> None:
    """Time until the judge's score is what the opponent's final picture has, per target."""
    one, many = times.get(f"{network} 1"), times.get(f"{network} 16")
    ratios: dict[int, list[float]] = {1: [], 16: []}
    for other in [r for r in score if r.network == network and r.method == "nvidia"]:
        run = replace(other, method="w", seed=0)
        if run not in score or one is None or many is None:
            continue
        opponent = 1000 * one["nvidia"]
        reached = _reached(judge, G, run, score[other]["alex"], results)
        for batch, kind in ((1, one), (16, many)):
            ours = (kind["start"] + sum(_cost(kind, stage) for stage in reached or [])) / batch
            ratios[batch].append(ours / opponent if reached is not None else float("inf"))
    for batch, found in ratios.items():
        there = [ratio for ratio in found if np.isfinite(ratio)]
        if there:
            speed = f"in 1/{1 / np.median(there):.0f} of its time (median), 1/{1 / max(there):.1f} at worst"
            print(f"  W, batch {batch}: the opponent's score {speed}; {len(there)} of {len(found)} targets reach it")


def _cost(kind: dict[str, float], stage: str) -> float:
    """Milliseconds of a step; 'w 64 x4' tries four beginnings, counted as four steps though they share some work."""
    name, _, starts = stage.partition(" x")
    return kind[name] * int(starts or 1)


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
                  for m in ("w", "w+", "w+ free", "w+ tuned"))  # fmt: skip
    for name, found in zip(("W+", "W+ without P-norm", "tuned generator"), others, strict=True):
        better = [1 - found[t] / w[t] for t in found if t in w]
        if better:
            print(f"photographs, {name} against W: {100 * np.mean(better):.0f} % better ({len(better)} pictures)")


def _each(G, score, results: Path) -> None:
    """Every photograph by itself: LPIPS-alex and strangeness (`Prior.norm`) of each method."""
    priors = {name: prior(network) for name, network in G.items()}
    for name in PHOTOGRAPHS:
        for run in [run for run in score if run.target == name]:
            strange = float(priors[run.network].norm(torch.from_numpy(np.load(run.path(results))["w"])))
            print(f"  {name:9} {run.method:8} LPIPS-alex {score[run]['alex']:.3f}  strangeness {strange:.1f}")


def _reload(G, kept: list[Run], results: Path) -> None:
    """How far a saved and reloaded bundle's picture is from the one that was found."""
    run = next(r for r in kept if r.method != "nvidia")
    made = np.load(run.path(results))
    path = result.save(Projection(torch.from_numpy(made["w"])), results / "reload.npz", overwrite=True)
    again = result.load(path).render(G[run.network])
    far = np.abs(pixels.to_uint8(again).astype(int) - pixels.to_uint8(torch.from_numpy(made["img"]))).max()
    path.unlink()
    print(f"a reloaded bundle is {far}/255 per pixel away at most")


def _editability(judge, G, kept: list[Run], results: Path) -> None:
    """Length of straight paths between projected codes, in parts of that between the generator's own."""
    name = "landscapes-256"
    if name not in G:
        return
    own = bank.sample_w(G[name], 6, 31)[:, None].expand(-1, G[name].num_ws, -1)
    own = G[name].w_avg + 0.7 * (own - G[name].w_avg)
    base = path_length(judge, G[name], own)
    for group in (("w", "w+", "w+ free"), ("nvidia", "w", "w+")):
        # Only paths between the same targets can be compared.
        theirs = [{run.target: run for run in kept if (run.network, run.method) == (name, m)} for m in group]
        shared = [target for target in theirs[0] if all(target in runs for runs in theirs)]
        for method, found in zip(group, theirs, strict=True):
            if len(shared) > 1:
                codes = [torch.from_numpy(np.load(found[target].path(results))["w"]) for target in shared]
                length = path_length(judge, G[name], torch.cat(codes)) / base
                print(f"path length, {method}: {length:.2f} of own samples' ({', '.join(shared)})")


def path_length(judge, G, ws: Tensor, points: int = 12, epsilon: float = 1e-2) -> float:
    """Mean of LPIPS / epsilon^2 on lines between all pairs of a list (Karras et al. 2019, with a wider step).

    As published, the shortest and the longest hundredth of the steps are left out.
    """
    lengths = []
    rng = seeds.stream(17)
    for a, b in combinations(ws, 2):
        for t in rng.uniform(0, 1 - epsilon, points):
            pair = torch.stack([torch.lerp(a, b, t), torch.lerp(a, b, t + epsilon)])
            with torch.no_grad():
                img = G.synthesis(pair, noise_mode="const").clamp(-1, 1)
                lengths.append(float(judge(img[:1], img[1:])) / epsilon**2)
    low, high = np.quantile(lengths, [0.01, 0.99])
    return float(np.mean([x for x in lengths if low <= x <= high]))


if __name__ == "__main__":
    table(options(__doc__))
