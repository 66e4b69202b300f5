"""Long renders in chunks: the same film whatever happens on the way."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from layouts.bars import Bars, bar, bars_job

from latentart import files, provenance
from latentart.errors import PictureError, SettingsError, TargetError
from latentart.jobs import run as jobs
from latentart.jobs.join import join
from latentart.jobs.manifest import Manifest, remove_stale_parts
from latentart.jobs.run import ChunkError, check_room, prepare, run
from latentart.jobs.work import render_chunk
from tests.render.test_film import frames_of


def truth(count=20, screen=0):
    return np.stack([bar(i, screen) for i in range(count)])


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_chunks_are_fixed_ranges(tmp_path):
    plan = bars_job(tmp_path).plan
    assert [plan.span(n) for n in plan.chunks] == [(0, 6), (6, 12), (12, 18), (18, 20)]
    assert replace(plan, frames=18).chunks == range(3)


def test_a_plan_is_named_by_everything_that_decides_its_pictures(tmp_path):
    plan = bars_job(tmp_path).plan
    assert plan.key == bars_job(tmp_path / "elsewhere").plan.key
    others = [replace(plan, **change) for change in ({"frames": 21}, {"chunk": 5}, {"fps": Fraction(30)},
                                                     {"settings": {"psi": 1}})]  # fmt: skip
    assert len({p.key for p in (plan, *others)}) == 5


@pytest.mark.parametrize("bad", [{"frames": 0}, {"chunk": 0}, {"tracks": ()}])
def test_an_empty_plan_is_refused(bad, tmp_path):
    with pytest.raises(SettingsError):
        replace(bars_job(tmp_path).plan, **bad)


def test_two_workers_make_the_film_of_one_and_leave_nothing_else(tmp_path):
    job = bars_job(tmp_path, Bars(screens=2))
    made = run(job, workers=2)
    assert made == [tmp_path / "film0.mkv", tmp_path / "film1.mkv"]
    assert np.array_equal(frames_of(made[0]), truth())
    assert np.array_equal(frames_of(made[1]), truth(screen=1))
    assert names(tmp_path) == ["film0.json", "film0.mkv", "film1.json", "film1.mkv"]


def test_the_record_names_plan_and_film(tmp_path):
    job = bars_job(tmp_path, ending=".mp4")
    [film] = run(job, workers=0)
    record = provenance.read(film)
    assert (record["job"], record["frames"], record["fps"]) == (job.plan.key, 20, "30000/1001")
    beside = json.loads(film.with_suffix(".json").read_text())
    assert len(beside["sha256"]) == 64
    with av.open(film) as container:
        assert container.metadata["title"] == "bars"


def test_joined_mp4_steps_evenly_and_shows_each_chunk(tmp_path):
    job = bars_job(tmp_path, ending=".mp4")
    prepare(job)
    manifest = Manifest(job)
    for number in job.plan.chunks:
        manifest.add(render_chunk(job, number))
    film = join(job, 0, manifest)
    with av.open(film) as container:
        stream = container.streams.video[0]
        times = [frame.pts * frame.time_base for frame in container.decode(stream)]
    assert times == [i * Fraction(1001, 30000) for i in range(20)]
    apart = np.concatenate([frames_of(job.chunk_path(0, n)) for n in job.plan.chunks])
    assert np.array_equal(frames_of(film), apart)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_joined_webm_says_whether_it_has_alpha(channels, tmp_path):
    [film] = run(bars_job(tmp_path, Bars(channels=channels), ending=".webm"), workers=0)
    assert (b"\x53\xc0\x81\x01" in film.read_bytes()) == (channels == 4)


def test_a_repeated_film_is_the_loop_again_and_again(tmp_path):
    job = bars_job(tmp_path)
    job = replace(job, plan=replace(job.plan, tracks=(replace(job.plan.tracks[0], repeat=3),)))
    [film] = run(job, workers=0)
    assert np.array_equal(frames_of(film), np.concatenate([truth()] * 3))


@pytest.mark.parametrize("target", ["loop.webp", "loop.gif", "frames/"])
def test_loops_and_sequences_come_from_lossless_chunks(target, tmp_path):
    job = bars_job(tmp_path, target=target, fps="20")
    [made] = run(job, workers=0)
    assert provenance.read(made / "settings.json" if made.is_dir() else made)["job"] == job.plan.key
    if made.is_dir():
        assert len(list(made.glob("*.png"))) == 20
    assert run(job, workers=0) == [made]


def test_only_missing_or_damaged_chunks_are_rendered_again(tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    job = bars_job(tmp_path, Bars(marks=str(marks)))
    prepare(job)
    manifest = Manifest(job)
    for number in (0, 1, 2):
        manifest.add(render_chunk(job, number))
    damaged = job.chunk_path(0, 1)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    job.chunk_path(0, 2).unlink()
    assert Manifest(job).missing() == [1, 2, 3]
    for mark in marks.iterdir():
        mark.unlink()
    [film] = run(job, workers=0)
    assert sorted(int(p.name[6:].split(".")[0]) for p in marks.iterdir()) == list(range(6, 20))
    assert np.array_equal(frames_of(film), truth())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"film0-00000.mkv": 3}', '{"film0-00000.mkv": {"bytes": 1}}'])
def test_the_folder_is_the_truth_when_the_manifest_is_damaged(text, tmp_path):
    job = bars_job(tmp_path)
    prepare(job)
    manifest = Manifest(job)
    for number in (0, 1, 2):
        manifest.add(render_chunk(job, number))
    (job.folder / "manifest.json").write_text(text)
    job.chunk_path(0, 1).write_bytes(job.chunk_path(0, 1).read_bytes()[:-3000])
    job.chunk_path(0, 0).replace(job.chunk_path(0, 3))
    assert Manifest(job).missing() == [0, 1, 3]


def test_a_finished_job_is_not_rendered_again_and_another_is_not_replaced(tmp_path):
    job = bars_job(tmp_path)
    [film] = run(job, workers=0)
    before = film.stat().st_mtime_ns
    assert run(job, workers=0) == [film]
    assert film.stat().st_mtime_ns == before
    other = bars_job(tmp_path, frames=10)
    with pytest.raises(TargetError, match="exists already"):
        run(other, workers=0)
    run(other, workers=0, overwrite=True)
    assert len(frames_of(film)) == 10
    run(other, workers=0, fresh=True)
    assert len(frames_of(film)) == 10


def test_a_worker_that_dies_is_replaced(tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    [film] = run(bars_job(tmp_path, Bars(trouble="die once", marks=str(marks), at=8)), workers=2)
    assert np.array_equal(frames_of(film), truth())
    assert not list(tmp_path.rglob("*.part"))


def test_a_chunk_that_kills_every_worker_ends_the_job_and_keeps_the_rest(tmp_path):
    job = bars_job(tmp_path, Bars(trouble="die", at=8))
    with pytest.raises(ChunkError, match="died 2 times over chunk 1"):
        run(job, most_deaths=2)
    assert job.chunk_path(0, 0).exists()


@pytest.mark.parametrize(
    ("trouble", "kind", "said"), [("error", PictureError, "NaN"), ("bug", ChunkError, "one by zero")]
)
def test_errors_of_a_worker_are_raised_at_once(trouble, kind, said, tmp_path):
    job = bars_job(tmp_path, Bars(trouble=trouble))
    with pytest.raises(kind, match=said):
        run(job, workers=1)
    assert not list(tmp_path.rglob("*.part"))


def test_parts_of_dead_processes_go_and_those_of_the_living_stay(tmp_path):
    here = files.machine()
    ours = files.part_of(tmp_path / "film.mp4")
    dead = tmp_path / f"film.mp4.{here}.4194305.part"
    elsewhere = tmp_path / f"film.mp4.not-{here}.4194305.part"
    for path in (ours, dead, elsewhere):
        path.touch()
    remove_stale_parts(tmp_path)
    assert names(tmp_path) == sorted([ours.name, elsewhere.name])
    assert ours.name == f"film.mp4.{here}.{os.getpid()}.part"


def test_no_room_is_told_before_the_start(tmp_path):
    with pytest.raises(TargetError, match=r"needs about 1024\.0 TB in .* which has"):
        check_room(tmp_path / "not" / "there", 2**50)
    check_room(tmp_path, 1)


def test_progress_counts_what_was_done_before(tmp_path):
    job = bars_job(tmp_path)
    prepare(job)
    Manifest(job).add(render_chunk(job, 0))
    told = []
    run(job, workers=0, on_frames=lambda done, total: told.append((done, total)))
    assert told[0] == (6, 20)
    assert told == sorted(told)
    assert told[-1] == (20, 20)
    assert jobs.MOST_DEATHS > 1
