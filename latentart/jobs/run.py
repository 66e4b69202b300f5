"""Workers and the one who hands out chunk numbers. Pictures never travel: the folder is the state."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from latentart import files
from latentart.errors import LatentartError, TargetError
from latentart.jobs.join import join, joined, scratch_bytes
from latentart.jobs.manifest import Manifest, Receipt, remove_stale_parts
from latentart.jobs.plan import Job
from latentart.jobs.work import render_chunk
from latentart.sinks.sink import open_sink

MOST_DEATHS = 5
"""Of workers over one chunk, after which it is the chunk's fault."""
PATIENCE = 20.0
"""Seconds a worker that was told to stop may take."""

Report = Callable[[int, int], None]


class ChunkError(LatentartError):
    """A chunk that cannot be rendered: its worker dies or fails each time."""


@dataclass
class Worker:
    """One process, the pipe to it, and the chunk it is at."""

    process: SpawnProcess
    pipe: Connection
    chunk: int | None = None


def run(
    job: Job,
    *,
    workers: int = 1,
    fresh: bool = False,
    overwrite: bool = False,
    most_deaths: int = MOST_DEATHS,
    on_frames: Report = lambda done, total: None,
) -> list[Path]:
    """Renders what is missing and joins the films; returns their paths. Started again after a crash, it goes on.

    workers: processes of one thread each; 0 renders in this one. fresh: forget earlier chunks. overwrite: replace
    other films of these names; a film of the very same plan is finished and stays. on_frames(done, total) is told
    of whole chunks. Raises LatentartError; KeyboardInterrupt stops the workers and keeps the chunks.
    """
    if fresh:
        shutil.rmtree(job.folder, ignore_errors=True)
    elif all(joined(job, track) for track in range(len(job.plan.tracks))):
        return [job.output / track.target for track in job.plan.tracks]
    prepare(job, overwrite=overwrite or fresh)
    manifest = Manifest(job)
    _render(Progress(job, manifest, most_deaths, on_frames), workers)
    made = [join(job, track, manifest) for track in range(len(job.plan.tracks))]
    shutil.rmtree(job.folder)
    return made


def prepare(job: Job, *, overwrite: bool = False) -> None:
    """The folders, and nothing half done in them. Raises TargetError for a target that cannot be written."""
    with files.explained(job.output):
        job.folder.mkdir(parents=True, exist_ok=True)
        remove_stale_parts(job.folder)
        remove_stale_parts(job.output)
    for number, track in enumerate(job.plan.tracks):
        if not joined(job, number):
            open_sink(track.within(job.output), fps=job.plan.fps, overwrite=overwrite).abort()


def check_room(folder: Path, needed: int) -> None:
    """Raises TargetError with both numbers when the disk of `folder` has no room for `needed` bytes."""
    there = next(p for p in [folder, *folder.absolute().parents] if p.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        what = f"the render needs about {files.size_text(needed)} in {str(folder)!r}, which has {files.size_text(free)}"
        raise TargetError(f"{what} free: make room, or choose another disk with -o")


class Progress:
    """What a run knows: the chunks that wait, the frames that are done, the workers each chunk has cost."""

    def __init__(self, job: Job, manifest: Manifest, most_deaths: int, report: Report) -> None:
        self.job, self.manifest, self.most_deaths, self.report = job, manifest, most_deaths, report
        self.waiting = manifest.missing()[::-1]
        self.frames = job.plan.frames - sum(_length(job, number) for number in self.waiting)
        self.deaths = Counter[int]()
        report(self.frames, job.plan.frames)

    def done(self, chunk: int, made: Receipt) -> None:
        """Takes the receipt of a chunk."""
        self.manifest.add(made)
        self.frames += _length(self.job, chunk)
        self.report(self.frames, self.job.plan.frames)

    def died(self, chunk: int) -> None:
        """The worker at this chunk is gone. Raises ChunkError when that happens too often."""
        self.waiting.append(chunk)
        self.deaths[chunk] += 1
        if self.deaths[chunk] >= self.most_deaths:
            what = f"the worker died {self.deaths[chunk]} times over chunk {chunk}"
            raise ChunkError(f"{what}: is there enough memory? Finished chunks are kept: try fewer --workers")


def _render(progress: Progress, workers: int) -> None:
    job = progress.job
    try:
        if workers:
            _with_workers(progress, workers)
        while progress.waiting:
            number = progress.waiting.pop()
            progress.done(number, render_chunk(job, number))
    except TargetError as error:
        raise TargetError(f"{error}; {_rest(job, progress.manifest)}") from error


def _with_workers(progress: Progress, workers: int) -> None:
    team: list[Worker] = []
    try:
        while progress.waiting or _busy(team):
            while len(team) < min(workers, _busy(team) + len(progress.waiting)):
                team.append(_start(progress.job))
            for worker in team:
                if worker.chunk is None and progress.waiting:
                    _give(worker, progress.waiting.pop())
            for worker in _ready(team):
                _hear(progress, team, worker)
    finally:
        _stop(team)


def _hear(progress: Progress, team: list[Worker], worker: Worker) -> None:
    chunk = worker.chunk
    made = _answer(worker)
    if made is None:
        team.remove(worker)
    if chunk is not None and made is not None:
        progress.done(chunk, made)
    elif chunk is not None:
        progress.died(chunk)


def _length(job: Job, number: int) -> int:
    start, stop = job.plan.span(number)
    return stop - start


def _busy(team: list[Worker]) -> int:
    return sum(worker.chunk is not None for worker in team)


def _start(job: Job) -> Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(job, theirs, os.getpid()), name="latentart-chunks", daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours)


def _give(worker: Worker, chunk: int) -> None:
    worker.chunk = chunk
    try:
        worker.pipe.send(chunk)
    except (BrokenPipeError, ConnectionResetError):
        return  # It is dead: `_ready` will find its pipe closed.


def _ready(team: list[Worker]) -> list[Worker]:
    """Those who have something to say, or have died."""
    heard = connection.wait([worker.pipe for worker in team])
    return [worker for worker in team if worker.pipe in heard]


def _answer(worker: Worker) -> Receipt | None:
    """The receipt of the chunk that a worker has finished; None when the worker has died. Raises its errors."""
    try:
        kind, said = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        worker.pipe.close()
        return None
    chunk, worker.chunk = worker.chunk, None
    match kind:
        case "done":
            made: Receipt = said
            return made
        case "error":
            raise said
    raise ChunkError(f"chunk {chunk} failed: {said}: this is a bug, please report it")


def _rest(job: Job, manifest: Manifest) -> str:
    """What is done, and how much room the rest will take, as far as one can tell from what is done."""
    missing = sum(_length(job, number) for number in manifest.missing())
    done = job.plan.frames - missing
    kept = f"finished chunks are kept in {str(job.folder)!r}"
    if not done:
        return kept
    need = manifest.bytes() * missing // done + scratch_bytes(job, manifest)
    free = shutil.disk_usage(job.folder).free
    return (
        f"{kept}, the rest takes about {files.size_text(need)}, of which {files.size_text(max(0, need - free))} missing"
    )


def _stop(team: list[Worker]) -> None:
    """Closing the pipe is the sign to stop: a worker sees it at its next frame."""
    for worker in team:
        worker.pipe.close()
    for worker in team:
        worker.process.join(PATIENCE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


class Stopped(Exception):
    """The one who handed out chunks is gone, or wants no more."""


def _serve(job: Job, pipe: Connection, parent: int) -> None:
    """The life of a worker: a chunk number comes, a receipt goes."""
    import signal

    import torch

    # Ctrl-C reaches the whole group; the parent decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)

    def still_wanted() -> None:
        # Nothing is ever sent while a chunk is drawn: what can be read then is the end of the pipe.
        if os.getppid() != parent or pipe.poll():
            raise Stopped

    try:
        while True:
            pipe.send(_attempt(job, pipe.recv(), still_wanted))
    except (EOFError, Stopped, BrokenPipeError, ConnectionResetError):
        return


def _attempt(job: Job, number: int, still_wanted: Callable[[], None]) -> tuple[str, object]:
    try:
        return "done", render_chunk(job, number, still_wanted)
    except LatentartError as error:
        return "error", type(error)(str(error))
    except Stopped:
        raise
    except Exception as error:  # the border of a process: a bug is told to the parent, who fails at once
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "bug", f"{type(error).__name__}: {error} ({Path(where.filename).name} line {where.lineno})"
