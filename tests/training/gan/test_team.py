"""Two processes train what one does with the same pieces of a batch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from layouts.small_gan import a_gan

from latentart.training import run
from latentart.training.run import Schedule

PART = """
import sys
sys.path[:0] = {paths!r}
import torch
torch.set_num_threads(1)
from layouts.small_gan import a_gan, drawings
from latentart.training import gan, run
from latentart.training.gan import team
group, device = team.join("cpu")
found = drawings()
settings = gan.Settings(size=16, base=128, most=16, latent=8, batch=8, channels=3, seed=3)
learning = gan.Gan(settings, found, device, team=group)
gan.train(learning, {folder!r}, run.Schedule({steps}))
"""


def in_two(folder: Path, steps: int) -> None:
    """Trains with two processes that meet over the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tests = Path(__file__).parents[2]
    code = PART.format(paths=[str(tests)], folder=str(folder), steps=steps)
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2",
              "PYTHONPATH": str(tests.parent)}  # fmt: skip
    parts = [
        subprocess.Popen([sys.executable, "-c", code], env={**shared, "RANK": rank}, stderr=subprocess.PIPE, text=True)
        for rank in "01"
    ]
    try:
        told = [part.communicate(timeout=55)[1] for part in parts]
    finally:
        for part in parts:
            part.kill()
            part.communicate()
    assert [part.returncode for part in parts] == [0, 0], told


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    run.train(a_gan(batch=8, micro=4), tmp_path / "one", Schedule(4))
    for steps in (2, 4):  # the second time they go on from a state
        in_two(tmp_path / "two", steps)
    one, two = (run.read_metrics(tmp_path / name / run.METRICS) for name in ("one", "two"))
    assert [line["step"] for line in two] == [1, 2, 3, 4]
    for ours, theirs in zip(one, two, strict=True):
        for name in ours.keys() - {"seconds"}:
            assert theirs[name] == pytest.approx(ours[name], abs=1e-5), name
