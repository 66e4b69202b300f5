"""Films: named formats, BT.709 converted and tagged, exact frame rates, through PyAV."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from latentart import files, footage, pixels, provenance, rate
from latentart.errors import SettingsError, TargetError
from latentart.sinks import soundtrack
from latentart.sinks.formats import FORMATS, WITH_ALPHA, choose, encoder_options, options_at
from latentart.sinks.sink import FileSink, Sink

CONTAINERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
ENDINGS = tuple(CONTAINERS)
OPTIONS = ("format", "crf", "preset", "threads", "sound", "planes", "ground")
THREADS = 4
"""x264's pictures depend on the number of threads, so it is fixed, and recorded, not the machine's."""


def handles(target: str) -> bool:
    """Whether this module makes such a file."""
    return Path(target).suffix.lower() in CONTAINERS and not target.endswith(("/", os.sep))


def open(target: str, **options: Any) -> Sink:
    """A sink for a film: see `VideoSink`."""
    return VideoSink(target, **options)


class VideoSink(FileSink):
    """A film. `format` is a name from `formats.FORMATS`; the usual one for the file's ending if left out.

    `crf`, `preset` and `threads` are the encoder's; `sound` is a film whose sound is copied; `planes` means that frames
    come as YUV planes (`engine.planes`). The settings record is in the container's metadata.
    """

    def __init__(
        self,
        target: str | Path,
        *,
        fps: rate.Rate = 30,
        settings: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        format: str | None = None,
        crf: float | str | None = None,
        preset: str | int | None = None,
        threads: int = THREADS,
        sound: str | Path | None = None,
        planes: bool = False,
        ground: str | None = None,
    ) -> None:
        self.ending = Path(target).suffix.lower()
        self.format = choose(self.ending, format)
        self.options = encoder_options(self.format, crf, preset)
        self.keeps_alpha = bool(FORMATS[self.format].alpha)
        self.depth, self.planes = FORMATS[self.format].depth, FORMATS[self.format].pixels == pixels.PLANES
        if planes and not self.planes:
            raise SettingsError(f"format {self.format!r} is not made of 8-bit planes: give it pictures")
        self.given_planes = planes
        self.threads = _threads(threads)
        self.sound = None if sound is None else Path(sound)
        self._signed = ""
        self._encoder: Encoder
        encoder = {"format": self.format, **self.options, "threads": self.threads}
        recorded = {**(settings or {}), "encoder": encoder}
        super().__init__(target, fps=fps, settings=recorded, overwrite=overwrite, ground=ground)

    def check_size(self, width: int, height: int) -> None:
        """See `Sink.check_size`: with colour of half the size both sides are even."""
        _layout(self.format, height, width, 3)

    def _begin(self, height: int, width: int, channels: int) -> None:
        layout = _layout(self.format, height, width, channels)
        # The header comes before the film, so it states the planned length of the film.
        planned = self.settings.get("frames")
        self._signed = provenance.to_text(self.record(planned if isinstance(planned, int) else 0))
        with encoder_errors(self.target):
            container = create(self.part, self.ending, self.fps, self._signed)
            self._encoder = Encoder(container, self._stream(container, layout, width, height))

    def _append(self, frame: pixels.Frame | pixels.Deep) -> None:
        picture = pixels.to_video_frame(frame, self._encoder.layout)
        picture.pts = self.frames
        with encoder_errors(self.target):
            self._encoder.encode(picture)

    def _finish(self) -> int:
        with encoder_errors(self.target):
            self._encoder.finish()
            return count_frames(self.part)

    def _sign(self, record: Mapping[str, Any]) -> None:
        text = provenance.to_text(record)
        if text != self._signed or self.sound:
            with encoder_errors(self.target), files.part_file(self.part, overwrite=True) as signed:
                copy_packets(self.part, create(signed, self.ending, self.fps, text), self._tag(), self.sound)

    def _release(self) -> None:
        if self.shape is not None:
            self._encoder.release()

    def _stream(self, container: OutputContainer, layout: str, width: int, height: int) -> VideoStream:
        chosen = FORMATS[self.format]
        options = options_at(self.format, self.options, width, height)
        added = container.add_stream(chosen.codec, rate=self.fps, options=options, width=width, height=height)
        stream = cast(VideoStream, added)
        stream.pix_fmt = layout
        context = stream.codec_context
        context.time_base = 1 / self.fps
        context.thread_type, context.thread_count = "AUTO", self.threads
        pixels.tag_colours(context, layout)
        if layout == chosen.alpha:
            say_alpha(stream)
        if self._tag():
            context.codec_tag = self._tag()
        return stream

    def _tag(self) -> str:
        """The four letters by which players know the codec, where it has several; Matroska has names of its own."""
        return FORMATS[self.format].tag if self.ending != ".mkv" else ""


@contextmanager
def encoder_errors(target: Path) -> Iterator[None]:
    """FFmpeg's own errors in our words; a full disk and the like pass through as the OSError they are."""
    try:
        yield
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, OSError):
            raise
        raise TargetError(f"cannot encode {str(target)!r}: {error}: try another format or size") from error


class Encoder:
    """An open video container with one video stream."""

    def __init__(self, container: OutputContainer, stream: VideoStream) -> None:
        self.container = container
        self.stream = stream
        self.layout = str(stream.pix_fmt)
        if stream.codec_context.name == "libsvtav1":
            # SVT-AV1 talks on stderr; this is its only switch.
            os.environ.setdefault("SVT_LOG", "1")
        stream.codec_context.open()

    def encode(self, picture: av.VideoFrame) -> None:
        """Encodes and writes one picture."""
        # As one call into C: Ctrl-C between encoding and writing would lose packets out of the middle.
        for _ in map(self.container.mux, map(self.stream.encode, [picture])):
            pass

    def finish(self) -> None:
        """Writes what the encoder still holds and closes the container."""
        held = self.stream.encode(None)
        if self.stream.codec_context.name == "libx265" and len(held) <= 2 and held[0].pts == 0:
            # x265 leaves the decoding times of so short a film uninitialised; nothing is reordered in it.
            for packet in held:
                packet.dts = packet.pts
        self.container.mux(held)
        self.container.close()

    def release(self) -> None:
        """Closes the file after a failure that has already been reported."""
        with suppress(OSError, ValueError, av.FFmpegError):
            self.container.close()


def create(path: Path, ending: str, fps: Fraction, text: str) -> OutputContainer:
    """An empty container for films that end in `ending`, with the settings record `text` in its metadata."""
    # bitexact leaves out random ids, so that the same frames give the same bytes.
    options = {"fflags": "+bitexact"}
    if ending in (".mp4", ".mov"):
        options["movflags"] = "+faststart+use_metadata_tags"
        # At the default of milliseconds the edit list would cut a loop's last frame short.
        options["movie_timescale"] = str(fps.numerator * (1000 if fps.numerator < 1000 else 1))
    # An absolute path, because FFmpeg takes 'night:one.mp4' for a protocol.
    container = av.open(str(path.absolute()), "w", format=CONTAINERS[ending], options=options)
    container.metadata.update({"comment": text, provenance.KEY: text})
    return container


def copy_packets(film: Path, container: OutputContainer, tag: str = "", sound: Path | None = None) -> None:
    """Copies a film, and the sound of another, into `container` without encoding again, and closes that."""
    with av.open(str(film.absolute())) as source, container, ExitStack() as stack:
        stream = copied_stream(container, source.streams.video[0])
        if tag:
            stream.codec_context.codec_tag = tag
        packets = _pictures(source, stream)
        if sound is not None:
            packets = soundtrack.interleaved(packets, stack.enter_context(soundtrack.copied(sound, container)))
        for packet in packets:
            container.mux(packet)


def _pictures(source: InputContainer, stream: Any) -> Iterator[Any]:
    for packet in source.demux(source.streams.video[0]):
        if packet.size:
            packet.stream = stream
            yield packet


def say_alpha(stream: Any) -> None:
    """Says in a stream that its pictures have alpha: browsers look at Matroska's AlphaMode alone (RFC 9559).

    Containers without such an element leave it out.
    """
    stream.metadata["alpha_mode"] = "1"


def copied_stream(container: OutputContainer, source: Any) -> VideoStream:
    """A stream in `container` for the packets of another as they are, alpha included."""
    stream = cast(VideoStream, container.add_stream_from_template(source, opaque=True))
    if footage.says_alpha(source):
        say_alpha(stream)
    return stream


def count_frames(film: Path) -> int:
    """How many packets, one a frame, can be read back from a film."""
    with av.open(str(film.absolute())) as source:
        return sum(1 for packet in source.demux(source.streams.video[0]) if packet.size)


def _layout(name: str, height: int, width: int, channels: int) -> str:
    """FFmpeg's pixel format for such frames."""
    layout = FORMATS[name].alpha if channels == 4 else FORMATS[name].pixels
    if not layout:
        raise SettingsError(f"format {name!r} has no transparency, but the frames are RGBA: use {WITH_ALPHA}")
    if "420" in layout and (width % 2 or height % 2):
        even = f"{width + width % 2}x{height + height % 2}"
        raise SettingsError(f"size {width}x{height} is odd, and {name} needs even sides: use --size {even}")
    smallest = FORMATS[name].smallest
    if min(width, height) < smallest:
        raise SettingsError(f"size {width}x{height} is too small for {name}: use at least {smallest} pixels a side")
    return layout


def _threads(threads: int) -> int:
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 64:
        raise SettingsError(f"threads {threads!r} makes no sense: give a number from 1 to 64")
    return threads
