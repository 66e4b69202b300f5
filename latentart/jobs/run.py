"""A long render from beginning to end: what is missing is drawn, then the films are joined. The folder is the state."""

from __future__ import annotations

import shutil
from pathlib import Path

from latentart import files
from latentart.errors import TargetError
from latentart.jobs.join import join, joined, scratch_bytes
from latentart.jobs.manifest import Manifest, remove_stale_parts
from latentart.jobs.plan import Job
from latentart.jobs.progress import ChunkError, Crew, Progress, Report
from latentart.jobs.team import team
from latentart.sinks.sink import open_sink

__all__ = ["MOST_DEATHS", "ChunkError", "check_room", "prepare", "run"]

MOST_DEATHS = 5
"""Of workers over one chunk, after which it is the chunk's fault."""


def run(
    job: Job,
    *,
    workers: int = 1,
    crew: Crew | None = None,
    fresh: bool = False,
    overwrite: bool = False,
    most_deaths: int = MOST_DEATHS,
    on_frames: Report = lambda done, total: None,
) -> list[Path]:
    """Renders what is missing and joins the films; returns their paths. Started again after a crash, it goes on.

    workers: processes of one thread each; 0 renders in this one. crew: who renders instead, such as a cluster.
    fresh: forget earlier chunks. overwrite: replace other films of these names; a film of the same plan is
    finished and stays. on_frames(done, total) is called after each chunk, in this process after each frame. Raises
    LatentartError; Ctrl-C stops
    the workers and keeps the chunks.
    """
    if fresh:
        shutil.rmtree(job.folder, ignore_errors=True)
    elif all(joined(job, track) for track in range(len(job.plan.tracks))):
        return [job.output / track.target for track in job.plan.tracks]
    prepare(job, overwrite=overwrite or fresh)
    manifest = Manifest(job)
    _render(Progress(job, manifest, most_deaths, on_frames), crew or team(workers))
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
            open_sink(track.within(job.output), fps=job.plan.fps, overwrite=overwrite, **track.played).abort()


def check_room(folder: Path, needed: int) -> None:
    """Raises TargetError with both numbers when the disk of `folder` has no room for `needed` bytes."""
    there = next(p for p in [folder, *folder.absolute().parents] if p.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        what = f"the render needs about {files.size_text(needed)} in {str(folder)!r}, which has {files.size_text(free)}"
        raise TargetError(f"{what} free: make room, or choose another disk with -o")


def _render(progress: Progress, crew: Crew) -> None:
    try:
        crew(progress)
    except TargetError as error:
        raise TargetError(f"{error}; {_rest(progress.job, progress.manifest)}") from error


def _rest(job: Job, manifest: Manifest) -> str:
    """Chunks that are done, and bytes that the rest will take, estimated from those."""
    missing = sum(job.plan.length(number) for number in manifest.missing())
    done = job.plan.frames - missing
    kept = f"finished chunks are kept in {str(job.folder)!r}"
    if not done:
        return kept
    need = manifest.bytes() * missing // done + scratch_bytes(job, manifest)
    free = shutil.disk_usage(job.folder).free
    return (
        f"{kept}, the rest takes about {files.size_text(need)}, of which {files.size_text(max(0, need - free))} missing"
    )
