"""What every exhibition promises: it is read, all its frames fit, and it ends where it begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latentart import provenance
from latentart.exhibition import parse, players, render
from latentart.exhibition.canvas import Exhibit
from latentart.jobs.run import run

FILES = sorted((Path(__file__).parents[2] / "exhibitions").glob("*.toml"))


def small(file):
    """The score at 64 pixels; tiles and screens keep their places."""
    read = render.preview_of(parse.read(file))
    factor = 64 / read.size[0]

    def fitted(thing):
        at = tuple(int(side * factor) for side in thing.at)
        size = tuple(max(1, int(side * factor)) for side in thing.size) if thing.size else None
        return replace(thing, at=at, size=size)

    size = tuple(int(side * factor) // 2 * 2 for side in read.size)
    return replace(read, size=size, tile=tuple(map(fitted, read.tile)), screen=())


def step(stage, number):
    """Mean change from a frame to the one after it."""
    here, there = (stage.canvas(n % stage.score.frames).astype(float) for n in (number, number + 1))
    return np.abs(there - here).mean()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_exhibition_is_rendered_and_closes(file, tmp_path):
    score = small(file)
    stage = Exhibit(score).open()
    steps = [step(stage, n * score.frames // 8 - 1) for n in range(8)]
    assert 0 < steps[0] <= 1.5 * np.median(steps)
    [film] = run(render.make_job(score, file.stem, tmp_path, frames=3), workers=0)
    record = provenance.read(film)
    assert record["frames"] == 3
    assert record["score"]["title"] == score.title
    assert all(len(sha256) == 64 for sha256 in record["checkpoints"].values())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_exhibition_plays_in_a_browser_and_says_what_it_is(file):
    score = parse.read(file)
    assert score.title
    assert file.read_text().startswith("# ")
    assert players.check(score, "browser") == []
    if score.audio:
        samples = Exhibit(score).sound().samples
        assert np.abs(samples[0] - samples[-1]).max() <= 1.5 * np.abs(np.diff(samples, axis=0)).max()


def test_there_are_at_least_five():
    assert len(FILES) >= 5
