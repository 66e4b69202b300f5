"""How well the letters of a network can be read, by a small classifier that has learned from other fonts.

    latentart data glyphs -o glyphs/; latentart data glyphs --held-out -o held-out/
    python benchmarks/glyphs.py --pictures glyphs/ --held-out held-out/ --network glyphs-64

The classifier learns from the held-out list, which shares no family with the fonts that networks learn from. What it
reads of those fonts themselves is the ceiling: many sans-serif fonts draw I and l alike, and c is C but for its size.
"Alike" counts such confusions as read. KID is that of `latentart judge`, on as many pictures as the set has.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from latentart import judging
from latentart.judging import material
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.training.data.glyph_drawing import CHARACTERS

ALIKE = [set(group) for group in ("cC", "kK", "pP", "sS", "uU", "vV", "wW", "xX", "yY", "zZ", "oO0", "Il1iJj", "gq9")]
PER_CLASS = 100


def classifier() -> nn.Sequential:
    """[N, 1, 64, 64] -> [N, 62] logits; 0.4 M weights."""
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((1, 32, 2), (32, 64, 2), (64, 128, 2), (128, 128, 1)):
        layers += [
            nn.Conv2d(inputs, outputs, 5 if inputs == 1 else 3, stride, padding=2 if inputs == 1 else 1, bias=False)
        ]
        layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(2048, len(CHARACTERS)))


def varied(x: Tensor, random: np.random.RandomState) -> Tensor:
    """A little blur, contrast and shift: networks draw no edges as sharp as a font's."""
    shift = random.randint(-1, 2, 2)
    x = torch.roll(x, tuple(int(each) for each in shift), (2, 3))
    mix = float(random.uniform(0, 0.8))
    return x + mix * (F.avg_pool2d(x, 3, 1, 1) - x)


def learn(pictures: material.Pictures, epochs: int, seed: int = 0) -> nn.Sequential:
    """The classifier, trained on labelled glyphs."""
    torch.manual_seed(seed)
    random = np.random.RandomState(seed)
    net = classifier()
    frames, labels = torch.from_numpy(pictures.frames), torch.tensor(pictures.labels)
    steps = epochs * (len(frames) // 128)
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(epochs):
        order = torch.from_numpy(random.permutation(len(frames)))
        for chosen in order[: len(order) // 128 * 128].split(128):
            x = varied(frames[chosen].permute(0, 3, 1, 2).float() / 127.5 - 1, random)
            loss = F.cross_entropy(net(x), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


@torch.no_grad()
def read(net: nn.Sequential, pictures: material.Pictures) -> np.ndarray:  # type: ignore[type-arg]
    """What the classifier reads, as class numbers."""
    return torch.cat([net(batch).argmax(1) for batch in pictures.batches()]).numpy()


def scores(labels: list[int], found: np.ndarray) -> str:  # type: ignore[type-arg]
    """The share read right, strictly and with what looks alike; the most frequent confusions."""
    wrong = [(CHARACTERS[a], CHARACTERS[int(b)]) for a, b in zip(labels, found, strict=True) if a != b]
    unlike = [pair for pair in wrong if not any(set(pair) <= group for group in ALIKE)]
    pairs = sorted({pair: wrong.count(pair) for pair in set(wrong)}.items(), key=lambda item: -item[1])[:8]
    worst = ", ".join(f"{a} as {b} {count}" for (a, b), count in pairs)
    return (
        f"{1 - len(wrong) / len(labels):.1%} read right, {1 - len(unlike) / len(labels):.1%} with alike ones ({worst})"
    )


@torch.no_grad()
def written(G: Generator, seed: int = 0) -> material.Pictures:
    """PER_CLASS samples of each class."""
    labels = [i // PER_CLASS for i in range(PER_CLASS * G.c_dim)]
    known = material.Pictures(np.zeros((len(labels), 1, 1, 1), np.uint8), labels, [""] * len(labels))
    return material.samples(G, len(labels), known, seed)


def main() -> None:
    """Prints a line for the ceiling and one for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True, help="`latentart data glyphs`")
    parser.add_argument("--held-out", type=Path, required=True, help="`latentart data glyphs --held-out`")
    parser.add_argument("--network", action="append", help="name or file; may be given again", default=[])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="file for the classifier, which another run then uses")
    chosen = parser.parse_args()
    size, began = (64, 64), time.monotonic()
    net = classifier()
    if chosen.keep and chosen.keep.is_file():
        net.load_state_dict(torch.load(chosen.keep, weights_only=True))
        net.eval()
    else:
        net = learn(material.of_folder(chosen.held_out, size, 1), chosen.epochs)
        if chosen.keep:
            torch.save(net.state_dict(), chosen.keep)
    print(f"classifier: {time.monotonic() - began:.0f} s", flush=True)
    real = material.of_folder(chosen.pictures, size, 1)
    print(f"{chosen.pictures}: {scores(list(real.labels), read(net, real))}", flush=True)
    for name in chosen.network:
        G = load(name)
        drawn = written(G)
        print(f"{name}: {scores(list(drawn.labels), read(net, drawn))}", flush=True)
        found = judging.judge(G, real, samples=len(drawn.frames), shown=0)
        print(f"{name}: " + ", ".join(f"{key} {value:.5g}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
