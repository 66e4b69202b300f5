"""Chunks to one film, packet by packet, without encoding anything again; with the sound, where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from latentart import files, provenance
from latentart.errors import TargetError
from latentart.jobs.manifest import Manifest, sha256
from latentart.jobs.plan import Job
from latentart.sinks.formats import FORMATS, choose
from latentart.sinks.images import SETTINGS_NAME
from latentart.sinks.sink import open_sink
from latentart.sinks.soundtrack import interleaved
from latentart.sinks.video import CONTAINERS, copied_stream, create, encoder_errors

MATROSKA_STEP = Fraction(1, 1000)
"""Resolution of Matroska's timestamps in seconds."""


PLAYED = {"bgr0": "rgb24", "bgra": "rgba", "gbrp16le": "rgb48le", "gbrap16le": "rgba64le"}
"""Pixels of lossless chunks -> those of frames."""


class Sound(Protocol):
    """What a film's sound offers: a stream in its container, then packets up to the end of the film."""

    def add_to(self, container: OutputContainer, ending: str) -> Any:
        """An audio stream of the kind that players of such files expect."""
        ...

    def packets(self, stream: Any, repeat: int) -> Iterator[Any]:
        """All packets, in order, `repeat` times the film's length."""
        ...


def join(job: Job, track: int, manifest: Manifest) -> Path:
    """The finished film of a track: every frame counted and timed exactly, flushed, renamed. Raises TargetError."""
    wanted = job.plan.tracks[track]
    target = job.output / wanted.target
    if joined(job, track):
        return target
    record = provenance.complete({**job.plan.settings, **_facts(job, track)})
    with files.explained(target, f"about {files.size_text(scratch_bytes(job, manifest))} more needed"):
        if Path(wanted.target).suffix.lower() in CONTAINERS:
            _join_packets(job, track, target, record)
        else:
            _play_into_sink(job, track, target)
    return target


def joined(job: Job, track: int) -> bool:
    """Whether the film is there already and was made from this very plan."""
    target = job.output / job.plan.tracks[track].target
    try:
        return target.exists() and provenance.read(target / SETTINGS_NAME if target.is_dir() else target)["job"] == (
            job.plan.key
        )
    except (provenance.RecordError, KeyError):
        return False


def scratch_bytes(job: Job, manifest: Manifest) -> int:
    """Room that joining needs while the chunks are still there."""
    share = manifest.bytes() / max(1, len(job.plan.tracks))
    return round(sum(share * track.repeat for track in job.plan.tracks))


def _facts(job: Job, track: int) -> dict[str, Any]:
    plan = job.plan
    frames = plan.frames * plan.tracks[track].repeat
    return {"job": plan.key, "fps": str(plan.fps), "frames": frames, "encoder": dict(plan.tracks[track].options)}


def _join_packets(job: Job, track: int, target: Path, record: Mapping[str, Any]) -> None:
    ending = target.suffix.lower()
    part = files.part_of(target)
    try:
        with encoder_errors(target):
            container = create(part, ending, job.plan.fps, provenance.to_text(record))
            with container:
                _describe(container, record)
                _mux(job, track, container, ending)
            _check(part, job, track)
        text = provenance.beside_text({**record, "sha256": sha256(part)}, target)
        with files.part_file(provenance.beside(target), overwrite=True) as beside:
            beside.write_text(text, encoding="utf-8")
            files.commit(part, target)
    finally:
        part.unlink(missing_ok=True)


def _describe(container: OutputContainer, record: Mapping[str, Any]) -> None:
    """Title and credits where players and media servers show them."""
    score = record.get("score")
    named = score if isinstance(score, Mapping) else {}
    for tag, key in (("title", "title"), ("artist", "credits"), ("copyright", "license")):
        if named.get(key):
            container.metadata[tag] = str(named[key])


def _mux(job: Job, track: int, container: OutputContainer, ending: str) -> None:
    plan, wanted = job.plan, job.plan.tracks[track]
    with _opened(job.chunk_path(track, 0)) as first:
        stream = copied_stream(container, first.streams.video[0])
    stream.time_base = 1 / plan.fps
    tag = FORMATS[choose(wanted.ending, wanted.options.get("format"))].tag
    if tag and ending != ".mkv":
        stream.codec_context.codec_tag = tag
    sound: Sound | None = getattr(job.source, "sound", lambda: None)()
    heard = sound.add_to(container, ending) if sound else None
    later = sound.packets(heard, wanted.repeat) if sound else iter(())
    for packet in interleaved(_packets(job, track, stream), later):
        container.mux(packet)


def _packets(job: Job, track: int, stream: VideoStream) -> Iterator[Any]:
    """The packets of all chunks. Times become frame numbers, which heals the milliseconds of Matroska."""
    plan = job.plan
    for time in range(plan.tracks[track].repeat):
        for number in plan.chunks:
            shift = time * plan.frames + plan.span(number)[0]
            with _opened(job.chunk_path(track, number)) as chunk:
                source = chunk.streams.video[0]
                for packet in chunk.demux(source):
                    if packet.size and packet.pts is not None:
                        _place(packet, shift, plan.fps)
                        packet.stream = stream
                        yield packet


def _place(packet: Any, shift: int, fps: Fraction) -> None:
    base: Fraction = packet.time_base
    pts, dts = packet.pts, packet.pts if packet.dts is None else packet.dts
    packet.pts, packet.dts = round(pts * base * fps) + shift, round(dts * base * fps) + shift
    packet.time_base = 1 / fps
    packet.duration = 1


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with av.open(str(path.absolute())) as container:
        yield container


def _check(film: Path, job: Job, track: int) -> None:
    """Reads the film back: as many frames as planned, one exact step apart, and the colours it claims."""
    expected = job.plan.frames * job.plan.tracks[track].repeat
    with _opened(film) as container:
        stream = container.streams.video[0]
        times = sorted(p.pts * p.time_base for p in container.demux(stream) if p.size)
    step = 1 / job.plan.fps
    slack = MATROSKA_STEP if Path(job.plan.tracks[track].target).suffix.lower() in (".mkv", ".webm") else Fraction(0)
    even = all(abs(time - times[0] - i * step) <= slack for i, time in enumerate(times))
    if len(times) != expected or not even:
        what = f"{job.plan.tracks[track].target!r} was joined to {len(times)} frames of {expected}"
        raise TargetError(f"{what}{'' if even else ' at uneven times'}: run again with --fresh")


def _play_into_sink(job: Job, track: int, target: Path) -> None:
    """Loops and sequences: the lossless chunks are played into the sink of the target."""
    plan, wanted = job.plan, job.plan.tracks[track]
    settings = {**plan.settings, "job": plan.key, "frames": plan.frames}
    with open_sink(wanted.within(job.output), fps=plan.fps, settings=settings, overwrite=True, **wanted.played) as sink:
        for number in plan.chunks:
            with _opened(job.chunk_path(track, number)) as chunk:
                for picture in chunk.decode(video=0):
                    sink.write(picture.to_ndarray(format=PLAYED[picture.format.name]))
