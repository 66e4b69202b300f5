"""Presets and cues: parameters kept under a name as JSON, and an ordered list of them to go through on stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from latentart import files
from latentart.errors import SettingsError, unknown
from latentart.live.control.controller import check_fade, check_quantise
from latentart.live.control.params import TABLE, Value
from latentart.live.wire import protocol
from latentart.live.wire.names import check_name, check_title, file_stem, inside

VERSION = 1
KEPT_OUT = ("audio/", "latent/z", "latent/w", "master/", "tempo/", "walk/phase")
"""Parameters of the session that presets leave as they are."""
MOST_PRESETS = 1000
MOST_CUES = 1000
CUES = "cues.json"


@dataclass(frozen=True)
class Cue:
    """A step of the cue list: a preset, its fade in seconds, and the beat that it waits for."""

    preset: str
    fade: float = 2.0
    at: str = "none"


class Presets:
    """A folder of presets and its list of cues."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = -1
        """The cue that is on, -1 before the first."""
        self.revision = 0
        """Counts what was stored: whoever shows the lists shows them again."""

    def names(self) -> list[str]:
        """Presets that can be recalled, sorted without regard to case."""
        return sorted(self._files(), key=lambda name: (name.casefold(), name))

    def _files(self) -> dict[str, str]:
        """Name -> file. A shortened file name keeps its preset's name inside."""
        found = self.folder.glob("*.preset.json") if self.folder.is_dir() else ()
        return {_title(path): path.name for path in found}

    def store(self, name: str, values: Mapping[str, Value], model: str = "") -> None:
        """Writes a preset, in place of an older one of that name. Raises SettingsError, TargetError.

        model: name of the one that it is played with; '' keeps whatever plays when it is recalled.
        """
        name = check_title("preset", name)
        known = self._files()
        if name not in known and len(known) >= MOST_PRESETS:
            raise SettingsError(f"there are {MOST_PRESETS} presets already: remove some from {self.folder.name!r}")
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {key: value for key, value in values.items() if not key.startswith(KEPT_OUT)}
        head = {"latentart": "preset", "version": VERSION, "name": name} | ({"model": model} if model else {})
        text = json.dumps({**head, "set": kept}, indent=1)
        path = inside(self.folder, known.get(name, f"{file_stem(name)}.preset.json"))
        files.write_text(path, text + "\n", overwrite=True)
        self.revision += 1

    def remove(self, name: str) -> None:
        """Deletes a preset, and its steps in a written list of cues. Raises SettingsError."""
        inside(self.folder, self._file(name)).unlink(missing_ok=True)
        if (self.folder / CUES).is_file():
            steps = [asdict(cue) for cue in self.cues() if cue.preset != check_title("preset", name)]
            self.write_cues(steps)
        self.revision += 1

    def recall(self, name: str) -> dict[str, Value]:
        """The parameters of a preset, checked like any others. Raises SettingsError."""
        found = self._found(name).get("set")
        if not isinstance(found, dict):
            raise SettingsError(f"preset {name!r} holds no parameters: store it again")
        return {key: TABLE[key].check(value) for key, value in found.items() if key in TABLE}

    def model(self, name: str) -> str:
        """The model that a preset was stored with; '' for presets of before there was one in them."""
        found = self._found(name).get("model", "")
        return found and check_name("model", found)

    def _found(self, name: str) -> dict[str, Any]:
        return _read(inside(self.folder, self._file(name)))

    def _file(self, name: str) -> str:
        """The file of a preset. Raises SettingsError with the nearest names."""
        known, title = self._files(), check_title("preset", name)
        if title not in known:
            raise SettingsError(unknown("preset", title, sorted(known)))
        return known[title]

    def cues(self) -> list[Cue]:
        """The list of cues; the presets in order of name where none was written."""
        path = self.folder / CUES
        if not path.is_file():
            return [Cue(name) for name in self.names()]
        return check_cues(_read(path).get("cues"))

    def write_cues(self, raw: Any) -> list[Cue]:
        """Checks and keeps a list of cues; starts before its first."""
        cues = check_cues(raw)
        self.folder.mkdir(parents=True, exist_ok=True)
        steps = [{"preset": cue.preset, "fade": cue.fade, "at": cue.at} for cue in cues]
        text = json.dumps({"latentart": "cues", "version": VERSION, "cues": steps}, indent=1)
        files.write_text(inside(self.folder, CUES), text + "\n", overwrite=True)
        self.place = -1
        self.revision += 1
        return cues

    def jump(self, which: str) -> Cue:
        """The cue of that number, from 1, or the first with that preset. Raises SettingsError."""
        cues = self.cues()
        # A preset may be called like a number: the number is meant.
        named = {cue.preset: n for n, cue in reversed(list(enumerate(cues)))} | {
            str(n + 1): n for n in range(len(cues))
        }
        if which not in named:
            raise SettingsError(f"no cue {which[:64]!r}: there are {len(cues)}, by number or by the name of the preset")
        self.place = named[which]
        return cues[self.place]

    def step(self, by: int) -> Cue:
        """Goes `by` cues on and returns that cue; stays at the ends. Raises SettingsError without cues."""
        cues = self.cues()
        if not cues:
            raise SettingsError("there are no cues: store presets, or write a list of cues")
        self.place = min(max(self.place + by, 0), len(cues) - 1)
        return cues[self.place]


def between(one: Mapping[str, Value], two: Mapping[str, Value], share: float) -> dict[str, Value]:
    """Parameters on the way from one preset to another: numbers in between, everything else changes half way."""
    mixed: dict[str, Value] = {}
    for name in [*one, *(key for key in two if key not in one)]:
        a, b = one.get(name, two.get(name, 0.0)), two.get(name, one.get(name, 0.0))
        floats = TABLE[name].kind == "float" and isinstance(a, (int, float)) and isinstance(b, (int, float))
        mixed[name] = a + (b - a) * share if floats else b if share >= 0.5 else a  # type: ignore[operator]
    return mixed


def check_cues(raw: Any) -> list[Cue]:
    """JSON to cues. Raises SettingsError."""
    if not isinstance(raw, Sequence) or isinstance(raw, str) or len(raw) > MOST_CUES:
        raise SettingsError(f"cues are a list of at most {MOST_CUES} steps such as {{'preset': 'calm', 'fade': 4}}")
    return [_cue(step) for step in raw]


def _cue(step: Any) -> Cue:
    if not isinstance(step, dict):
        raise SettingsError(f"a cue looks like {{'preset': 'calm', 'fade': 4}}, not {str(step)[:40]!r}")
    preset, fade, at = check_title("preset", step.get("preset")), step.get("fade", 2.0), step.get("at")
    return Cue(preset, check_fade(fade), check_quantise(at))


def _title(path: Path) -> str:
    stem = path.name.removesuffix(".preset.json")
    if "~" not in stem:
        return unquote(stem)
    try:
        return str(_read(path).get("name", stem))
    except SettingsError:  # a damaged file is listed under its file name, and named when it is recalled
        return stem


def _read(path: Path) -> dict[str, Any]:
    try:
        found = protocol.parse(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"cannot read {path.name!r}: {error.strerror}") from error
    except SettingsError as error:
        raise SettingsError(f"cannot read {path.name!r}: {error}") from error
    if found.get("version") != VERSION:
        raise SettingsError(f"{path.name!r} is of version {found.get('version')!r}: this program reads {VERSION}")
    return found
