"""Pictures: a numbered PNG sequence from frames, and single stills."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from latentart import files, pixels, provenance, rate
from latentart.errors import SettingsError, TargetError, unknown
from latentart.sinks.sink import FileSink, Sink

ENDINGS = ("folder/ or name%04d.png (a PNG sequence)",)
OPTIONS = ()
FRAME_NAME = "frame%04d.png"
SETTINGS_NAME = "settings.json"
STILLS = (".png", ".jpg", ".jpeg", ".webp")
COMPRESSION = 1
"""zlib level: several times the speed of Pillow's default, for a few percent of size."""


def handles(target: str) -> bool:
    """Whether `target` names a folder or numbered PNG files."""
    path = Path(target)
    numbered = "%" in path.name and path.suffix.lower() == ".png"
    return numbered or _ends_as_folder(target) or (os.path.isdir(target) and not path.suffix)


def open(target: str, **options: Any) -> Sink:
    """A sink for a numbered sequence: see `SequenceSink`."""
    return SequenceSink(target, **options)


class SequenceSink(FileSink):
    """Numbered PNG files and a settings.json, written into a part folder that is renamed in the end.

    `target` is a folder ('frames/': frame0000.png, ...) or a pattern ('frames/%05d.png'). A folder that has
    other things in it keeps them; frames of the same pattern count as an existing target. The first frame
    carries the settings record too.
    """

    def __init__(
        self,
        target: str | Path,
        *,
        fps: rate.Rate = 30,
        settings: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> None:
        folder, self.pattern = _split(os.fspath(target))
        super().__init__(folder, fps=fps, settings=settings, overwrite=overwrite)

    def _begin(self, height: int, width: int, channels: int) -> None:
        shutil.rmtree(self.part, ignore_errors=True)
        self.part.mkdir()

    def _append(self, frame: pixels.Frame) -> None:
        pixels.to_image(frame).save(self.part / (self.pattern % self.frames), compress_level=COMPRESSION)

    def _finish(self) -> int:
        # Ctrl-C may have cut the picture after the last one that counts.
        (self.part / (self.pattern % self.frames)).unlink(missing_ok=True)
        return len(self._frames_in(self.part))

    def _sign(self, record: Mapping[str, Any]) -> None:
        first = self.part / (self.pattern % 0)
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
            raise TargetError(f"{what}: choose another folder, or say --overwrite (overwrite=True)")
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


def write_image(
    target: str | Path, frame: pixels.Frame, settings: Mapping[str, Any] | None = None, *, overwrite: bool = False
) -> Path:
    """Writes one picture, uint8 [H, W, C], as PNG, JPEG or (lossless) WebP, with the settings record inside.

    Raises TargetError, also for transparency in a JPEG.
    """
    path = Path(target)
    ending = path.suffix.lower()
    if ending not in STILLS:
        raise TargetError(unknown("picture ending", ending, STILLS))
    if ending in (".jpg", ".jpeg") and frame.shape[2] == 4:
        raise TargetError(f"JPEG has no transparency, but the picture for {str(path)!r} has: use .png or .webp")
    record = provenance.complete(settings or {})
    with files.part_file(path, overwrite=overwrite) as part:
        image = pixels.to_image(frame)
        try:
            image.save(part, **_still_options(ending, record))
        except ValueError as error:
            raise TargetError(f"cannot write {str(path)!r}: {error}: use .png") from error
    return path


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


def _split(target: str) -> tuple[Path, str]:
    """'frames/' -> (frames, 'frame%04d.png'); 'frames/%05d.png' -> (frames, '%05d.png')."""
    path = Path(target)
    if _ends_as_folder(target) or os.path.isdir(target):
        folder, pattern = path, FRAME_NAME
    else:
        folder, pattern = path.parent, path.name
    if not re.fullmatch(r"[^%]*%0?\d{0,2}d[^%]*", pattern):
        raise SettingsError(f"cannot number pictures by {pattern!r}: give one place for the number, such as %04d")
    # '.' has no name that a part could be called after.
    return (folder if folder.name else Path.cwd() / folder), pattern


def _ends_as_folder(target: str) -> bool:
    return target.endswith(("/", os.sep))
