"""Pictures: a numbered PNG or TIFF sequence from frames, and single stills."""

from __future__ import annotations

import logging
import os
import re
import shutil
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from latentart import files, pixels, provenance, rate
from latentart.errors import SettingsError, TargetError, unknown
from latentart.media import transparency
from latentart.sinks.sink import FileSink, Sink

log = logging.getLogger(__name__)

ENDINGS = ("folder/, name%04d.png or name%04d.tif (a sequence)",)
OPTIONS = ("format", "ground")
FRAME_NAME = "frame%04d"
SETTINGS_NAME = "settings.json"
STILLS = (".png", ".jpg", ".jpeg", ".webp")
COMPRESSION = 1
"""zlib level: several times the speed of Pillow's default, for a few percent of size."""


@dataclass(frozen=True)
class Kind:
    """A kind of sequence: the endings of its files, the usual one first, and FFmpeg's name for pixels of 16 bits."""

    endings: tuple[str, ...]
    codec: str
    pixels: tuple[str, str] = ("", "")
    """RGB and RGBA; "" for 8 bits, which Pillow writes."""
    options: tuple[tuple[str, str], ...] = ()


KINDS = {
    "png": Kind((".png",), "png"),
    "png16": Kind((".png",), "png", ("rgb48be", "rgba64be"), (("compression_level", "1"), ("pred", "sub"))),
    "tiff16": Kind((".tif", ".tiff"), "tiff", ("rgb48le", "rgba64le"), (("compression_algo", "deflate"),)),
}
"""Sequences by name: 16 bits are for grading and compositing."""


def depth(name: str) -> int:
    """Bits of a sequence's pictures."""
    return 16 if KINDS[name].pixels[0] else 8


def handles(target: str) -> bool:
    """Whether `target` names a folder or numbered PNG or TIFF files."""
    path = Path(target)
    numbered = "%" in path.name and path.suffix.lower() in (".png", ".tif", ".tiff")
    return numbered or _ends_as_folder(target) or (os.path.isdir(target) and not path.suffix)


def open(target: str, **options: Any) -> Sink:
    """A sink for a numbered sequence: see `SequenceSink`."""
    return SequenceSink(target, **options)


class SequenceSink(FileSink):
    """Numbered files and a settings.json, written into a part folder that is renamed in the end.

    `format` is a name of KINDS, by default png, tiff16 for a pattern that ends so. `target` is a folder ('frames/':
    frame0000.png, ...) or a pattern ('frames/%05d.png'). A folder that has other things in it keeps them; frames of
    the same pattern count as an existing target. The first PNG carries the settings record too.
    """

    def __init__(
        self,
        target: str | Path,
        *,
        fps: rate.Rate = 30,
        settings: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        format: str | None = None,
        ground: str | None = None,
    ) -> None:
        folder, self.pattern, self.format = _split(os.fspath(target), format)
        self.depth = depth(self.format)
        super().__init__(folder, fps=fps, settings=settings, overwrite=overwrite, ground=ground)

    def _begin(self, height: int, width: int, channels: int) -> None:
        shutil.rmtree(self.part, ignore_errors=True)
        self.part.mkdir()

    def _append(self, frame: Any) -> None:
        path = self.part / (self.pattern % self.frames)
        if self.depth == 16:
            path.write_bytes(_encoded(pixels.deep(frame), KINDS[self.format]))
        else:
            pixels.to_image(frame).save(path, compress_level=COMPRESSION)

    def _finish(self) -> int:
        # Ctrl-C may have cut the picture after the last one that counts.
        (self.part / (self.pattern % self.frames)).unlink(missing_ok=True)
        return len(self._frames_in(self.part))

    def _sign(self, record: Mapping[str, Any]) -> None:
        first = self.part / (self.pattern % 0)
        if self.depth == 16:
            if self.format == "png16":
                first.write_bytes(_with_text(first.read_bytes(), record))
            return
        with Image.open(first) as image:
            image.load()
        image.save(first, compress_level=COMPRESSION, pnginfo=_png_info(record))

    def _place(self, final: Path, record: Mapping[str, Any]) -> None:
        (self.part / SETTINGS_NAME).write_text(provenance.to_text(record, indent=2) + "\n", encoding="utf-8")
        for made in self.part.iterdir():
            files.flush(made)
        if not final.exists():
            files.commit(self.part, final)
            return
        for old in self._frames_in(final):
            old.unlink()
        for made in sorted(self.part.iterdir()):
            made.replace(final / made.name)
        files.flush(final)
        self.part.rmdir()

    def _discard(self) -> None:
        shutil.rmtree(self.part, ignore_errors=True)

    def _check(self, target: Path) -> Path:
        if target.exists() and not target.is_dir():
            raise TargetError(f"cannot write frames to {str(target)!r}: it is a file: give a folder")
        if self._taken(target) and not self.overwrite:
            what = f"{str(target)!r} has frames named {self.pattern!r} already"
            raise TargetError(f"{what}: choose another folder, or give --overwrite (overwrite=True)")
        if self._beside(target).exists() and not self.overwrite:
            what = f"the settings would go to {str(self._beside(target))!r}, which exists already"
            raise TargetError(f"{what}: choose another folder, or give --overwrite (overwrite=True)")
        files.check_folder(target, self._part(target))
        return target

    def _part(self, target: Path) -> Path:
        # Within a folder that exists, because the one around it may not be ours to write to.
        return files.part_of(target / "frames" if target.is_dir() else target)

    def _beside(self, target: Path) -> Path:
        return target / SETTINGS_NAME

    def _taken(self, target: Path) -> bool:
        return bool(self._frames_in(target))

    def _frames_in(self, folder: Path) -> list[Path]:
        before, after = re.split(r"%0?\d*d", self.pattern)
        named = re.compile(re.escape(before) + r"\d+" + re.escape(after))
        return [path for path in folder.iterdir() if named.fullmatch(path.name)] if folder.is_dir() else []


def _encoded(frame: pixels.Deep, kind: Kind) -> bytes:
    """uint16 [H, W, C] -> a whole file, as one packet of FFmpeg's encoder; Pillow has no colours of 16 bits."""
    context: Any = av.CodecContext.create(kind.codec, "w")
    context.height, context.width = frame.shape[:2]
    context.pix_fmt = kind.pixels[frame.shape[2] == 4]
    context.time_base, context.options = Fraction(1), dict(kind.options)
    rgb = np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else np.ascontiguousarray(frame)
    picture = av.VideoFrame.from_ndarray(rgb, format=context.pix_fmt)
    pixels.tag_colours(picture, context.pix_fmt)
    return b"".join(bytes(packet) for packet in (*context.encode(picture), *context.encode(None)))


def _with_text(png: bytes, record: Mapping[str, Any]) -> bytes:
    """A PNG with the settings record in an iTXt chunk behind its header (PNG 1.2, 4.2.3)."""
    body = b"iTXt" + provenance.KEY.encode() + bytes(5) + provenance.to_text(record).encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    header = 8 + 25
    return png[:header] + chunk + png[header:]


def check_still(target: str | Path, *, overwrite: bool = False) -> Path:
    """`target` as a Path when a picture can be written there: asked before it is made. Raises TargetError."""
    path = Path(target)
    if path.suffix.lower() not in STILLS:
        raise TargetError(unknown("picture ending", path.suffix.lower(), STILLS))
    return files.check_target(path, overwrite=overwrite)


def write_image(
    target: str | Path, frame: pixels.Frame, settings: Mapping[str, Any] | None = None, *, overwrite: bool = False,
    ground: str | None = None,
) -> Path:  # fmt: skip
    """Writes one picture, uint8 [H, W, C], as PNG, JPEG or (lossless) WebP, with the settings record inside.

    Transparency is kept in PNG and WebP, and laid over `ground` where one is given and in JPEG (see `transparency`).
    Raises TargetError, SettingsError.
    """
    path = check_still(target, overwrite=overwrite)
    frame, laid = _laid(path, frame, ground)
    record = provenance.complete({**(settings or {}), **laid})
    with files.part_file(path, overwrite=overwrite) as part:
        image = pixels.to_image(frame)
        try:
            image.save(part, **_still_options(path.suffix.lower(), record))
        except ValueError as error:
            raise TargetError(f"cannot write {str(path)!r}: {error}: use .png") from error
    return path


def _laid(path: Path, frame: pixels.Frame, ground: str | None) -> tuple[pixels.Frame, dict[str, str]]:
    """The picture as its file can hold it, and what the record says of that."""
    behind = transparency.BLACK if ground is None else transparency.colour(ground)
    if frame.shape[2] != 4 or (ground is None and path.suffix.lower() not in (".jpg", ".jpeg")):
        return frame, {}
    laid = {"ground": transparency.spelled(behind)} if transparency.is_clear(frame) else {}
    if laid and ground is None:
        log.warning(
            "%s cannot hold transparency: laid over black (--ground takes another colour; kept by .png and .webp)",
            path.name,
        )
    return transparency.over(frame, behind), laid


def _still_options(ending: str, record: Mapping[str, Any]) -> dict[str, Any]:
    if ending == ".png":
        return {"format": "PNG", "pnginfo": _png_info(record)}
    exif = provenance.user_comment(provenance.to_text(record))
    if ending == ".webp":
        return {"format": "WEBP", "lossless": True, "exact": True, "exif": exif}
    return {"format": "JPEG", "quality": 95, "subsampling": "4:4:4", "exif": exif}


def _png_info(record: Mapping[str, Any]) -> PngInfo:
    info = PngInfo()
    info.add_itxt(provenance.KEY, provenance.to_text(record))
    return info


def _split(target: str, format: str | None) -> tuple[Path, str, str]:
    """'frames/' -> (frames, 'frame%04d.png', 'png'); 'frames/%05d.tif' -> (frames, '%05d.tif', 'tiff16')."""
    path = Path(target)
    if _ends_as_folder(target) or os.path.isdir(target):
        name = _kind(format or "png")
        folder, pattern = path, FRAME_NAME + KINDS[name].endings[0]
    else:
        folder, pattern = path.parent, path.name
        name = _kind(format or ("png" if path.suffix.lower() == ".png" else "tiff16"))
    if Path(pattern).suffix.lower() not in KINDS[name].endings:
        raise SettingsError(f"format {name!r} does not go into {pattern!r}: use {' or '.join(KINDS[name].endings)}")
    if not re.fullmatch(r"[^%]*%0?\d{0,2}d[^%]*", pattern):
        raise SettingsError(f"cannot number pictures by {pattern!r}: give one place for the number, such as %04d")
    # '.' has no name that a part could be called after.
    return (folder if folder.name else Path.cwd() / folder), pattern, name


def _kind(name: str) -> str:
    if name not in KINDS:
        raise SettingsError(unknown("format of a sequence", name, KINDS))
    return name


def _ends_as_folder(target: str) -> bool:
    return target.endswith(("/", os.sep))
