"""Loops for web pages: GIF and WebP, frame by frame, played for ever."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
from av.filter import Graph
from av.video.stream import VideoStream
from PIL import Image

from latentart import files, pixels, provenance, rate
from latentart.errors import SettingsError
from latentart.sinks.sink import FileSink, Sink
from latentart.sinks.video import Encoder, count_frames, encoder_errors

ENDINGS = (".gif", ".webp")
OPTIONS = ("quality", "ground")
# Viewers slow down what is faster: a GIF delay under 2/100 s counts as 1/10 s, and 10 ms is WebP's floor.
FASTEST = {".gif": 50, ".webp": 100}


def handles(target: str) -> bool:
    """Whether this module makes such a file."""
    return Path(target).suffix.lower() in ENDINGS and not target.endswith(("/", os.sep))


def open(target: str, **options: Any) -> Sink:
    """A sink for a loop: see `GifSink` and `WebpSink`."""
    return (GifSink if target.lower().endswith(".gif") else WebpSink)(target, **options)


class LoopSink(FileSink):
    """What both loops share: one encoder in one container, and a limit to the frame rate."""

    def __init__(self, target: str | Path, *, fps: rate.Rate = 30, **rest: Any) -> None:
        ending = Path(target).suffix.lower()
        if rate.fps(fps) > FASTEST[ending]:
            fastest = FASTEST[ending]
            raise SettingsError(f"{ending} at {fps!r} fps would play slower: give at most {fastest}, or make a .mp4")
        self._encoder: Encoder
        super().__init__(target, fps=fps, **rest)

    def _start(self, codec: str, layout: str, size: tuple[int, int], options: dict[str, str]) -> None:
        container = av.open(
            str(self.part.absolute()), "w", format=self.target.suffix[1:].lower(), options={"loop": "0"}
        )
        added = container.add_stream(codec, rate=self.fps, options=options, width=size[0], height=size[1])
        stream = cast(VideoStream, added)
        stream.pix_fmt = layout
        stream.codec_context.time_base = 1 / self.fps
        self._encoder = Encoder(container, stream)

    def _release(self) -> None:
        if self.shape is not None:
            self._encoder.release()


class GifSink(LoopSink):
    """A GIF with a palette of its own for each frame, which shows gradients better than one for the whole film.

    Of transparency it holds whether, not how much: a pixel shows from half its alpha on. Faint ordered dithering
    stands still where the picture does; error diffusion would crawl.
    """

    def __init__(self, target: str | Path, *, quality: None = None, **rest: Any) -> None:
        if quality is not None:
            raise SettingsError(f"a GIF has no quality, but {quality!r} was given: leave it out, or make a .webp")
        super().__init__(target, **rest)

    def _begin(self, height: int, width: int, channels: int) -> None:
        self._layout = "bgra" if channels == 4 else "rgb24"
        with encoder_errors(self.target):
            self._palette = palette_graph(width, height, 1 / self.fps, self._layout)
            self._start("gif", "pal8", (width, height), {})

    def _append(self, frame: pixels.Frame) -> None:
        picture = pixels.to_video_frame(frame, self._layout)
        picture.pts, picture.time_base = self.frames, 1 / self.fps
        with encoder_errors(self.target):
            self._palette.push(picture)
            for made in _ready(self._palette):
                self._encoder.encode(made)

    def _finish(self) -> int:
        with encoder_errors(self.target):
            self._palette.push(None)
            for made in _ready(self._palette):
                self._encoder.encode(made)
            self._encoder.finish()
            return count_frames(self.part)

    def _sign(self, record: Mapping[str, Any]) -> None:
        with (
            files.part_file(self.part, overwrite=True) as signed,
            self.part.open("rb") as old,
            signed.open("wb") as new,
        ):
            new.write(gif_head(old) + gif_comment(provenance.to_text(record).encode("ascii")))
            shutil.copyfileobj(old, new)


class WebpSink(LoopSink):
    """An animated WebP. `quality` 0 to 100; 100 is lossless. Frames that look the same become one longer one."""

    def __init__(self, target: str | Path, *, quality: float = 90, **rest: Any) -> None:
        self.quality = _quality(quality)
        super().__init__(target, **rest)

    def _begin(self, height: int, width: int, channels: int) -> None:
        # Of lossless WebP, quality is the effort.
        lossless = {"lossless": "1", "quality": "50"} if self.quality == 100 else {"quality": str(self.quality)}
        with encoder_errors(self.target):
            self._start("libwebp_anim", "bgra", (width, height), lossless)

    def _append(self, frame: pixels.Frame) -> None:
        picture = pixels.to_video_frame(frame, "bgra")
        picture.pts = self.frames
        with encoder_errors(self.target):
            self._encoder.encode(picture)

    def _finish(self) -> int:
        with encoder_errors(self.target):
            self._encoder.finish()
        with self.part.open("rb") as made:
            # Where nothing moved the encoder makes a plain picture, which has no length.
            lasts = webp_milliseconds(made) if is_extended(made) else 0
            return round(Fraction(lasts, 1000) * self.fps) if lasts else self.frames

    def _sign(self, record: Mapping[str, Any]) -> None:
        exif = provenance.user_comment(provenance.to_text(record))
        with self.part.open("r+b") as made:
            if is_extended(made):
                add_exif(made, exif)
                return
        # Nothing moved, so the encoder made a plain picture, which has no room for a record.
        with Image.open(self.part) as image:
            image.load()
        image.save(self.part, "WEBP", lossless=True, exact=True, exif=exif)


def _quality(value: object) -> float:
    try:
        if 0 <= float(str(value)) <= 100:
            return float(str(value))
    except ValueError:
        pass
    raise SettingsError(f"quality {value!r} makes no sense: give a number from 0 to 100 (lossless)")


def palette_graph(width: int, height: int, time_base: Fraction, layout: str = "rgb24") -> Graph:
    """A filter graph from RGB or BGRA frames to frames of 256 colours, one of them clear, one out for each one in."""
    graph = Graph()
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat(layout), time_base=time_base)
    split, sink = graph.add("split"), graph.add("buffersink")
    palette, use = (
        graph.add("palettegen", "stats_mode=single"),
        graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=5:alpha_threshold=128"),
    )
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


def _ready(graph: Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield cast(av.VideoFrame, graph.pull())
        except (BlockingIOError, EOFError):
            return


def gif_head(file: BinaryIO) -> bytes:
    """Everything before the first frame of a GIF (GIF89a, sections 17 to 19, and the looping extension)."""
    head = file.read(13)
    if head[10] & 0x80:
        head += file.read(3 * 2 ** ((head[10] & 7) + 1))
    start = file.tell()
    loop = file.read(19)
    if not loop.startswith(b"!\xff\x0bNETSCAPE2.0"):
        file.seek(start)
        return head
    return head + loop


def gif_comment(text: bytes) -> bytes:
    """A comment extension (GIF89a, section 24): pieces of up to 255 bytes, each led by its length."""
    pieces = [text[i : i + 255] for i in range(0, len(text), 255)]
    return b"!\xfe" + b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def is_extended(file: BinaryIO) -> bool:
    """Whether a WebP file has the VP8X header that animation and metadata need (RFC 9649, section 2.7)."""
    file.seek(12)
    return file.read(4) == b"VP8X"


def webp_milliseconds(file: BinaryIO) -> int:
    """How long an animated WebP plays: the sum over its ANMF chunks (RFC 9649, section 2.7.1)."""
    total = 0
    file.seek(12)
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"ANMF":
            total += int.from_bytes(file.read(16)[12:15], "little")
            file.seek(-16, os.SEEK_CUR)
        file.seek(size + size % 2, os.SEEK_CUR)
    return total


def add_exif(file: BinaryIO, exif: bytes) -> None:
    """Appends an EXIF chunk to a WebP file with a VP8X header, and sets its flag in that (RFC 9649, section 2.7)."""
    data = exif.removeprefix(b"Exif\0\0")
    file.seek(0, os.SEEK_END)
    file.write(struct.pack("<4sI", b"EXIF", len(data)) + data + b"\0" * (len(data) % 2))
    length = file.tell()
    file.seek(4)
    file.write(struct.pack("<I", length - 8))
    file.seek(20)
    flags = file.read(1)[0]
    file.seek(20)
    file.write(bytes([flags | 0x08]))
