"""The cluster's side of a render, over a Ray that answers at once; tests/chaos/test_ray.py has a real one."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from layouts.bars import Bars, bar, bars_job

from latentart import provenance
from latentart.errors import LatentartError, PictureError, SettingsError, TargetError
from latentart.jobs import cluster
from latentart.jobs.cluster import Cluster, check_machine, connected, wait_until_seen
from latentart.jobs.manifest import Manifest
from latentart.jobs.progress import ChunkError
from latentart.jobs.run import prepare, run
from latentart.jobs.work import render_chunk
from tests.render.test_film import frames_of


class RayError(Exception):
    """As Ray's own."""


KINDS = ("WorkerCrashedError", "NodeDiedError", "LocalRayletDiedError", "OutOfMemoryError")
ERRORS = SimpleNamespace(RayError=RayError, **{name: type(name, (RayError,), {}) for name in KINDS})


STORE: dict[str, object] = {}
"""What was put, by its reference."""


class FakeRay:
    """Does each task when it is asked for, after the troubles it was given."""

    exceptions = ERRORS

    def __init__(self, *troubles):
        self.troubles, self.cancelled, self.asked, self.most = list(troubles), [], {}, 0
        self.kept = []

    def remote(self, **options):
        self.options = options
        return lambda work: SimpleNamespace(remote=lambda *given: self._asked(work, given))

    def _asked(self, work, given):
        ref = f"task {len(self.asked)}"
        self.asked[ref] = (work, given)
        return ref

    def put(self, thing):
        self.kept.append(thing)
        STORE[f"kept {len(STORE)}"] = thing
        return list(STORE)[-1]

    def wait(self, refs, **how):
        self.most = max(self.most, len(refs))
        return refs[:1], refs[1:]

    def get(self, ref):
        if ref in STORE:
            return STORE[ref]
        if self.troubles and (trouble := self.troubles.pop(0)):
            raise trouble
        work, given = self.asked[ref]
        return work(*given)

    def cancel(self, ref):
        self.cancelled.append(ref)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    cluster._unpacked.cache_clear()
    monkeypatch.setattr(cluster, "_ray", lambda: FakeRay())


def rendered(job, *troubles, at_once=2, **options):
    ray = FakeRay(*troubles)
    return ray, run(job, crew=Cluster(ray, 0.5, at_once).render, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chunk_whose_worker_is_gone_is_rendered_again(kind, tmp_path):
    ray, [film] = rendered(bars_job(tmp_path), None, getattr(ERRORS, kind)("gone"))
    assert np.array_equal(frames_of(film), np.stack([bar(i) for i in range(20)]))
    assert len(ray.asked) == 5
    assert ray.most == 2
    assert ray.options == {"num_cpus": 1, "num_gpus": 0.5, "max_retries": 0}


def test_only_numbers_are_sent_and_the_job_once(tmp_path):
    ray, _ = rendered(bars_job(tmp_path))
    assert len(ray.kept) == 1
    assert sorted(given[1] for _, given in ray.asked.values()) == [0, 1, 2, 3]


def test_a_chunk_that_loses_every_worker_is_named_and_the_rest_called_off(tmp_path):
    gone = [ERRORS.WorkerCrashedError("gone") for _ in range(9)]
    with pytest.raises(ChunkError, match="died 2 times over chunk 0"):
        rendered(bars_job(tmp_path), *gone, most_deaths=2, at_once=1)
    with pytest.raises(ChunkError, match="died 2 times over chunk"):
        rendered(bars_job(tmp_path / "b"), *gone, most_deaths=2, at_once=3)


@pytest.mark.parametrize(
    ("trouble", "kind", "said"), [("error", PictureError, "NaN"), ("bug", ChunkError, "one by zero")]
)
def test_errors_of_a_worker_are_raised_here(trouble, kind, said, tmp_path):
    with pytest.raises(kind, match=said):
        rendered(bars_job(tmp_path, Bars(trouble=trouble)))
    assert not list(tmp_path.rglob("*.part"))


def test_what_ray_itself_complains_of_is_one_line(tmp_path):
    error = RayError("System error: No module named 'latentart'\ntraceback: ...")
    with pytest.raises(ChunkError, match=r"chunk \d failed on the cluster: .*'latentart': is the same") as raised:
        rendered(bars_job(tmp_path), error)
    assert "\n" not in str(raised.value)


def test_work_that_is_called_brings_its_result_or_its_error():
    there = Cluster(FakeRay(), 0.0, 1)
    assert there.call(max, 3, 4) == 4
    with pytest.raises(SettingsError, match="unknown player"):
        there.call(_fails)
    with pytest.raises(ChunkError, match="_fails failed on the cluster: lost"):
        Cluster(FakeRay(RayError("lost")), 0.0, 1).call(_fails)


def _fails():
    raise SettingsError("unknown player")


def test_chunks_that_are_not_seen_here_are_waited_for_and_then_told(tmp_path):
    job = bars_job(tmp_path)
    prepare(job)
    manifest = Manifest(job)
    manifest.add(render_chunk(job, 0))
    wait_until_seen(manifest, 0)
    job.chunk_path(0, 0).rename(tmp_path / "elsewhere.mkv")
    with pytest.raises(TargetError, match=r"'film0-00000\.mkv' was rendered and is not in .*: -o must be the same"):
        wait_until_seen(manifest, 0)


def test_a_machine_that_would_draw_other_pictures_says_so(tmp_path):
    job = bars_job(tmp_path)
    with pytest.raises(TargetError, match="does not see the folder"):
        check_machine(job)
    prepare(job)
    check_machine(job)
    planned = provenance.complete({"device": "cpu"})
    same = replace(job, plan=replace(job.plan, settings=planned))
    prepare(same)
    check_machine(same)
    for change, said in (
        ({"torch": "1.0"}, r"has torch 2.*planned with 1\.0"),
        ({"device": "NVIDIA H9"}, "has device"),
    ):
        other = replace(job, plan=replace(job.plan, settings={**planned, **change}))
        prepare(other)
        with pytest.raises(SettingsError, match=said):
            check_machine(other)


def test_an_address_that_is_none_or_where_nobody_answers_is_told_at_once():
    for address in ("", "nowhere", "host:", "host:port", "local:x", "a b"):
        with pytest.raises(SettingsError, match="no Ray address"):
            cluster._knock(address)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}", "127.0.0.1:99999"):
        with pytest.raises(SettingsError, match=r"no Ray cluster at .*: start one with 'ray start --head'"):
            cluster._knock(address)


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LatentartError, match=r"pip install 'latentart\[ray\]'"), connected("local"):
        pass


@pytest.mark.parametrize(
    ("there", "workers", "gpus", "at_once"),
    [({"CPU": 8.0}, None, 0, 8), ({"CPU": 8.0}, 3, 0, 3), ({"CPU": 64.0, "GPU": 8.0}, None, 1, 8),
     ({"CPU": 64.0, "GPU": 8.0}, 2, 1, 2), ({"CPU": 64.0, "GPU": 8.0}, 24, 0.3333, 24)],
)  # fmt: skip
def test_workers_share_the_gpus_there_are(there, workers, gpus, at_once):
    found = cluster._measured(SimpleNamespace(cluster_resources=lambda: there), "auto", workers)
    assert (found.gpus, found.at_once) == (gpus, at_once)


def test_a_cluster_without_cores_is_told():
    with pytest.raises(SettingsError, match="no cores to draw with"):
        cluster._measured(SimpleNamespace(cluster_resources=lambda: {}), "auto", None)
