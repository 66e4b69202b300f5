"""The settings record: what a picture or film was made from, kept in the file itself and read back from it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from fractions import Fraction
from importlib import metadata
from numbers import Integral, Real
from pathlib import Path, PurePath
from typing import Any

import torch
from PIL import Image

from latentart import __version__
from latentart.errors import LatentartError, SettingsError
from latentart.files import regular

KEY = "latentart"
LONGEST = 1_000_000
"""Characters a record may have."""
_PACKAGES = ("torch", "numpy", "av")
_VIDEO_FORMATS = {".mp4": "mp4", ".mov": "mp4", ".mkv": "matroska", ".webm": "matroska"}
_FILE = "file"
"""In a record beside a film, the name of that film."""
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_ASCII = b"ASCII\0\0\0"


class RecordError(LatentartError):
    """A settings record that is missing or cannot be read."""


def record(*, device: torch.device | str | None = None, **settings: Any) -> dict[str, Any]:
    """The settings, led by the versions and the device they were used with.

    There is no date in it, so that the same settings give the same bytes, and no folder or user name:
    paths are cut down to the file's name. Raises SettingsError for a value that JSON does not have.
    """
    named = {} if device is None else {"device": device_name(device)}
    return complete({**named, **settings})


def complete(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, led by the versions of what they were used with unless they have such already."""
    versions = {KEY: __version__} | {package: _version(package) for package in _PACKAGES}
    return check({**versions, **settings})


def device_name(device: torch.device | str) -> str:
    """'cpu', or the name of the GPU, for example 'NVIDIA H200'."""
    device = torch.device(device)
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def check(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as plain JSON values (fractions as text, tuples as lists). Raises SettingsError."""
    plain = {str(name): _plain(name, value) for name, value in settings.items()}
    if len(to_text(plain)) > LONGEST:
        raise SettingsError(f"the settings record is longer than {LONGEST} characters: leave out large values")
    return plain


def to_text(settings: Mapping[str, Any], *, indent: int | None = None) -> str:
    """The record as JSON, in ASCII, so that no container's text encoding can spoil it."""
    return json.dumps(settings, allow_nan=False, ensure_ascii=True, indent=indent)


def from_text(text: str | bytes, source: str | Path) -> dict[str, Any]:
    """The record in `text`, which may be anything. Raises RecordError naming `source`."""
    advice = "give a file that latentart made"
    if len(text) > LONGEST:
        raise RecordError(f"the settings record of {str(source)!r} is longer than {LONGEST} characters: {advice}")
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = str(error) or "it is nested too deeply"
        raise RecordError(f"the settings record of {str(source)!r} is not JSON ({reason}): {advice}") from None
    if not isinstance(found, dict) or not isinstance(found.get(KEY), str):
        raise RecordError(f"{str(source)!r} holds JSON, but no settings record (no {KEY!r} version in it): {advice}")
    return found


def read(path: str | Path) -> dict[str, Any]:
    """The record of a PNG, JPEG, WebP, GIF, MP4, MOV, MKV or WebM file, of a folder of frames, or of a .json.

    A file that carries none is asked for the .json beside it. Raises RecordError in one line for anything else.
    """
    path = Path(path)
    if os.path.isdir(path):
        return read(path / "settings.json")
    if not os.path.isfile(path):
        raise RecordError(f"cannot read settings from {str(path)!r}: there is no such file: give a film or picture")
    if path.suffix.lower() == ".json":
        return _read_json(path)
    text = _inside(path)
    if text is not None:
        return from_text(text, path)
    for candidate in (_named(path), path.with_suffix(".json"), path.with_name("settings.json")):
        if candidate.is_file() and _owner(candidate) in ("", path.name):
            return _read_json(candidate)
    what = f"{str(path)!r} carries no settings record, and there is no {path.with_suffix('.json').name!r} beside it"
    raise RecordError(f"{what}: give a file that latentart made")


def is_of(path: Path, key: str) -> bool:
    """Whether a file carries a settings record with this key; False for anything else, and for no file."""
    try:
        return key in read(path)
    except RecordError:
        return False


def beside(target: Path) -> Path:
    """Where the record of a film goes: 'loop.json', or 'loop.mp4.json' where the first belongs to another file."""
    plain, named = target.with_suffix(".json"), _named(target)
    if named.exists() or not plain.exists():
        return named if named.exists() else plain
    # Records of earlier versions do not name their film.
    ours = target.name == _owner(plain) or (not _owner(plain) and _is_record(plain))
    return plain if ours and target.exists() else named


def beside_text(record: Mapping[str, Any], target: Path) -> str:
    """The record as it stands in a file beside `target`, which it names."""
    return to_text({**record, _FILE: target.name}, indent=2) + "\n"


def user_comment(text: str) -> bytes:
    """An EXIF block whose UserComment is `text` (ASCII), as JPEG and WebP carry it (EXIF 2.32, 4.6.5)."""
    exif = Image.Exif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = _ASCII + text.encode("ascii")
    return exif.tobytes()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with regular.opened(path) as file:
            return from_text(file.read(LONGEST + 1), path)
    except OSError as error:
        raise RecordError(f"cannot read settings from {str(path)!r}: {error.strerror}: give a readable file") from error


def _named(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _owner(path: Path) -> str:
    """The file that a record beside it names, '' where it names none."""
    try:
        named = _read_json(path).get(_FILE)
    except RecordError:
        return ""
    return named if isinstance(named, str) else ""


def _is_record(path: Path) -> bool:
    try:
        return bool(_read_json(path))
    except RecordError:
        return False


def _inside(path: Path) -> str | bytes | None:
    """The text of the record within a picture or film, or None."""
    video = _VIDEO_FORMATS.get(path.suffix.lower())
    try:
        return _in_video(path, video) if video else _in_image(path)
    except (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RecordError(
            f"cannot read settings from {str(path)!r} ({reason}): give a whole picture or film"
        ) from error


def _in_video(path: Path, container: str) -> str | None:
    import av

    # Named format: a playlist dressed as a film could otherwise make FFmpeg open other files.
    with regular.opened(path) as file, av.open(file, format=container, metadata_errors="replace") as film:
        found = {name.lower(): text for name, text in film.metadata.items()}
    comment = found.get("comment", "")
    return found.get(KEY) or (comment if comment.startswith("{") else None)


def _in_image(path: Path) -> str | bytes | None:
    with regular.opened(path) as file, Image.open(file) as image:
        comment = image.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT)
        found = image.info.get(KEY) or comment or image.info.get("comment")
    if isinstance(found, bytes):
        found = found.removeprefix(_ASCII)
    ours = isinstance(found, (str, bytes)) and found[:1] in ("{", b"{")
    return found if ours else None


def _plain(name: str, value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return _without_place(value)
        case PurePath():
            return value.name
        case Integral():
            return int(value)
        case Fraction():
            return str(value)
        case Real() if abs(float(value)) < float("inf"):
            return float(value)
        case Mapping():
            return {str(key): _plain(f"{name}.{key}", inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(name, inner) for inner in value]
    raise SettingsError(f"the setting {name} = {value!r} cannot be recorded: use text, finite numbers, lists")


def _without_place(text: str) -> str:
    """A full path becomes its last part and a URL loses user, password and query: neither is ours to publish."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        return re.sub(r"//[^/@]*@", "//", text.split("?")[0])
    if re.match(r"(/|~|\.\.[/\\]|[A-Za-z]:[/\\]|\\\\)", text):
        return re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    return text


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
