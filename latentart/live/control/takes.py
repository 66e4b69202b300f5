"""Takes: a performance as a journal of what was done at which frame, to be played or rendered again.

One JSON object per line. The first is where the performance starts, with the whole state before its first frame:

    {"latentart": "take", "version": 1, "network": "landscapes-256", "sha256": ..., "fps": 60, "size": [256, 256],
     "frame": 120, "snapshot": {...}, "files": {"my-model": "/where/it/was/my-model.pkl"}, ...}
    {"frame": 133, "events": [{"do": {"set": {"psi": 0.9}, "rev": 4}}]}
    {"frame": 410, "events": [{"model": "glyphs-64", "sha256": ...}]}
    {"frame": 500, "mark": "chorus"}
    {"frame": 720, "end": true}

A line is on the disk when its frame is shown; a journal cut off by a power cut is read up to its last whole line.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from latentart import files
from latentart.errors import SettingsError
from latentart.live.wire.names import check_name, inside

log = logging.getLogger("latentart.live")

VERSION = 1
Events = list[dict[str, Any]]


@dataclass(frozen=True)
class Take:
    """A recorded performance. `frame` is its first frame, `end` the one after its last."""

    network: str
    sha256: str
    fps: float
    size: tuple[int, int]
    frame: int
    end: int
    snapshot: Mapping[str, Any]
    events: Mapping[int, Events]
    marks: Mapping[int, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()
    """Where the journal is."""

    @property
    def num_frames(self) -> int:
        """Frames of the whole performance, none dropped."""
        return self.end - self.frame

    @property
    def files(self) -> Mapping[str, str]:
        """Models that were files when they were played -> where those were."""
        given = self.facts.get("files")
        found = given.items() if isinstance(given, dict) else ()
        return {str(name): path for name, path in found if isinstance(path, str)}

    def source(self, name: str) -> str:
        """What to load a model from: its name, or its file, where that was or beside the take. Raises SettingsError."""
        if name not in self.files:
            return name
        path = Path(self.files[name])
        for place in (path, self.folder / path.name):
            if place.exists():
                return str(place)
        known = f" (sha256 {self.sha256[:12]}...)" if name == self.network and self.sha256 else ""
        raise SettingsError(
            f"the take was played on {str(path)!r}{known}, which is not there: put it back or beside the take, "
            "or name it with --network FILE"
        )

    def models(self) -> dict[str, str | None]:
        """Models that are played, in order, and what the engine chose for each."""
        return self._of_models("engine")

    def translators(self) -> list[tuple[str, tuple[int, int]]]:
        """Translators that are played, and for which (width, height) each was made fast."""
        ready = self.snapshot.get("then", {}).get("ready", {})
        found = [(name, (w, h)) for name, sizes in ready.items() for w, h, _ in sizes]
        events = (event for frame in sorted(self.events) for event in self.events[frame] if "then" in event)
        return found + [(event["then"], (event["size"][0], event["size"][1])) for event in events]

    def directions(self) -> dict[str, str | None]:
        """Models that are played, and the digest of the directions that each had."""
        return self._of_models("directions")

    def _of_models(self, fact: str) -> dict[str, str | None]:
        found = {self.network: self.facts.get(fact)}
        for frame in sorted(self.events):
            for event in self.events[frame]:
                if "model" in event:
                    found.setdefault(event["model"], event.get(fact))
        return found


def read_take(source: str | Path) -> Take:
    """Reads a journal. Raises SettingsError."""
    path = Path(source)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read take {str(path)!r}: {error}") from error
    entries = list(_entries(lines, path))
    head = entries[0] if entries else {}
    if head.get("latentart") != "take" or head.get("version") != VERSION:
        raise SettingsError(f"{str(path)!r} is no take of version {VERSION}: its first line is {str(head)[:60]!r}")
    try:
        return replace(_take(head, entries[1:]), folder=path.parent)
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"take {str(path)!r} is damaged: {error!r}") from error


def _entries(lines: Sequence[str], path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines):
                log.warning("the last line of %s was cut off: it is left out", path.name)
                return
            raise SettingsError(f"line {number} of take {str(path)!r} is not JSON: {line[:40]!r}") from None
        if not isinstance(entry, dict):
            raise SettingsError(f"line {number} of take {str(path)!r} is not an object: {line[:40]!r}")
        yield entry


def _take(head: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Take:
    last = entries[-1]["frame"] if entries else head["frame"]
    width, height = head["size"]
    known = {"latentart", "version", "network", "sha256", "fps", "size", "frame", "snapshot"}
    return Take(
        network=head["network"],
        sha256=head["sha256"],
        fps=float(head["fps"]),
        size=(int(width), int(height)),
        frame=int(head["frame"]),
        end=int(last) + (0 if entries and "end" in entries[-1] else 1),
        snapshot=head["snapshot"],
        events=_by_frame(entries),
        marks={int(entry["frame"]): str(entry["mark"]) for entry in entries if "mark" in entry},
        facts={name: value for name, value in head.items() if name not in known},
    )


def _by_frame(entries: Sequence[Mapping[str, Any]]) -> dict[int, Events]:
    """A frame may have several lines: the one of a renderer that took over, then its first."""
    found: dict[int, Events] = {}
    for entry in entries:
        if "events" in entry:
            found.setdefault(int(entry["frame"]), []).extend(entry["events"])
    return found


class Takes:
    """Writes takes: into the folder by name, or into a file chosen at the start. Safe to use from threads."""

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """facts: fields of the first line besides frame and snapshot."""
        self.folder = folder
        self.facts = dict(facts)
        self.wants_snapshot = False
        """Whether a take waits for the state to start from."""
        self._path: Path | None = None
        self._file: IO[str] | None = None
        self._frame = 0
        self._lock = threading.Lock()

    @property
    def recording(self) -> str | None:
        """The take's file name while one is recorded."""
        return None if self._path is None else self._path.name

    def start(self, name: str | None = None) -> None:
        """Starts a take at the next snapshot. Raises SettingsError, TargetError."""
        chosen = self._next_name() if name is None else check_name("take", name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start_in(inside(self.folder, f"{chosen}.jsonl"))

    def start_in(self, path: Path) -> None:
        """Starts a take in a file. Raises SettingsError, TargetError when it exists."""
        with self._lock:
            if self._path is not None:
                raise SettingsError(f"take {self._path.name!r} is being recorded: stop it first")
            self._path = files.check_target(path)
            self.wants_snapshot = True

    def stop(self) -> None:
        """Ends the take; does nothing when none is recorded."""
        with self._lock:
            if self._file is not None:
                self._write({"frame": self._frame + 1, "end": True})
                self._file.close()
            self._path, self._file, self.wants_snapshot = None, None, False

    def mark(self, text: str) -> None:
        """Leaves a mark at the current frame. Raises SettingsError when nothing is recorded."""
        with self._lock:
            if self._file is None:
                raise SettingsError("no take is being recorded: start one with rec/start")
            self._write({"frame": self._frame + 1, "mark": text[:200]})

    def begin(self, frame: int, snapshot: Mapping[str, Any]) -> None:
        """Takes the state before `frame`: the first line of a take that waits for it."""
        with self._lock:
            if not self.wants_snapshot or self._path is None:
                return
            self.wants_snapshot = False
            self._file = self._path.open("x", encoding="utf-8")
            head = {"latentart": "take", "version": VERSION, **self.facts}
            model = {name: snapshot[name] for name in ("sha256", "engine", "directions")}
            self._write({**head, "network": snapshot["model"], **model, "frame": frame, "snapshot": snapshot})

    def passed(self, frame: int, events: Events) -> None:
        """A frame was shown, and what was done at it."""
        with self._lock:
            self._frame = frame
            if self._file is not None and events:
                self._write({"frame": frame, "events": events})

    def _write(self, entry: Mapping[str, Any]) -> None:
        assert self._file is not None
        assert self._path is not None
        try:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
        except OSError as error:
            # A full disk ends the take, not the session.
            log.error("the take %s ends here: %s", self._path.name, error.strerror)
            self._path, self._file = None, None

    def _next_name(self) -> str:
        taken = {path.stem for path in self.folder.glob("take*.jsonl")}
        return next(name for number in range(1, 100_000) if (name := f"take{number:04d}") not in taken)
