"""Films and animated pictures, read frame by frame: upright, with square pixels, at one constant rate."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream
from PIL import Image

from latentart import pixels, rate
from latentart.errors import PictureError
from latentart.files import regular
from latentart.media import animated, image_files, kinds, placement, transparency
from latentart.pixels import Frame

log = logging.getLogger(__name__)

# The format is named to FFmpeg: a playlist dressed as a film could otherwise make it open other files.
DEMUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mp4", ".mkv": "matroska", ".webm": "matroska", ".avi": "avi",
            ".mpg": "mpeg", ".mpeg": "mpeg", ".ts": "mpegts", ".mts": "mpegts", ".ogv": "ogg"}  # fmt: skip
FILMS = tuple(DEMUXERS)
ANIMATED = (".gif", ".webp", ".png", ".apng", ".avif")
"""Pictures that may move."""
LIBVPX = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
SHORT = Fraction(1, 2)
"""Seconds of a film that may be missing at its end without a word."""
LONGEST_HOLD = 600
"""Seconds that one picture may stand: times that jump further are damage, and would fill the disk."""
USUAL_RATES = (Fraction(24000, 1001), *map(Fraction, (24, 25)), Fraction(30000, 1001), *map(Fraction, (30, 50)),
               Fraction(60000, 1001), Fraction(60))  # fmt: skip
Timed = tuple[Fraction, Frame | None]
_UNTAGGED, _HDR = 2, (16, 18)
_HD = 720


@dataclass(frozen=True)
class Footage:
    """What is known of a film before it is read: size (width, height) upright, `fps` of `read`, whether it sounds.

    frames: about how many `read` gives, 0 where the file does not state it. alpha: whether pictures have transparency.
    """

    path: Path
    size: tuple[int, int]
    fps: Fraction
    frames: int = 0
    sound: bool = False
    alpha: bool = False


def moves(path: str | Path) -> bool:
    """Whether a file is a film, by its ending, or a picture with more than one frame."""
    path = Path(path)
    if path.suffix.lower() in DEMUXERS:
        return not path.is_dir()
    if path.suffix.lower() not in ANIMATED or path.is_dir():
        return False
    try:
        with regular.opened(path) as file, Image.open(file) as image:
            return getattr(image, "n_frames", 1) > 1
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return False


def open_footage(path: str | Path, fps: rate.Rate | None = None) -> Footage:
    """The facts of a film, GIF, APNG or animated WebP; `fps` asks for another rate than its own.

    A film of changing rate gets a constant one, the usual one nearest to its average. Raises PictureError.
    """
    path = Path(path)
    wanted = None if fps is None else rate.fps(fps)
    with _explained(path):
        return _animation(path, wanted) if path.suffix.lower() in ANIMATED else _film(path, wanted)


def read(footage: Footage, ground: transparency.Ground | None = transparency.BLACK) -> Iterator[Frame]:
    """Frames uint8 [H, W, 3] of `footage.size`, one each 1 / fps, a few in memory at a time. Raises PictureError.

    ground: what lies behind transparency; None keeps it, [H, W, 4] where the footage has alpha.
    """
    pictures = footage.path.suffix.lower() in ANIMATED
    with _explained(footage.path):
        timed = animated.pictures(footage.path, footage.alpha) if pictures else _decoded(footage)
        count = 0
        for frame in constant(timed, footage.fps, footage.path):
            yield frame if ground is None else np.ascontiguousarray(transparency.over(frame, ground))
            count += 1
    if not count:
        raise PictureError(f"there are no frames in {str(footage.path)!r}: give a film that plays")


def constant(timed: Iterable[Timed], fps: Fraction, path: Path) -> Iterator[Frame]:
    """Pictures with times in seconds -> one picture each 1 / fps from the first time on: the newest at that time.

    None instead of a picture marks the end of the last one.
    """
    held: Frame | None = None
    start, count = Fraction(0), 0
    for time, frame in timed:
        if held is None:
            start = time
        # Half a frame early counts: files round times to milliseconds.
        index = math.floor((time - start) * fps + Fraction(1, 2))
        if index - count > LONGEST_HOLD * fps:
            raise PictureError(
                f"film {str(path)!r} stands still for {float((index - count) / fps):.0f} s: cut it first"
            )
        while held is not None and count < index:
            yield held
            count += 1
        held = frame
    if held is not None:
        yield held


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PictureError(f"{str(path)!r} has frames of more than {Image.MAX_IMAGE_PIXELS} pixels") from None
    except MemoryError as error:
        raise PictureError(f"film {str(path)!r} needs more memory than there is: make it smaller first") from error
    except (av.FFmpegError, OSError, ValueError, SyntaxError, IndexError, EOFError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise PictureError(f"cannot read film {str(path)!r}: {reason}: give an MP4, MOV, MKV, WebM or GIF") from error


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A film file and its first stream of pictures. Raises PictureError, and what FFmpeg raises."""
    demuxer = DEMUXERS.get(path.suffix.lower())
    if demuxer is None:
        raise PictureError(f"cannot read film {str(path)!r}: unknown ending: use one of {', '.join(FILMS + ANIMATED)}")
    _check_kind(path, demuxer)
    with regular.opened(path) as file, av.open(file, format=demuxer, metadata_errors="replace") as film:
        assert isinstance(film, InputContainer)
        if not film.streams.video:
            raise PictureError(f"cannot read film {str(path)!r}: there is no picture in it, only sound")
        stream = film.streams.video[0]
        stream.thread_type = "AUTO"
        yield film, stream


def _check_kind(path: Path, demuxer: str) -> None:
    """Raises PictureError for a film that is empty, cut short before its index, or named as another kind."""
    found, name = kinds.kind(kinds.head(path)), f"cannot read film {str(path)!r}"
    if path.is_file() and not path.stat().st_size:
        raise PictureError(f"{name}: it is empty (0 bytes): copy or record it again")
    ending = kinds.FILM.get(found)
    if found and ending is None:
        raise PictureError(f"{name}: it is {found}, no film: give an MP4, MOV, MKV, WebM or GIF")
    if ending and DEMUXERS.get(ending) != demuxer:
        raise PictureError(f"{name}: it is {found} under another name: give its name the ending {ending}")
    if ending == ".mp4" and b"moov" not in kinds.atoms(path):
        raise PictureError(
            f"{name}: its index is missing: it was cut short while it was recorded or copied; copy it again"
        )


def says_alpha(stream: Any) -> bool:
    """Whether a Matroska stream says that its pictures have alpha, which FFmpeg spells in two ways."""
    return "1" in (stream.metadata.get("alpha_mode"), stream.metadata.get("ALPHA_MODE"))


def _decoder(stream: VideoStream) -> Any:
    """What decodes packets of a stream: FFmpeg's own VP8 and VP9 leave out alpha, libvpx does not."""
    library = LIBVPX.get(stream.codec_context.name)
    if library is None or not says_alpha(stream):
        return stream.codec_context
    decoder = av.CodecContext.create(library, "r")
    decoder.extradata = stream.codec_context.extradata
    return decoder


def _first(film: InputContainer, stream: VideoStream) -> av.VideoFrame | None:
    decoder = _decoder(stream)
    for packet in film.demux(stream):
        with suppress(av.FFmpegError):
            for frame in decoder.decode(packet if packet.size else None):
                return frame  # type: ignore[no-any-return]
    return None


def _film(path: Path, wanted: Fraction | None) -> Footage:
    with opened(path) as (film, stream):
        first = _first(film, stream)
        if first is None:
            raise PictureError(f"there are no frames in {str(path)!r}: give a film that plays")
        if first.color_trc in _HDR:
            log.warning("%s is an HDR film: its colours come out pale; convert it to SDR first", path.name)
        own = stream.average_rate or stream.guessed_rate or Fraction(25)
        fps = wanted or _usual(own)
        if not wanted and fps != own:
            log.info("%s has %.3f frames per second on average; it is read at %s", path.name, float(own), fps)
        seconds = _seconds(film, stream)
        heard, alpha = bool(film.streams.audio), any(part.is_alpha for part in first.format.components)
        return Footage(path, _upright(first, stream), fps, round(seconds * fps), heard, alpha)


def _seconds(film: InputContainer, stream: VideoStream) -> Fraction:
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    return Fraction(film.duration or 0, av.time_base)


def _usual(own: Fraction) -> Fraction:
    """The usual rate within one percent of `own`, otherwise `own` itself, within what a film may have."""
    near = min(USUAL_RATES, key=lambda usual: abs(usual - own))
    return near if abs(near - own) <= own / 100 else rate.fps(max(Fraction(1, 10), min(own, Fraction(240))))


def _upright(frame: av.VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """(width, height) as it is meant to be seen."""
    pixels.check_size((frame.width, frame.height))
    shape = stream.sample_aspect_ratio or Fraction(1)
    # Others are damage: no camera makes pixels of such a shape.
    shape = shape if Fraction(1, 4) <= shape <= 4 else Fraction(1)
    width, height = (
        (round(frame.width * shape), frame.height) if shape > 1 else (frame.width, round(frame.height / shape))
    )
    return pixels.check_size((height, width) if placement.of(frame).swapped else (width, height))


def _decoded(footage: Footage) -> Iterator[Timed]:
    """(seconds, frame) of a film; damaged packets are skipped and logged."""
    damaged = 0
    with opened(footage.path) as (film, stream):
        length = 1 / (stream.average_rate or Fraction(25))
        time, held, decoder = -length, length, _decoder(stream)
        for packet in film.demux(stream):
            try:
                frames = decoder.decode(packet if packet.size else None)
            except av.FFmpegError:
                damaged += 1
                continue
            for frame in frames:
                base = frame.time_base or stream.time_base
                stamp = None if frame.pts is None or base is None else frame.pts * base
                time = time + length if stamp is None else Fraction(stamp)
                held = frame.duration * base if frame.duration and base else length
                yield time, _picture(frame, footage)
        yield _end(film, stream, time, held), None
    if damaged:
        log.warning("%s is damaged in %d places: the frames before them were held", footage.path.name, damaged)


def _end(film: InputContainer, stream: VideoStream, last: Fraction, held: Fraction) -> Fraction:
    """When the last picture ends: as it says itself, or by Matroska's tag, or with a file without sound."""
    ends = [last + held]
    if stream.duration and stream.time_base:
        end = (stream.start_time or 0) * stream.time_base + stream.duration * stream.time_base
        if end - ends[0] > max(SHORT, held):
            log.warning(
                "the pictures end after %.1f of %.1f s: the file was cut short, or damaged: copy it again",
                float(ends[0]), float(end),
            )  # fmt: skip
        return ends[0]
    if tagged := re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", "")):
        ends.append(int(tagged[1]) * 3600 + int(tagged[2]) * 60 + Fraction(tagged[3]))
    elif film.duration and len(film.streams) == 1:
        ends.append(Fraction(film.duration, av.time_base))
    # A length that is damage would fill the disk.
    longest = max(Fraction(LONGEST_HOLD), held)
    return max(end for end in ends if end - last <= longest)


def _picture(frame: av.VideoFrame, footage: Footage) -> Frame:
    place = placement.of(frame)
    width, height = footage.size[::-1] if place.swapped else footage.size
    hd = max(frame.width, frame.height) > _HD
    made = frame.reformat(
        width=width,
        height=height,
        format="rgba" if footage.alpha else "rgb24",
        # Untagged films: HD is BT.709, what is smaller BT.601, as players take it.
        src_colorspace=(Colorspace.ITU709 if hd else Colorspace.ITU601) if frame.colorspace == _UNTAGGED else None,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
    )
    upright: Frame = place(np.asarray(made.to_ndarray(), dtype=np.uint8))
    return upright


def _animation(path: Path, wanted: Fraction | None) -> Footage:
    with image_files.opened(path) as image:
        pixels.check_size(image.size)
    facts = animated.facts(path)
    fps = wanted or min(Fraction(1000, min(facts.times)), Fraction(50))
    frames = max(1, round(sum(facts.times) * fps / 1000))
    return Footage(path, facts.size, fps, frames, alpha=facts.alpha)
