"""What a file is, by its first bytes: for messages about files whose names promise something else."""

from __future__ import annotations

import stat
from pathlib import Path

HEIC = "a HEIC picture"
FILM = {"an MP4 or MOV film": ".mp4", "a Matroska or WebM film": ".mkv", "an AVI film": ".avi", "an MPEG film": ".mpg",
        "an Ogg film": ".ogv", "a GIF picture": ".gif", "a WebP picture": ".webp"}  # fmt: skip
"""Kinds that may hold a film, and the ending by which they are opened."""
BRANDS = {b"heic": HEIC, b"heix": HEIC, b"hevc": HEIC, b"hevx": HEIC, b"heim": HEIC, b"heis": HEIC, b"mif1": HEIC,
          b"msf1": HEIC, b"avif": "an AVIF picture", b"avis": "an AVIF picture"}  # fmt: skip
STARTS = {
    b"\x89PNG\r\n\x1a\n": "a PNG picture", b"\xff\xd8\xff": "a JPEG picture", b"GIF8": "a GIF picture",
    b"II*\0": "a TIFF picture or a camera's raw file", b"MM\0*": "a TIFF picture or a camera's raw file",
    b"BM": "a BMP picture", b"8BPS": "a Photoshop picture", b"%PDF": "a PDF document",
    b"\x1aE\xdf\xa3": "a Matroska or WebM film",
    b"OggS": "an Ogg film", b"\0\0\x01\xba": "an MPEG film", b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"fLaC": "a FLAC sound", b"ID3": "an MP3 sound", b"<svg": "an SVG drawing", b"<?xml": "an XML document",
    b"<!DOCTYPE html": "a web page", b"<html": "a web page", b"#EXTM3U": "a playlist",
}  # fmt: skip
RIFF = {b"WEBP": "a WebP picture", b"AVI ": "an AVI film", b"WAVE": "a WAV sound"}
ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip")


def head(path: str | Path, length: int = 32) -> bytes:
    """The first bytes of a regular file; b'' for anything else."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return b""
        with open(path, "rb") as file:
            return file.read(length)
    except OSError:
        return b""


def kind(begin: bytes) -> str:
    """'a PNG picture', 'an MP4 or MOV film' ...; '' for what is not known."""
    if begin[4:8] == b"ftyp":
        return BRANDS.get(begin[8:12], "an MP4 or MOV film")
    if begin[:4] == b"RIFF":
        return RIFF.get(begin[8:12], "")
    if begin[4:8] in ATOMS:
        return "an MP4 or MOV film"
    return next((name for start, name in STARTS.items() if begin.startswith(start)), "")


def atoms(path: str | Path, most: int = 1000) -> list[bytes]:
    """The names of the boxes of an MP4 or MOV file (ISO/IEC 14496-12, 4.2), in order."""
    found: list[bytes] = []
    with open(path, "rb") as file:
        while len(found) < most and len(begin := file.read(8)) == 8:
            size = int.from_bytes(begin[:4], "big")
            found.append(begin[4:])
            if size == 1:
                size = int.from_bytes(file.read(8), "big") - 8
            if not 8 <= size < 1 << 62:
                break
            file.seek(size - 8, 1)
    return found
