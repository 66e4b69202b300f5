"""One chunk: drawn, encoded, read back, flushed, renamed. Doing it twice does no harm."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from latentart.jobs.manifest import Receipt, receipt
from latentart.jobs.plan import Job
from latentart.sinks.sink import Sink, open_sink


def render_chunk(job: Job, number: int, on_frame: Callable[[], None] = lambda: None) -> Receipt:
    """Renders one chunk of every film and returns what is on the disk now. `on_frame` is called after each frame.

    Raises LatentartError, and whatever `on_frame` raises; then nothing of the chunk is left but whole files.
    """
    start, stop = job.plan.span(number)
    with ExitStack() as stack:
        sinks = [_open(job, track, number, stop - start) for track in range(len(job.plan.tracks))]
        for sink in sinks:
            stack.callback(sink.abort)
        for pictures in job.source.frames(start, stop):
            for sink, track in zip(sinks, job.plan.tracks, strict=True):
                sink.write(pictures[track.screen])
            # Not two frames at a time: the next one is drawn before the name is taken.
            del pictures
            on_frame()
        made = [sink.close() for sink in sinks]
    return receipt(made)


def _open(job: Job, track: int, number: int, frames: int) -> Sink:
    # One encoder thread: the workers are what runs side by side, and x264's pictures depend on its threads.
    options = {**job.plan.tracks[track].options, "threads": 1}
    settings = {"job": job.plan.key, "chunk": number, "frames": frames}
    return open_sink(job.chunk_path(track, number), fps=job.plan.fps, settings=settings, overwrite=True, **options)
