"""What the presets and options of `latentart project` cost and give, on one photograph.

    python -m benchmarks.projection_options [--budget 170]        does what is missing for so many seconds, prints all

Seconds are of wall time and of processor time (all threads), with loading and the model's statistics left out, as in
a folder of pictures. The judge is LPIPS through AlexNet, as in benchmarks/projection.py. The encoder is measured on
glyphs-64, on samples it has never seen: how long it learns, and how far from the target a search begins with it.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from benchmarks.projection import options, target_of, tick
from latentart import pixels
from latentart.features import load as features_load
from latentart.models.load import load
from latentart.projection.project import Projector
from latentart.projection.search import bank, encoder
from latentart.projection.settings import Settings
from latentart.projection.target import make_target

PHOTOGRAPH = "coffee"
WAYS = {
    "preview": Settings("preview"),
    "standard": Settings("standard"),
    "standard, w": Settings("standard", "w"),
    "standard --align": Settings("standard", align=True),
    "standard --noise": Settings("standard", noise=True),
    "standard --tune": Settings("standard", tune=True),
    "deep": Settings("deep"),
    "deep, w": Settings("deep", "w"),
}


def main() -> None:
    """Measures what is missing and prints a table."""
    args = options(__doc__)
    path: Path = args.results / "options.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    began = time.monotonic()
    judge = features_load.lpips("alexnet")
    p = Projector.of(load("landscapes-256", args.device), encoder="none")
    for name, settings in WAYS.items():
        if name not in found and time.monotonic() - began < args.budget:
            found[name] = measured(p, judge, settings, args.results)
            path.write_text(json.dumps(found, indent=1))
            show(name, found[name])
    if "encoder" not in found and time.monotonic() - began < args.budget:
        found["encoder"] = taught(args.device)
        path.write_text(json.dumps(found, indent=1))
        print("encoder", found["encoder"])
    for name in [name for name in WAYS if name in found]:
        show(name, found[name])


def measured(p: Projector, judge, settings: Settings, results: Path) -> dict[str, float]:
    """One projection of the photograph: seconds and scores."""
    img = target_of(p.G, PHOTOGRAPH, results)
    wall, processor = time.monotonic(), tick()
    made = p.project([make_target(pixels.to_uint8(img)[0], p.G)], settings)[0]
    spent = {"wall": time.monotonic() - wall, "processor": tick() - processor}
    shown = made.render(p.G).clamp(-1, 1)
    place = made.settings["projection"]["place"]
    if place is not None:
        # The target as the generator sees it: that is what was compared.
        from latentart.projection.search import align

        img = align.move(img, torch.tensor([place]), back=True)
    scores = {"alex": float(judge(shown, img)), "mse": float((shown - img).square().mean())}
    return spent | scores | {"strangeness": made.settings["projection"]["strangeness"], "settings": asdict(settings)}


def taught(device: str) -> dict[str, float]:
    """The encoder's lesson, and the distance at which searches begin, from it and from the bank."""
    G = load("glyphs-64", device)
    plain = Projector.of(G, encoder="none")
    wall, processor = time.monotonic(), tick()
    guess = encoder.encoder(plain.G, plain.prior, train=True)
    assert guess is not None
    spent = {"wall": time.monotonic() - wall, "processor": tick() - processor}
    w = bank.sample_w(G, 16, 91)
    with torch.no_grad():
        wanted = draw(plain, w)
        near = plain.bank.nearest(bank.look(plain.features, wanted), 8)
        starts = {"encoder": guess(wanted), "bank": plain.bank.w[near].mean(dim=1)}
        begins = {name: float(np.median(plain.features(draw(plain, v), wanted))) for name, v in starts.items()}
    return spent | {f"begins at, {name}": value for name, value in begins.items()}


def draw(p: Projector, w: torch.Tensor) -> torch.Tensor:
    """The pictures of codes w [N, w_dim]."""
    img: torch.Tensor = p.G.synthesis(w[:, None].expand(-1, p.G.num_ws, -1)).clamp(-1, 1)
    return img


def show(name: str, found: dict[str, float]) -> None:
    """One row of the table."""
    times = f"{found['wall']:6.1f} s, {found['processor']:6.1f} s of processor time"
    print(f"{name:18} {times}, LPIPS-alex {found['alex']:.3f}, MSE {found['mse']:.4f}, {found['strangeness']:.1f}")


if __name__ == "__main__":
    main()
