"""Which chunks are there. The folder is the truth; manifest.json remembers sizes and checksums between runs."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

import av

from latentart import files, provenance
from latentart.jobs.plan import Job
from latentart.sinks.video import count_frames

NAME = "manifest.json"
Receipt = dict[str, dict[str, int | str]]
"""File name -> {"bytes": ..., "sha256": ...}, what became of one chunk."""


def receipt(paths: Iterable[Path]) -> Receipt:
    """Sizes and checksums of files as they are on the disk."""
    return {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in paths}


def sha256(path: Path) -> str:
    """Of a file's bytes, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Manifest:
    """The receipts of a job. A chunk counts as done when its files have the size and checksum of their receipt."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.path = job.folder / NAME
        self._known: Receipt = self._read()
        self._kept = {name: entry for name, entry in self._known.items() if self._is_whole(name, entry)}
        for number in job.plan.chunks:
            for path in job.chunk_paths(number):
                if path.name not in self._known and self._is_ours(path, number):
                    self._kept |= receipt([path])

    def done(self, number: int) -> bool:
        """Whether every film has this chunk."""
        return all(path.name in self._kept for path in self.job.chunk_paths(number))

    def missing(self) -> list[int]:
        """Numbers of the chunks that are still to be rendered."""
        return [number for number in self.job.plan.chunks if not self.done(number)]

    def add(self, made: Receipt) -> None:
        """Adds the receipt of a chunk and replaces the manifest atomically."""
        self._kept |= made
        files.write_text(self.path, json.dumps(self._kept, indent=1, sort_keys=True) + "\n", overwrite=True)

    def bytes(self) -> int:
        """Of all chunks that are done."""
        return sum(int(entry["bytes"]) for entry in self._kept.values())

    def unseen(self) -> list[str]:
        """Names of chunks that have a receipt and are not in the folder, or not whole, as this machine sees it."""
        with os.scandir(self.job.folder) as entries:
            there = {entry.name: entry.stat().st_size for entry in entries}
        return [name for name, entry in self._kept.items() if there.get(name) != entry["bytes"]]

    def _is_whole(self, name: str, entry: dict[str, int | str]) -> bool:
        path = self.job.folder / name
        return path.is_file() and path.stat().st_size == entry["bytes"] and sha256(path) == entry["sha256"]

    def _is_ours(self, path: Path, number: int) -> bool:
        """Whether a chunk whose receipt was never written, because the writer was killed, is whole and of this job."""
        start, stop = self.job.plan.span(number)
        try:
            record = provenance.read(path) if path.is_file() else {}
            return record.get("job") == self.job.plan.key and count_frames(path) == stop - start
        except (provenance.RecordError, av.FFmpegError):
            return False

    def _read(self) -> Receipt:
        """What the last run wrote; a manifest that is missing or damaged only costs work, never a wrong film."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        entries = found.items() if isinstance(found, dict) else ()
        return {name: e for name, e in entries if isinstance(e, dict) and {"bytes", "sha256"} <= e.keys()}


def remove_stale_parts(folder: Path) -> None:
    """Removes the `.part` files of processes of this machine that are gone."""
    ours = re.compile(rf"\.{re.escape(files.machine())}\.(\d+)\.part$")
    for path in folder.iterdir():
        match = ours.search(path.name)
        if match and not _alive(int(match[1])):
            path.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
