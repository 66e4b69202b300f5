"""What training costs, and that an interruption costs nothing.

    python -m benchmarks.training                 one minute of `train style` from nothing, then steps, then the resume
    python -m benchmarks.training --seconds 10 --steps 2

The first row trains `--preset quick` on landscapes-256's own samples for a minute and says how far it came: the
network begins with the picture itself, and a plain network of chance (as pytorch/examples begins) is trained beside it
for as many steps. previews/ in --results shows both. Times of steps are processor time on one thread.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from latentart import pixels
from latentart.training import nets, pix2pix, pool, run, style
from latentart.translators.style import fast_style

ROOT = Path(__file__).parent.parent
PAINTING = ROOT / "docs" / "images" / "training" / "waves.jpg"


def first_minute(seconds: float, results: Path) -> None:
    """Style loss and content loss after a minute, beside a network that began with chance."""
    for kind in ("begins with the picture", "begins with chance"):
        trainee = style.trainee(style.preset("quick"), PAINTING, None, "landscapes-256", device="cpu")
        if kind == "begins with chance":
            trainee.net = fast_style.FastStyle(fast_style.Config((8, 16, 32))).train()
            trainee.average = style.Average(trainee.net, trainee.chosen.ema)
            trainee.optimizer = torch.optim.Adam(trainee.net.parameters(), trainee.chosen.rate)
        folder = results / kind.replace(" ", "-")
        began = time.monotonic()
        ended = run.train(trainee, folder, run.Schedule(100_000, minutes=seconds / 60, first=5, most=15))
        lines = run.read_metrics(folder / run.METRICS)[-10:]
        losses = {name: statistics.fmean(line[name] for line in lines) for name in ("style", "content")}
        said = ", ".join(f"{name} {value:.2f}" for name, value in losses.items())
        print(
            f"style quick, {kind}: {ended.step} steps in {time.monotonic() - began:.0f} s, {said}; {folder}/preview.png"
        )


def steps(count: int) -> None:
    """Processor time of a step, median, by kind."""
    frames = np.random.RandomState(0).randint(0, 255, (32, 144, 144, 6), np.uint8)
    seen = pool.Pool(frames, [str(i) for i in range(32)], [])
    for bf16 in (False, True):
        for after, words in ((1.0, "L1 alone"), (0.0, "GAN + L1")):
            settings = pix2pix.Settings(width=16, size=128, batch=8, critic_width=24, gan_after=after, bf16=bf16)
            trainee = pix2pix.Pix2Pix(settings, seen, seen, "cpu")
            print(f"pix2pix unet 16, 128 px, batch 8, {words}, bf16 {bf16}: {timed(trainee, count):.0f} ms a step")
        for preset in ("quick", "balanced"):
            trainee_ = style.trainee(style.preset(preset, bf16=bf16), PAINTING, None, "landscapes-256", device="cpu")
            print(f"style {preset}, bf16 {bf16}: {timed(trainee_, count):.0f} ms a step")


def timed(trainee: run.Trainee, count: int) -> float:
    """Median milliseconds of processor time."""
    trainee.step(0, 0.0)
    found = []
    for i in range(count):
        began = time.process_time()
        trainee.step(i + 1, 0.0)
        found.append((time.process_time() - began) * 1000)
    return statistics.median(found)


def resumed(count: int) -> None:
    """The tensors of a training that was stopped in the middle against those of one that was not."""
    frames = np.random.RandomState(0).randint(0, 255, (16, 72, 72, 6), np.uint8)
    seen = pool.Pool(frames, [str(i) for i in range(16)], [])

    def trainee() -> pix2pix.Pix2Pix:
        return pix2pix.Pix2Pix(
            pix2pix.Settings(width=8, size=64, batch=2, critic_width=8), seen, pix2pix.smaller(seen, 64), "cpu"
        )

    with tempfile.TemporaryDirectory() as place:
        whole, half, other = trainee(), trainee(), trainee()
        run.train(whole, Path(place) / "whole", run.Schedule(2 * count))
        for step in range(count):
            with run.seeded(0, step):
                half.step(step, step / (2 * count))
        other.restore(half.tensors())
        for step in range(count, 2 * count):
            with run.seeded(0, step):
                other.step(step, step / (2 * count))
        a, b = whole.tensors(), other.tensors()
        same = sum(torch.equal(a[name], b[name]) for name in a)
        print(f"resume after {count} of {2 * count} steps: {same} of {len(a)} tensors bit-identical")


def begins() -> None:
    """How near the first answer of a fresh style network is to the picture: mean difference of 255."""
    img = pixels.resize(pixels.to_float(pixels.open_image(PAINTING)), (256, 256))
    for width in (8, 16, 32):
        with torch.no_grad():
            away = (nets.fresh_style(width)(img).clamp(-1, 1) - img).abs().mean() * 127.5
        print(f"fresh style network of width {width}: {away:.0f} levels of 255 from the picture")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--results", type=Path, default=Path("out/training-benchmark"))
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    begins()
    steps(options.steps)
    resumed(options.steps)
    torch.set_num_threads(threads)
    first_minute(options.seconds, options.results)
