"""The step of a GAN training: equal to the papers, exact after interruptions, in every kind of picture."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from reference import stylegan2_training
from torch import Tensor

from latentart.models import load
from latentart.training import run
from latentart.training.gan import Gan, Settings, build
from latentart.training.gan.pictures import Pictures
from latentart.training.run import Progress, Schedule

TINY: dict[str, Any] = {"size": 16, "base": 128, "most": 16, "latent": 8, "batch": 4, "channels": 3, "seed": 3}


def drawings(count: int = 10, shape: tuple[int, int, int] = (16, 16, 3), classes: int = 0) -> Pictures:
    """Discs of random place, size and colour on a ground of another."""
    rng = np.random.RandomState(7)
    y, x = np.mgrid[: shape[0], : shape[1]]
    frames = np.empty((count, *shape), np.uint8)
    for frame in frames:
        top, left, radius = rng.uniform(4, 12, 3)
        inside = ((y - top) ** 2 + (x - left) ** 2 < (radius / 2) ** 2)[..., None]
        frame[:] = np.where(inside, rng.randint(0, 256, shape[2]), rng.randint(0, 256, shape[2]))
    names = tuple("abcdefgh"[:classes])
    return Pictures(frames, [f"{i}" for i in range(count)], np.arange(count) % max(classes, 1), names)


def a_gan(found: Pictures | None = None, **changes: Any) -> Gan:
    found = found or drawings()
    return Gan(Settings(**{**TINY, "channels": found.channels, **changes}), found, "cpu")


KINDS = {
    "plain": lambda: a_gan(),
    "classes": lambda: a_gan(drawings(classes=3), classes=True),
    "RGBA, fixed augmentation": lambda: a_gan(drawings(shape=(16, 16, 4)), augment=0.7),
    "grey, relativistic": lambda: a_gan(drawings(shape=(16, 16, 1)), loss="rp", path=0.0),
    "wide": lambda: a_gan(drawings(shape=(8, 16, 3)), init_res=(2, 4), mixing=0.9),
    "pieces, frozen, mirrored": lambda: a_gan(micro=2, freeze_d=2, mirror=True, checkpointing=True),
    "bf16": lambda: a_gan(bf16=True),
}


def stopping(*steps: int) -> run.Watch:
    """Ctrl-C after these steps."""

    def watch(now: Progress) -> None:
        if now.step in steps:
            os.kill(os.getpid(), signal.SIGINT)

    return watch


def same(a: run.Trainee, b: run.Trainee) -> None:
    left, right = a.tensors(), b.tensors()
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


@pytest.mark.parametrize("classes", [0, 3])
def test_first_steps_are_those_of_the_papers(classes: int) -> None:
    gan = a_gan(drawings(classes=classes), classes=bool(classes), batch=8, augment=0.0)

    def draw(number: int, phase: str) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
        gan.name(number, phase, 0)
        piece = gan.piece(number, 0)
        return piece.z, piece.c, piece.real, piece.real_c

    theirs = stylegan2_training.Training(
        gan.G.state_dict(), gan.D.state_dict(), gamma=0.0002 * 16 * 16 / 8, draw=draw, path=2.0
    )
    for number in range(10):
        with run.seeded(3, number):
            ours = gan.step(number, 0.0)
        with run.seeded(3, number):
            wanted = theirs.step(number)
        for name, value in wanted.items():
            assert ours[name] == pytest.approx(value, abs=1e-5, rel=1e-5), (number, name)


@pytest.mark.parametrize("kind", KINDS)
def test_interrupted_is_the_same_as_never(kind: str, tmp_path: Path) -> None:
    whole = KINDS[kind]()
    assert run.train(whole, tmp_path / "whole", Schedule(5)).ended == "done"
    with pytest.raises(KeyboardInterrupt):
        run.train(KINDS[kind](), tmp_path / "parts", Schedule(5), stopping(2))
    last = KINDS[kind]()
    run.train(last, tmp_path / "parts", Schedule(5))
    same(whole, last)
    for name in (run.NETWORK, build.CRITIC_FILE):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    G = load.load(tmp_path / "whole" / run.NETWORK, "cpu")
    assert (G.img_size, G.img_channels) == (whole.chosen.shape, whole.chosen.channels)
    assert G.class_names == whole.found.class_names
