"""MIDI controllers: each knob, fader or key plays what it was taught. The port needs mido and python-rtmidi."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from latentart import files
from latentart.errors import LatentartError, SettingsError, unknown
from latentart.live.control.controller import Control
from latentart.live.control.params import ACTIONS, TABLE
from latentart.live.outputs._output import OutputError, extra
from latentart.live.wire import protocol

log = logging.getLogger("latentart.live")

FILE = "midi.json"


class MidiMap:
    """What each controller plays: 'control 1 7' -> 'psi'. Learnt by moving it; kept in a file."""

    def __init__(self, control: Control, folder: Path) -> None:
        self.control = control
        self._path = folder / FILE
        self._lock = threading.Lock()
        self._learning: str | None = None
        self.played = self._read()

    def learn(self, name: str) -> None:
        """The next controller that is moved plays this. Raises SettingsError."""
        playable = {key for key, p in TABLE.items() if p.has_unit} | {
            key for key, action in ACTIONS.items() if not action.args.partition("|")[0]
        }
        if name not in playable:
            raise SettingsError(unknown("parameter or action", name, playable))
        with self._lock:
            self._learning = name

    def play(self, source: str, value: float, fire: Callable[[str], None]) -> None:
        """Plays what a moved controller was taught. value: 0..1; fire: does an action, see `Actions.fire`."""
        with self._lock:
            if self._learning is not None:
                self.played[source], self._learning = self._learning, None
                self._write()
            name = self.played.get(source)
        if name in TABLE:
            self.control.write({name: TABLE[name].from_unit(value)})
        elif name in ACTIONS and value > 0:
            fire(name)

    def _read(self) -> dict[str, str]:
        if not self._path.is_file():
            return {}
        found = protocol.parse(self._path.read_bytes()).get("played", {})
        known = {**TABLE, **ACTIONS}
        return {str(source): str(name) for source, name in found.items() if name in known}

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(self._path, json.dumps({"played": self.played}, indent=1) + "\n", overwrite=True)


def source_of(message: Any) -> tuple[str, float] | None:
    """A mido message -> (what moved, 0..1); None for what is no controller."""
    if message.type == "control_change":
        return f"control {message.channel} {message.control}", message.value / 127
    if message.type in ("note_on", "note_off"):
        return f"note {message.channel} {message.note}", message.velocity / 127 if message.type == "note_on" else 0.0
    if message.type == "pitchwheel":
        return f"wheel {message.channel}", (message.pitch + 8192) / 16383
    return None


def open_port(name: str, played: MidiMap, fire: Callable[[str], None]) -> Any:
    """Listens to a MIDI input whose name begins so ('' is the first). Raises LatentartError, SettingsError."""
    mido, rtmidi = extra("mido", "MIDI", "midi"), extra("rtmidi", "MIDI", "midi")

    def receive(message: Any) -> None:
        moved = source_of(message)
        try:
            if moved is not None:
                played.play(*moved, fire)
        except LatentartError as error:
            log.warning("MIDI: %s", error)

    try:
        ports = mido.get_input_names()
        found = [port for port in ports if port.lower().startswith(name.lower())]
        if not found:
            raise SettingsError(unknown("MIDI input", name, ports))
        return mido.open_input(found[0], callback=receive)
    except rtmidi.RtMidiError as error:
        raise OutputError(f"there is no MIDI on this machine: {str(error).splitlines()[0]}") from error
