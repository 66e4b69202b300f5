"""Workers on this machine: processes of one thread each, which receive one chunk number at a time through a pipe."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from latentart.jobs.manifest import Receipt
from latentart.jobs.plan import Job
from latentart.jobs.progress import Crew, Progress, answered, attempt
from latentart.jobs.work import render_chunk

PATIENCE = 20.0
"""Seconds that a worker has to finish after it was asked to stop."""


@dataclass
class Worker:
    """One process, the pipe to it, and the chunk it is at."""

    process: SpawnProcess
    pipe: Connection
    chunk: int | None = None


def team(workers: int) -> Crew:
    """Number of worker processes; 0 renders in this one."""
    return partial(_with_workers, workers=workers) if workers else render_in_process


def render_in_process(progress: Progress) -> None:
    """Renders in this process, on one thread as workers do: the last bit of a picture depends on how many there are."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        while progress.waiting:
            number = progress.waiting.pop()
            progress.done(number, render_chunk(progress.job, number, progress.counter()))
    finally:
        torch.set_num_threads(threads)


def _with_workers(progress: Progress, workers: int) -> None:
    members: list[Worker] = []
    try:
        while progress.waiting or _busy(members):
            while len(members) < min(workers, _busy(members) + len(progress.waiting)):
                members.append(_start(progress.job))
            for worker in members:
                if worker.chunk is None and progress.waiting:
                    _give(worker, progress.waiting.pop())
            for worker in _ready(members):
                _hear(progress, members, worker)
    finally:
        _stop(members)


def _hear(progress: Progress, members: list[Worker], worker: Worker) -> None:
    chunk = worker.chunk
    receipt = _answer(worker)
    if receipt is None:
        members.remove(worker)
    if chunk is not None and receipt is not None:
        progress.done(chunk, receipt)
    elif chunk is not None:
        progress.died(chunk)


def _busy(members: list[Worker]) -> int:
    return sum(worker.chunk is not None for worker in members)


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


def _ready(members: list[Worker]) -> list[Worker]:
    """Workers that have sent an answer, or have died."""
    heard = connection.wait([worker.pipe for worker in members])
    return [worker for worker in members if worker.pipe in heard]


def _answer(worker: Worker) -> Receipt | None:
    """The receipt of the chunk that a worker has finished; None when the worker has died. Raises its errors."""
    try:
        answer = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        worker.pipe.close()
        return None
    chunk, worker.chunk = worker.chunk, None
    receipt: Receipt = answered(answer, f"chunk {chunk}")
    return receipt


def _stop(members: list[Worker]) -> None:
    """Closing the pipe is the sign to stop: a worker sees it at its next frame."""
    for worker in members:
        worker.pipe.close()
    for worker in members:
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
            number: int = pipe.recv()
            pipe.send(attempt(_chunk(job, number, still_wanted), not_ours=(Stopped,)))
    except (EOFError, Stopped, BrokenPipeError, ConnectionResetError):
        return


def _chunk(job: Job, number: int, still_wanted: Callable[[], None]) -> Callable[[], Receipt]:
    return lambda: render_chunk(job, number, still_wanted)
