"""A film's sound: read or synthesised, listened to frame by frame, and put into the film."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from numpy.typing import NDArray

from latentart.errors import SettingsError
from latentart.exhibition import synth
from latentart.exhibition.score import Audio
from latentart.files import regular

Array = NDArray[np.float32]
"""Ten minutes are 230 MB."""
RATE = synth.RATE
SPARE = 1
"""Seconds that are read beyond a film's end, to know that there is more."""
CODECS = {".mp4": "aac", ".mov": "pcm_s24le", ".mkv": "flac", ".webm": "libopus"}
DEMUXERS = (
    (rb"(RIFF|RF64)....WAVE", "wav"), (rb"fLaC", "flac"), (rb"OggS", "ogg"), (rb"FORM....AIF[FC]", "aiff"),
    (rb"....ftyp", "mp4"), (rb"\x1a\x45\xdf\xa3", "matroska"), (rb"caff", "caf"), (rb"\.snd", "au"), (rb"wvpk", "wv"),
    (rb"\x30\x26\xb2\x75", "asf"), (rb"\xff[\xf0\xf1\xf8\xf9]", "aac"), (rb"ID3|\xff[\xe2-\xef\xf2-\xff]", "mp3"),
)  # fmt: skip
"""First bytes -> FFmpeg's format. It is named, because FFmpeg alone takes a playlist or a script, whatever its ending,
and opens the files that are listed in it."""
ENDINGS = {".mp3": "mp3", ".aac": "aac", ".wma": "asf", ".aif": "aiff"}
"""For files that begin with something else: MP3 is found further on by its frames."""
FADE = 0.02
"""Seconds over which sound is faded where it was cut, so that nothing clicks."""


@dataclass(frozen=True)
class Sound:
    """Stereo samples [n, 2] in -1 .. 1 at 48 kHz, exactly as long as the film."""

    samples: Array

    def add_to(self, container: OutputContainer, ending: str) -> Any:
        """A stereo stream of the codec that goes with such files."""
        codec = CODECS[ending]
        options = {"b": "256k"} if codec in ("aac", "libopus") else {}
        stream: Any = container.add_stream(codec, rate=RATE, options=options)
        stream.layout = "stereo"
        stream.codec_context.open()
        return stream

    def packets(self, stream: Any, repeat: int) -> Iterator[Any]:
        """The encoded sound, `repeat` times over without a gap."""
        size = stream.codec_context.frame_size or 4096
        for start in range(0, len(self.samples) * repeat, size):
            yield from stream.encode(self._frame(start, min(size, len(self.samples) * repeat - start), stream))
        yield from stream.encode(None)

    def _frame(self, start: int, count: int, stream: Any) -> av.AudioFrame:
        block = self.samples[np.arange(start, start + count) % len(self.samples)]
        kind = stream.codec_context.format.name
        whole = {"s32": 2**31 - 1, "s16": 2**15 - 1}.get(kind.rstrip("p"), 0)
        scaled = np.round(block * whole).astype(kind.replace("s", "int")[:5]) if whole else block.astype(np.float32)
        planes = scaled.T if kind.endswith("p") else scaled.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), format=kind, layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        return frame


def of(audio: Audio, seconds: Fraction) -> Sound:
    """The sound of a score, cut or filled up to the film's length. Raises SettingsError."""
    if bool(audio.file) == bool(audio.synth):
        raise SettingsError("audio needs a file or a synth, one of them: audio = 'track.wav', or synth = 'bells'")
    samples = (
        read(audio.file, float(seconds))
        if audio.file
        else synth.play(audio.synth, float(seconds), audio.seed, audio.tempo)
    )
    samples = fitted(samples, round(seconds * RATE))
    samples *= np.float32(10 ** (audio.gain / 20))
    return Sound(np.clip(samples, -1, 1, out=samples))


def fitted(samples: Array, count: int) -> Array:
    """samples [n, 2] -> [count, 2]; sound of another length is faded at both ends, silence follows what is short."""
    # A sample more or less is rounding, not a cut.
    if abs(len(samples) - count) <= 1:
        return np.resize(samples, (count, 2)) if len(samples) != count else samples.copy()
    kept = samples[:count].copy()
    ramp = np.linspace(0, 1, min(round(FADE * RATE), len(kept)), dtype=np.float32)[:, None]
    kept[: len(ramp)] *= ramp
    kept[len(kept) - len(ramp) :] *= ramp[::-1]
    return np.concatenate([kept, np.zeros((count - len(kept), 2), np.float32)])


def read(path: str | Path, seconds: float = math.inf) -> Array:
    """Any sound file -> stereo samples [n, 2] at 48 kHz, about as many seconds at most. Raises SettingsError."""
    blocks: list[Array] = []
    try:
        with regular.opened(path) as file, av.open(file, "r", format=_demuxer(file, Path(path))) as container:
            if not container.streams.audio:
                raise SettingsError(f"{str(path)!r} has no sound in it: give a .wav, .flac or .mp3")
            # One channel made two by FFmpeg would be 3 dB quieter.
            channels = min(container.streams.audio[0].channels, 2)
            # A minute of silence packs to nothing: what the film does not need is not unpacked.
            blocks = list(_until(_blocks(container, channels), (seconds + SPARE) * RATE))
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"cannot read the sound {str(path)!r}: {reason}: give a .wav, .flac or .mp3") from error
    if not blocks:
        raise SettingsError(f"{str(path)!r} holds no sound: give a .wav, .flac or .mp3")
    samples = np.concatenate(blocks)
    if not np.isfinite(samples).all():
        at = int(np.argmin(np.isfinite(samples).all(axis=1))) / RATE
        raise SettingsError(f"the sound {str(path)!r} holds a sample that is no number, at {at:.2f} s: export it again")
    return samples if channels == 2 else np.repeat(samples, 2, axis=1)


def _demuxer(file: BinaryIO, path: Path) -> str:
    """FFmpeg's name for what the file is. Raises ValueError."""
    head = file.read(16)
    file.seek(0)
    for start, name in DEMUXERS:
        if re.match(start, head, re.DOTALL):
            return name
    if path.suffix.lower() not in ENDINGS:
        raise ValueError("it is no sound, whatever its name says")
    return ENDINGS[path.suffix.lower()]


def _blocks(container: InputContainer, channels: int) -> Iterator[Array]:
    """The samples [n, channels] as they are decoded."""
    resampler = av.AudioResampler(format="flt", layout=("mono", "stereo")[channels - 1], rate=RATE)
    for frame in itertools.chain(container.decode(audio=0), [None]):
        for part in resampler.resample(frame):
            yield part.to_ndarray().reshape(-1, channels).astype(np.float32, copy=False)


def _until(blocks: Iterator[Array], most: float) -> Iterator[Array]:
    """The blocks until there are `most` samples."""
    count = 0
    for block in blocks:
        yield block
        count += len(block)
        if count >= most:
            return
