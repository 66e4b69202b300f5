"""Long renders under attack: workers and their driver killed at seeded random times, a disk that is full."""

from __future__ import annotations

import numpy as np
import pytest
from layouts.bars import Bars, bar, bars_job
from layouts.siege import besiege, chunks_run, drive

from latentart.jobs.run import run
from tests.render.test_film import frames_of

FRAMES = 40


@pytest.mark.parametrize("seed", [1])
def test_kills_cost_time_and_nothing_else(seed, tmp_path):
    """Five SIGKILLs, to workers and to the driver; the same command is the recovery."""
    report = besiege(tmp_path, kills=5, seed=seed, frames=FRAMES, pause=0.15)
    assert np.array_equal(frames_of(tmp_path / "film0.mkv"), np.stack([bar(i) for i in range(FRAMES)]))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film0.json", "film0.mkv", "marks"]
    assert report.kills == 5
    # A kill of the driver takes both workers' chunks, one of a worker its own.
    assert report.drawn_again <= report.chunks_at_risk * report.chunk


def test_a_full_disk_names_what_is_missing_and_the_rest_is_rendered_later(tmp_path):
    full = drive(tmp_path, frames=FRAMES, noisy=True, workers=1, largest=16_000)
    assert full.returncode == 1
    assert "no room left in folder" in full.stderr
    assert "finished chunks are kept" in full.stderr
    assert full.stderr.count("\n") == 1
    assert not list(tmp_path.rglob("*.part"))
    kept = chunks_run(tmp_path)
    assert kept > 0
    again = drive(tmp_path, frames=FRAMES, noisy=True, workers=1)
    assert again.returncode == 0, again.stderr
    whole = tmp_path / "whole"
    whole.mkdir()
    [film] = run(bars_job(whole, Bars(noisy=True), frames=FRAMES), workers=0)
    assert np.array_equal(frames_of(tmp_path / "film0.mkv"), frames_of(film))
