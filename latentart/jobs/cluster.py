"""Workers on a Ray cluster. Chunk numbers go out, receipts come back, the folder that all machines share is the state.

Ray starts the workers, gives each its GPU and reports when one is gone. Pictures never travel through it, and nothing
is lost with it: the same command goes on from the folder.
"""

from __future__ import annotations

import math
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any, TypeVar

from latentart import files, provenance
from latentart.errors import SettingsError, TargetError
from latentart.jobs.manifest import Manifest, Receipt
from latentart.jobs.plan import Job
from latentart.jobs.progress import Answer, ChunkError, Progress, answered, attempt
from latentart.jobs.work import render_chunk

T = TypeVar("T")
LOCAL = "local"
LOCAL_WORKERS = 2
LOCAL_STORE = 80 << 20
"""Bytes of Ray's object store on a laptop, which holds the score and nothing else."""
SEEN_WITHIN = 90.0
"""Seconds after which every machine sees what another has written: NFS remembers a folder for up to 60."""
ANSWERS_WITHIN = 5.0
"""Seconds in which a cluster's head answers."""
PATIENCE = 20.0
"""Seconds that workers have to finish after they were asked to stop."""


@contextmanager
def connected(address: str, workers: int | None = None) -> Iterator[Cluster]:
    """A cluster at 'local' (started here, with `workers` workers or 2), 'auto', 'host:6379' or 'ray://host:10001'.

    workers: chunks at a time; by default one for each GPU, or one for each core without GPUs. More than there are
    GPUs share them equally. Raises SettingsError when Ray is not installed or the cluster does not answer.
    """
    ray = _ray()
    before = signal.getsignal(signal.SIGTERM)
    try:
        _join(ray, address, workers)
        if threading.current_thread() is threading.main_thread():
            # Ray takes SIGTERM for itself; what was there before it closes files.
            signal.signal(signal.SIGTERM, before)
        yield _measured(ray, address, workers)
    finally:
        ray.shutdown()


@dataclass(frozen=True)
class Cluster:
    """Ray, the share of a GPU that a chunk gets, and how many chunks are drawn at a time."""

    ray: Any
    gpus: float
    at_once: int

    def call(self, work: Callable[..., T], *given: Any) -> T:
        """What `work` returns on a machine of the cluster that draws. Raises its LatentartErrors, ChunkError."""
        remote = self.ray.remote(num_cpus=1, num_gpus=self.gpus)(_call)
        try:
            found: T = answered(self.ray.get(remote.remote(work, given)), work.__name__)
        except self.ray.exceptions.RayError as error:
            raise _strange(error, work.__name__) from error
        return found

    def render(self, progress: Progress) -> None:
        """Renders what waits; see `progress.Crew`. A worker or a machine that is gone costs its open chunks."""
        # Retries are counted here, by chunk: a chunk that kills its worker every time is recognised by its number.
        remote = self.ray.remote(num_cpus=1, num_gpus=self.gpus, max_retries=0)(_chunk)
        sent = [self.ray.put(progress.job)]
        pending: dict[Any, int] = {}
        try:
            while progress.waiting or pending:
                while progress.waiting and len(pending) < self.at_once:
                    number = progress.waiting.pop()
                    pending[remote.remote(sent, number)] = number
                self._hear(progress, pending)
            wait_until_seen(progress.manifest)
        finally:
            self._stop(pending)

    def _hear(self, progress: Progress, pending: dict[Any, int]) -> None:
        [ref], _ = self.ray.wait(list(pending))
        number = pending.pop(ref)
        gone = self.ray.exceptions
        try:
            answer: Answer = self.ray.get(ref)
        except (gone.WorkerCrashedError, gone.NodeDiedError, gone.LocalRayletDiedError, gone.OutOfMemoryError):
            progress.died(number)
        except gone.RayError as error:
            raise _strange(error, f"chunk {number}") from error
        else:
            progress.done(number, answered(answer, f"chunk {number}"))

    def _stop(self, pending: Mapping[Any, int]) -> None:
        """Workers stop at their next frame and leave no part behind."""
        for ref in pending:
            self.ray.cancel(ref)
        if pending:
            self.ray.wait(list(pending), num_returns=len(pending), timeout=PATIENCE)


def wait_until_seen(manifest: Manifest, patience: float = SEEN_WITHIN) -> None:
    """Returns when this machine sees every chunk in the size of its receipt. Raises TargetError after a while."""
    deadline = time.monotonic() + patience
    while unseen := manifest.unseen():
        if time.monotonic() > deadline:
            what = f"{unseen[0]!r} was rendered and is not in {str(manifest.job.folder)!r} as seen from here"
            raise TargetError(f"{what}: -o must be the same folder on every machine of the cluster")
        time.sleep(0.5)


def _ray() -> ModuleType:
    # No reports about the use of this program to anybody.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise SettingsError("--ray needs Ray: pip install 'latentart[ray]'") from error
    return ray


def _join(ray: Any, address: str, workers: int | None) -> None:
    _knock(address)
    here: dict[str, Any] = {"num_cpus": workers or LOCAL_WORKERS, "object_store_memory": LOCAL_STORE,
                            "include_dashboard": False, "_node_ip_address": "127.0.0.1"}  # fmt: skip
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", **(here if address == LOCAL else {}))
    except (ConnectionError, OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _absent(address, error) from error


def _knock(address: str) -> None:
    """Raises SettingsError at once when no cluster answers: Ray itself would go on trying for minutes."""
    found = re.fullmatch(r"(?:ray://)?(.+):(\d{1,5})", address)
    if not found and address not in (LOCAL, "auto"):
        raise SettingsError(f"no Ray address {address!r}: give local, auto, HOST:6379 or ray://HOST:10001")
    try:
        if found:
            socket.create_connection((found[1], int(found[2])), ANSWERS_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise _absent(address, error) from error


def _absent(address: str, error: Exception) -> SettingsError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    what = f"no Ray cluster at {address!r} ({reason})"
    return SettingsError(f"{what}: start one with 'ray start --head', or give --ray local")


def _measured(ray: Any, address: str, workers: int | None) -> Cluster:
    there = ray.cluster_resources()
    gpus, cores = there.get("GPU", 0.0), there.get("CPU", 0.0)
    if cores < 1:
        raise SettingsError(f"the cluster at {address!r} has no cores to draw with: add machines with 'ray start'")
    at_once = workers or int(gpus or cores)
    # Ray deals out whole GPUs, or shares of one ten-thousandth.
    return Cluster(ray, math.floor(1e4 * min(1.0, gpus / at_once)) / 1e4, at_once)


def _strange(error: Exception, what: str) -> ChunkError:
    cause = getattr(error, "cause", None) or error
    last = (str(cause).strip().splitlines() or [type(cause).__name__])[0][:200]
    return ChunkError(f"{what} failed on the cluster: {last}: is the same latentart installed on every machine?")


def _call(work: Callable[..., object], given: tuple[Any, ...]) -> Answer:
    """On a worker: what `work` comes to."""
    return attempt(lambda: work(*given))


def _chunk(sent: list[Any], number: int) -> Answer:
    """On a worker: one chunk. The job is unpacked once for each worker, so that its models stay loaded."""
    import torch

    torch.set_num_threads(1)
    job = _unpacked(sent[0])
    return attempt(lambda: _rendered(job, number))


@lru_cache(maxsize=1)
def _unpacked(ref: Any) -> Job:
    job: Job = _ray().get(ref)
    return job


def _rendered(job: Job, number: int) -> Receipt:
    check_machine(job)
    return render_chunk(job, number)


def check_machine(job: Job) -> None:
    """Raises LatentartError where this machine would draw other pictures than the plan speaks of, or elsewhere."""
    if not job.folder.is_dir():
        what = f"machine {files.machine()!r} does not see the folder {str(job.folder)!r}"
        raise TargetError(f"{what}: -o must be the same folder on every machine of the cluster")
    here = {**provenance.complete({}), "device": _device(str(job.plan.settings.get("device", "cpu")))}
    for name, mine in here.items():
        planned = job.plan.settings.get(name, mine)
        if planned != mine:
            what = f"machine {files.machine()!r} has {name} {mine}, the render was planned with {planned}"
            raise SettingsError(f"{what}: install the same on every machine, or its frames would differ")


def _device(planned: str) -> str:
    """The name of what would draw here, where the plan states `planned`."""
    import torch

    if planned in ("cpu", "mps"):
        return planned
    return provenance.device_name("cuda") if torch.cuda.is_available() else "cpu"
