"""The sound of one film copied into another, without encoding it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import OutputContainer

from latentart import footage

CODECS = {
    ".mp4": ("aac", "mp3", "mp2", "ac3", "eac3", "opus", "flac", "alac"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_f32le"),
    ".webm": ("opus", "vorbis"),
}
"""What players take in such a file; Matroska takes everything."""


def misfit(film: Path, ending: str) -> str:
    """The codec of a film's sound when a file of that ending cannot hold it; '' when it can. Raises PictureError."""
    with footage.opened(film) as (container, _):
        codec = container.streams.audio[0].codec_context.name
    return "" if codec in CODECS.get(ending, (codec,)) else codec


@contextmanager
def copied(film: Path, container: OutputContainer) -> Iterator[Iterator[Any]]:
    """Adds the film's first sound to `container` and gives its packets, timed from the film's beginning."""
    with footage.opened(film) as (source, pictures):
        heard = source.streams.audio[0]
        stream = container.add_stream_from_template(heard)
        begin = (pictures.start_time or 0) * (pictures.time_base or Fraction(1))
        yield _packets(source, heard, stream, begin)


def _packets(source: Any, heard: Any, stream: Any, begin: Fraction) -> Iterator[Any]:
    shift = round(begin / heard.time_base)
    for packet in source.demux(heard):
        if packet.size and packet.pts is not None:
            packet.pts -= shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            packet.stream = stream
            yield packet


def interleaved(pictures: Iterator[Any], sounds: Iterator[Any]) -> Iterator[Any]:
    """Packets of both in the order in which they are due, so that players find sound and picture beside each other."""
    sound = next(sounds, None)
    for picture in pictures:
        # Matroska keeps no decoding times: the first packets of a film may have none.
        due = (picture.pts if picture.dts is None else picture.dts) * picture.time_base
        while sound is not None and sound.pts * sound.time_base <= due:
            yield sound
            sound = next(sounds, None)
        yield picture
    if sound is not None:
        yield sound
    yield from sounds
