"""A score to its files: the plan, what it will cost, a draft, the render."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from latentart import pixels, provenance
from latentart.exhibition import validate
from latentart.exhibition.canvas import Exhibit, OpenedScore
from latentart.exhibition.score import Output, Score, Screen, Tile
from latentart.jobs import plan as jobs
from latentart.jobs import run
from latentart.jobs.manifest import sha256
from latentart.media import transparency
from latentart.sinks.formats import choose
from latentart.sinks.video import CONTAINERS

PREVIEW_WIDTH = 320
PREVIEW_SECONDS = 10
SLOWEST_PREVIEW = 15
"""Frames per second that a preview has at least."""

BITS_PER_PIXEL = {"h264": 0.5, "hevc": 0.35, "av1": 0.2, "prores4444": 8.0, "vp9a": 0.5, "ffv1": 14.0,
                  "ffv1-16": 36.0, "fast-lossless": 14.0}  # fmt: skip
"""On the cautious side of what the models of this project need."""
SOUND_BYTES = 48_000
"""In a second, about."""


@dataclass(frozen=True)
class Cost:
    """What a render will take, measured on a few frames where it can be."""

    frames: int
    chunks: int
    bytes: int
    """On the disk at the end."""
    room: int
    """On the disk while it is made."""
    seconds: float
    """With all workers, for drawing and encoding."""


def make_job(score: Score, name: str, output: Path, device: str | None = None, frames: int | None = None) -> jobs.Job:
    """The job that renders a score into `output`; frames: how many to render, from the first. Loads the models. Raises
    LatentartError."""
    source = Exhibit(score, device)
    # A sound that cannot be read ends the work here, not after its last frame.
    source.sound()
    # Found out once, here: it travels to the workers with the score.
    source = replace(source, found=source.open().found)
    tracks = tuple(
        _track(score, number, name, screen, output_)
        for number, screen in enumerate(score.screens())
        for output_ in score.outputs()
    )
    chunk = jobs.chunk_frames(score.rate, score.chunk)
    plan = jobs.Plan(frames or score.frames, score.rate, tracks, record(source), chunk)
    return jobs.Job(plan, source, output, name)


def _track(score: Score, number: int, name: str, screen: Screen, output: Output) -> jobs.Track:
    target = f"{name}{'-' if screen.name else ''}{screen.name}{output.ending}"
    number += len(score.screens()) * validate.depths(score).index(validate.depth(output))
    if output.ending not in CONTAINERS:
        kept = "ffv1-16" if validate.depth(output) == 16 else "ffv1"
        played = {"format": output.format} if output.format else {}
        return jobs.Track(number, target, ".mkv", {"format": kept}, played=played)
    kind = choose(output.ending, output.format)
    given = {"format": kind, "crf": output.crf, "preset": output.preset}
    return jobs.Track(
        number, target, output.ending, {k: v for k, v in given.items() if v is not None}, repeat=output.repeat
    )


def record(source: Exhibit) -> dict[str, Any]:
    """The settings record: the score, the checkpoints' sha256, versions and device."""
    opened = source.open()
    models = opened.models.values()
    plain = {**asdict(source.score), "upscale": Path(source.score.upscale).name}
    if source.score.audio:
        plain["audio"]["file"] = Path(source.score.audio.file).name
    plain["section"] = [{**entry, "film": s.film.record(), "play": dict(s.play)}
                        for entry, s in zip(plain["section"], source.score.section, strict=True)]  # fmt: skip
    device = next(iter(models)).device
    checkpoints = {G.name: G.sha256 for G in models}
    return provenance.record(device=device, score=_without_none(plain), checkpoints=checkpoints, **_others(opened))


def _others(opened: OpenedScore) -> dict[str, Any]:
    """What else decides the pictures and the sound, by its content: a file may change while a render waits."""
    links = [
        link for voice in opened.voices.values() for part in voice.parts if part.then for link in part.then.record()
    ]
    found: dict[str, Any] = {"then": links} if links else {}
    if opened.upscaler:
        found["upscaler"] = {"name": opened.upscaler.name, "sha256": opened.upscaler.sha256}
    if opened.score.audio and opened.score.audio.file:
        found["sound"] = {"sha256": sha256(Path(opened.score.audio.file))}
    return found


def cost(job: jobs.Job, workers: int, samples: int = 2) -> Cost:
    """Draws a few frames and reckons. Encoding is taken to cost as much again as a tenth of drawing."""
    began = time.monotonic()
    for number in range(samples):
        next(job.source.frames(number * job.plan.frames // samples, job.plan.frames))
    each = (time.monotonic() - began) / samples
    sizes = _sizes(job)
    final = sum(size * track.repeat for size, track in zip(sizes, job.plan.tracks, strict=True))
    seconds = each * 1.1 * job.plan.frames / max(1, workers)
    return Cost(job.plan.frames, len(job.plan.chunks), final, room(job), seconds)


def room(job: jobs.Job) -> int:
    """Bytes that the chunks and the films take together, less what is there already."""
    sizes = _sizes(job)
    final = sum(size * track.repeat for size, track in zip(sizes, job.plan.tracks, strict=True))
    there = sum(path.stat().st_size for path in job.folder.iterdir()) if job.folder.is_dir() else 0
    return max(0, final + sum(sizes) - there)


def _sizes(job: jobs.Job) -> list[int]:
    assert isinstance(job.source, Exhibit)
    return [_bytes(job, track, job.source.score) for track in job.plan.tracks]


def _bytes(job: jobs.Job, track: jobs.Track, score: Score) -> int:
    screen = score.screens()[track.screen % len(score.screens())]
    width, height = screen.size or score.size
    bits = BITS_PER_PIXEL[str(track.options["format"])]
    sound = SOUND_BYTES * round(job.plan.frames / job.plan.fps) if score.audio else 0
    return round(width * height * job.plan.frames * bits / 8) + sound


def preview_of(score: Score) -> Score:
    """A small and quick draft: at most 320 pixels wide, about 15 frames per second, MP4."""
    scale = min(1.0, PREVIEW_WIDTH / score.size[0])
    fps = score.rate
    while fps / 2 >= SLOWEST_PREVIEW:
        fps /= 2

    def place(at: tuple[int, int]) -> tuple[int, int]:
        return (round(at[0] * scale / 2) * 2, round(at[1] * scale / 2) * 2)

    def sized(thing: Any) -> Any:
        at = place(thing.at)
        end = place((thing.at[0] + thing.size[0], thing.at[1] + thing.size[1])) if thing.size else None
        return replace(thing, at=at, size=(max(2, end[0] - at[0]), max(2, end[1] - at[1])) if end else None)

    size = (max(16, place(score.size)[0]), max(16, place(score.size)[1]))
    tiles: tuple[Tile, ...] = tuple(map(sized, score.tile))
    # One film of the whole canvas: what matters in a draft is how the screens go together.
    return replace(score, size=size, fps=str(fps), tile=tiles, screen=(), output=(Output(),), alpha="")


def preview(
    score: Score, name: str, output: Path, device: str | None = None, *, overwrite: bool = False, **options: Any
) -> list[Path]:
    """Renders the first ten seconds as a draft, '<name>.preview.mp4'; an earlier draft is replaced."""
    small = preview_of(score)
    job = make_job(small, f"{name}.preview", output, device, min(small.frames, round(PREVIEW_SECONDS * small.rate)))
    draft = all(provenance.is_of(output / track.target, "job") for track in job.plan.tracks)
    return run.run(job, workers=0, overwrite=overwrite or draft, **options)


def contact(score: Score, count: int, device: str | None = None, width: int = 960) -> pixels.Frame:
    """Moments of the loop, evenly spaced, one below or beside the other: a picture of the score."""
    opened = Exhibit(score, device).open()
    frames = [transparency.over(opened.canvas(number * score.frames // count)) for number in range(count)]
    columns = 1 if score.size[0] > 2 * score.size[1] else None if score.size[0] >= score.size[1] else count
    return pixels.sheet(frames, columns, gap=4)


def default_workers(device: str | None) -> int:
    """One for each core that this process may use; one on a GPU, which they would share."""
    from latentart.models.device import choose_device

    if choose_device(device).type != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    return [_without_none(inner) for inner in value] if isinstance(value, (list, tuple)) else value
