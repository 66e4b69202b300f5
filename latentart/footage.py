"""Films and animated pictures, read frame by frame: upright, with square pixels, at one constant rate."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream
from PIL import Image

from latentart import pixels, rate, regular
from latentart.errors import PictureError
from latentart.pixels import Frame

log = logging.getLogger(__name__)

# The format is named to FFmpeg: a playlist dressed as a film could otherwise make it open other files.
DEMUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mp4", ".mkv": "matroska", ".webm": "matroska", ".avi": "avi",
            ".mpg": "mpeg", ".mpeg": "mpeg", ".ts": "mpegts", ".mts": "mpegts", ".ogv": "ogg"}  # fmt: skip
FILMS = tuple(DEMUXERS)
ANIMATED = (".gif", ".webp", ".png", ".apng")
"""Pictures that may move."""
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

    frames: about how many `read` gives, 0 where the file does not state it.
    """

    path: Path
    size: tuple[int, int]
    fps: Fraction
    frames: int = 0
    sound: bool = False


def moves(path: str | Path) -> bool:
    """Whether a file is a film, by its ending, or a picture with more than one frame."""
    path = Path(path)
    if path.suffix.lower() in DEMUXERS:
        return True
    if path.suffix.lower() not in ANIMATED:
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


def read(footage: Footage) -> Iterator[Frame]:
    """Frames uint8 [H, W, 3] of `footage.size`, one each 1 / fps, a few in memory at a time. Raises PictureError."""
    animated = footage.path.suffix.lower() in ANIMATED
    with _explained(footage.path):
        timed = _pictures(footage.path) if animated else _decoded(footage.path, footage.size)
        count = 0
        for frame in constant(timed, footage.fps, footage.path):
            yield frame
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
    with regular.opened(path) as file, av.open(file, format=demuxer, metadata_errors="replace") as film:
        assert isinstance(film, InputContainer)
        if not film.streams.video:
            raise PictureError(f"cannot read film {str(path)!r}: there is no picture in it, only sound")
        stream = film.streams.video[0]
        stream.thread_type = "AUTO"
        yield film, stream


def _film(path: Path, wanted: Fraction | None) -> Footage:
    with opened(path) as (film, stream):
        first = next(film.decode(stream), None)
        if first is None:
            raise PictureError(f"there are no frames in {str(path)!r}: give a film that plays")
        if first.color_trc in _HDR:
            log.warning("%s is an HDR film: its colours come out pale; convert it to SDR first", path.name)
        own = stream.average_rate or stream.guessed_rate or Fraction(25)
        fps = wanted or _usual(own)
        if not wanted and fps != own:
            log.info("%s has %.3f frames per second on average; it is read at %s", path.name, float(own), fps)
        seconds = _seconds(film, stream)
        return Footage(path, _upright(first, stream), fps, round(seconds * fps), bool(film.streams.audio))


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
    return pixels.check_size((height, width) if _turns(frame) % 2 else (width, height))


def _turns(frame: av.VideoFrame) -> int:
    """Quarter turns against the clock that set a frame upright."""
    return round(frame.rotation / 90) % 4


def _decoded(path: Path, size: tuple[int, int]) -> Iterator[Timed]:
    """(seconds, frame) of a film; damaged packets are skipped and logged."""
    damaged = 0
    with opened(path) as (film, stream):
        length = 1 / (stream.average_rate or Fraction(25))
        time = -length
        for packet in film.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                damaged += 1
                continue
            for frame in frames:
                stamp = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
                time = time + length if stamp is None else Fraction(stamp)
                yield time, _rgb(frame, size)
        yield time + length, None
    if damaged:
        log.warning("%s is damaged in %d places: the frames before them were held", path.name, damaged)


def _rgb(frame: av.VideoFrame, size: tuple[int, int]) -> Frame:
    turns = _turns(frame)
    width, height = size[::-1] if turns % 2 else size
    hd = max(frame.width, frame.height) > _HD
    made = frame.reformat(
        width=width,
        height=height,
        format="rgb24",
        # Untagged films: HD is BT.709, what is smaller BT.601, as players take it.
        src_colorspace=(Colorspace.ITU709 if hd else Colorspace.ITU601) if frame.colorspace == _UNTAGGED else None,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
    )
    return np.ascontiguousarray(np.rot90(made.to_ndarray(), turns), dtype=np.uint8)


def _animation(path: Path, wanted: Fraction | None) -> Footage:
    with warnings.catch_warnings():
        # Pillow only warns up to twice its limit.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with regular.opened(path) as file, Image.open(file) as image:
            pixels.check_size(image.size)
            times = [_hold(image, number) for number in range(getattr(image, "n_frames", 1))]
    fps = wanted or min(Fraction(1000, min(times)), Fraction(50))
    return Footage(path, image.size, fps, max(1, round(sum(times) * fps / 1000)))


def _hold(image: Image.Image, number: int) -> int:
    """Milliseconds for which a frame stands; what is too short to be meant counts as 100, as in browsers."""
    image.seek(number)
    # Of WebP the duration is known when the frame is.
    image.load()
    own = int(image.info.get("duration") or 0)
    return own if own > 10 else 100


def _pictures(path: Path) -> Iterator[Timed]:
    """(seconds, frame) of an animated picture, over black where it is transparent."""
    time = 0
    with regular.opened(path) as file, Image.open(file) as image:
        for number in range(getattr(image, "n_frames", 1)):
            hold = _hold(image, number)
            seen = image.convert("RGBA")
            black = Image.new("RGBA", seen.size, (0, 0, 0, 255))
            yield Fraction(time, 1000), np.array(Image.alpha_composite(black, seen).convert("RGB"), dtype=np.uint8)
            time += hold
    yield Fraction(time, 1000), None
