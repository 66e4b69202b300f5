"""What a run knows of its chunks, and what it does with the answers of workers: shared by every kind of worker."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from latentart.errors import LatentartError
from latentart.jobs.manifest import Manifest, Receipt
from latentart.jobs.plan import Job

Report = Callable[[int, int], None]
Answer = tuple[str, Any]
"""'done' and what was made, 'error' and the LatentartError, or 'bug' and a line about it."""


class ChunkError(LatentartError):
    """A chunk that cannot be rendered: its worker dies or fails each time."""


class Progress:
    """The chunks that wait, the frames that are done, the workers each chunk has cost."""

    def __init__(self, job: Job, manifest: Manifest, most_deaths: int, report: Report) -> None:
        self.job, self.manifest, self.most_deaths, self.report = job, manifest, most_deaths, report
        self.waiting = manifest.missing()[::-1]
        self.frames = job.plan.frames - sum(job.plan.length(number) for number in self.waiting)
        self.deaths = Counter[int]()
        report(self.frames, job.plan.frames)

    def done(self, chunk: int, made: Receipt) -> None:
        """Takes the receipt of a chunk."""
        self.manifest.add(made)
        self.frames += self.job.plan.length(chunk)
        self.report(self.frames, self.job.plan.frames)

    def counter(self) -> Callable[[], None]:
        """A function to call after each frame of a chunk that is being drawn in this process."""
        drawn = count(1)

        def frame() -> None:
            self.report(self.frames + next(drawn), self.job.plan.frames)

        return frame

    def died(self, chunk: int) -> None:
        """The worker at this chunk is gone. Raises ChunkError when that happens too often."""
        self.waiting.append(chunk)
        self.deaths[chunk] += 1
        if self.deaths[chunk] >= self.most_deaths:
            what = f"the worker died {self.deaths[chunk]} times over chunk {chunk}"
            raise ChunkError(f"{what}: is there enough memory? Finished chunks are kept: try fewer --workers")


Crew = Callable[[Progress], None]
"""Those who render: they take what waits until nothing does."""


def attempt(work: Callable[[], object], *, not_ours: tuple[type[Exception], ...] = ()) -> Answer:
    """The result of a piece of work, as sent from one process to another; exceptions of `not_ours` go on their way."""
    try:
        return "done", work()
    except LatentartError as error:
        return "error", type(error)(str(error))
    except not_ours:
        raise
    except Exception as error:  # the border of a process: a bug is reported to the caller, which fails at once
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())[:300]
        return "bug", f"{type(error).__name__}: {text} ({Path(where.filename).name} line {where.lineno})"


def answered(answer: Answer, what: str) -> Any:
    """The result in an answer. Raises the error it reports; a bug as ChunkError about `what`."""
    match answer:
        case "done", found:
            return found
        case "error", LatentartError() as error:
            raise error
    raise ChunkError(f"{what} failed: {answer[1]}: this is a bug, please report it")
