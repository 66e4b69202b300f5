"""What can be played: one table. Panel, OSC tree, OSCQuery, JSON API, docs page and TouchOSC layout come from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from latentart.errors import SettingsError, unknown
from latentart.latent import walk_options
from latentart.live.wire.names import check_name
from latentart.seeds import LARGEST

Kind = Literal["float", "int", "bool", "choice", "name", "vector"]
Value = float | int | bool | str | tuple[float, ...]

LONGEST_VECTOR = 16_384
"""Floats in one latent/w: 32 rows of 512."""


@dataclass(frozen=True)
class Param:
    """One performable parameter. A "name" is looked up in a listing where it is used; '' is nothing.

    smooth: seconds; the value follows its target as a one-pole filter with this time constant ("pole"), or at most
    (high - low) / smooth per second ("slew"); 0 jumps. Smoothing runs on the frame clock, so takes repeat it exactly.
    """

    name: str
    kind: Kind
    default: Value
    doc: str
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    smooth: float = 0.0
    follow: Literal["pole", "slew"] = "pole"
    choices: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The part before the first slash: how panel and docs are divided."""
        return self.name.split("/")[0]

    @property
    def has_unit(self) -> bool:
        """Whether a fader from 0 to 1 can play it."""
        return self.kind not in ("name", "vector")

    def check(self, raw: Any) -> Value:
        """`raw` as this parameter's type, inside its range. Raises SettingsError for what is no finite number."""
        if self.kind == "vector":
            return _vector(self.name, raw)
        if self.kind == "choice":
            return self._choice(raw)
        if self.kind == "name":
            return "" if raw == "" else check_name(self.name, raw)
        found = number(self.name, raw)
        if self.kind == "bool":
            return found != 0
        inside = min(max(found, self.low), self.high)
        # Limits are written as integers in places, and a value's type is the table's always.
        return round(inside) if self.kind == "int" else float(inside)

    def from_unit(self, raw: Any) -> Value:
        """0..1, as a fader sends it -> a value; the twin address under /latentart/n."""
        n = min(max(number(self.name, raw), 0.0), 1.0)
        if self.kind == "bool":
            return n >= 0.5
        if self.kind == "choice":
            return self.choices[round(n * (len(self.choices) - 1))]
        return self.check(self.low + n * (self.high - self.low))

    def to_unit(self, value: Value) -> float:
        """A value -> 0..1."""
        if self.kind == "choice":
            return self.choices.index(str(value)) / max(1, len(self.choices) - 1)
        if self.kind == "bool" or isinstance(value, (str, tuple)):
            return float(bool(value))
        return (float(value) - self.low) / (self.high - self.low)

    def _choice(self, raw: Any) -> str:
        if isinstance(raw, (int, float)) and not isinstance(raw, bool) and math.isfinite(raw):
            # Touch layouts send an index.
            return self.choices[min(max(round(raw), 0), len(self.choices) - 1)]
        if raw not in self.choices:
            raise SettingsError(unknown(self.name, raw, self.choices))
        return str(raw)


def number(name: str, raw: Any) -> float:
    """`raw` as a finite float. Raises SettingsError."""
    if not isinstance(raw, (int, float)):
        raise SettingsError(f"{name} takes a number, not {str(raw)[:40]!r}")
    # An integer can be too long for a float.
    found = float(raw) if not isinstance(raw, int) or abs(raw) < 1e300 else math.inf
    if not math.isfinite(found):
        raise SettingsError(f"{name} takes a finite number, not {str(raw)[:40]!r}")
    return found


def _vector(name: str, raw: Any) -> tuple[float, ...]:
    if isinstance(raw, (str, bytes)) or not isinstance(raw, Sequence) or len(raw) > LONGEST_VECTOR:
        raise SettingsError(f"{name} takes a list of at most {LONGEST_VECTOR} numbers, not {str(raw)[:40]!r}")
    return tuple(number(name, item) for item in raw)


def _float(
    name: str, default: float, low: float, high: float, doc: str, *, unit: str = "", smooth: float = 0.0
) -> Param:
    return Param(name, "float", default, doc, low, high, unit, smooth)


def _fader(name: str, low: float, high: float, doc: str, unit: str = "") -> Param:
    """A float that starts at 0 and glides enough to hide the steps of a controller."""
    return _float(name, 0.0, low, high, doc, unit=unit, smooth=0.08)


def _int(name: str, default: int, low: int, high: int, doc: str) -> Param:
    return Param(name, "int", default, doc, low, high)


def _bool(name: str, default: bool, doc: str) -> Param:
    return Param(name, "bool", default, doc)


def _choice(name: str, choices: tuple[str, ...], doc: str) -> Param:
    return Param(name, "choice", choices[0], doc, choices=choices)


BANDS = ("coarse", "middle", "fine")
AUDIO = ("rms", "low", "mid", "high", "onset")
DIRECTIONS = 16
_FIRST = ("keyframes", "orbit", "drift", "plane", "hold", "latent")
WALKS = (*_FIRST, *(name for name in walk_options.names() if name not in _FIRST))
"""What walk/mode may be. Touch layouts send an index, so new walks follow those that were there first."""
NOISES = ("const", "none", "boil", "random")
SLOTS = 3
"""Translators that a picture goes through."""
STYLES = 256
BENDS = {
    "rotate": 180.0, "scale": 2.0, "translate-x": 0.5, "translate-y": 0.5, "flip-x": 1.0, "flip-y": 1.0,
    "invert": 1.0, "threshold": 1.0, "ablate": 1.0, "gain": 3.0, "blur": 0.15, "erode": 0.15, "dilate": 0.15,
}  # fmt: skip
"""Operations on feature maps, and how much of each, in its own unit, a fader at 1 is."""
BEND_SLOTS = (("rotate", 4), ("scale", 6), ("ablate", 3), ("dilate", 7))
"""What each slot begins with: operation and layer."""
LAYERS = 18
QUANTISE = {"none": 0, "beat": 1, "bar": 4, "2bar": 8, "4bar": 16}


def _walk_option(option: walk_options.WalkOption) -> Param:
    """An option of one walk, as its signature states it."""
    about = option.option
    doc = f"{about.doc[:-1]}, in mode {option.walk}."
    if option.kind == "int":
        return _int(f"walk/{option.name}", option.default, int(about.low), int(about.high), doc)
    return _float(f"walk/{option.name}", option.default, about.low, about.high, doc)


def _bend(slot: str, op: str, layer: int) -> list[Param]:
    """One operation on feature maps."""
    return [
        Param(f"{slot}/op", "choice", op, "What is done to the feature maps of a layer.", choices=tuple(BENDS)),
        _int(f"{slot}/layer", layer, 1, LAYERS, "In which layer, from the coarsest; beyond the finest is the finest."),
        _float(f"{slot}/share", 1.0, 0, 1, "To what part of its maps, chosen at random."),
        _fader(f"{slot}/amount", -1, 1, "How much; at 0 the picture is as it was, bit for bit."),
    ]  # fmt: skip


def _slot(slot: str) -> list[Param]:
    """One translator after the picture."""
    return [
        _bool(f"{slot}/on", True, "Whether the picture goes through it."),
        Param(f"{slot}/network", "name", "", "Name of the translator that the picture goes through; '' for none."),
        _float(f"{slot}/strength", 1.0, 0, 1, "How much of it: 0 is the picture as it was.", smooth=0.08),
        _int(f"{slot}/style/a", 0, 0, STYLES - 1, "Its style, where it has several; a change glides in walk/glide."),
        _int(f"{slot}/style/b", 0, 0, STYLES - 1, "Style to mix with."),
        _fader(f"{slot}/style/mix", 0, 1, "From style a to style b."),
    ]  # fmt: skip


def _table() -> list[Param]:
    return [
        _int("seed", 0, 0, LARGEST, "The picture the walk starts from."),
        _choice("walk/mode", WALKS, "keyframes: seed, seed+1, ... in a loop; orbit: a circle around seed; drift:"
                " wandering around seed; plane: latent/x, latent/y; hold: seed itself; latent: latent/w or latent/z;"
                " the others: figures around seed."),
        _bool("walk/play", True, "Whether the walk moves."),
        _float("walk/speed", 0.25, -4, 4, "How fast the walk moves.", unit="pictures/s", smooth=0.15),
        _int("walk/count", 8, 2, 64, "Pictures in the loop of keyframes; the length of orbit and drift."),
        _float("walk/radius", 1.0, 0, 4, "How far orbit and drift go from seed.", smooth=0.1),
        *map(_walk_option, (option for option in walk_options.options() if option.played)),
        _float("walk/phase", 0.0, 0, 1, "Sets the place in the loop."),
        _float("walk/glide", 1.5, 0, 60, "How long a change of seed, class or mode takes.", unit="s"),
        _fader("latent/x", 0, 99, "Place on the plane of seeds x + 100 y."),
        _fader("latent/y", 0, 99, "Place on the plane of seeds x + 100 y."),
        Param("latent/z", "vector", (), "z to play in mode latent: z_dim numbers. Takes the place of latent/w."),
        Param("latent/w", "vector", (), "w or ws to play in mode latent: w_dim or num_ws x w_dim numbers. Takes the"
              " place of latent/z."),
        _float(
            "psi", walk_options.PSI, -2, 2, "Truncation: 0 the average picture, 1 the model's full range.", smooth=0.08
        ),
        _int("cutoff", 0, 0, 32, "Rows of ws, from the coarsest, that psi acts on; 0 is all."),
        _choice("noise/mode", NOISES, "const: as trained; none; boil: slowly moving; random: new in every frame."),
        _float("noise/amount", 1.0, 0, 4, "Strength of the noise.", smooth=0.08),
        _int("noise/seed", 0, 0, LARGEST, "Which noise boil and random show."),
        _float("noise/speed", 0.25, 0, 4, "How fast boil moves.", unit="turns/s", smooth=0.08),
        *[_int(f"style/{band}/seed", 0, 0, LARGEST, f"Picture whose {band} style is mixed in.") for band in BANDS],
        *[_fader(f"style/{band}/amount", 0, 1, f"How much of it, in the {band} rows.") for band in BANDS],
        _float("mix/amount", 1.0, 0, 1, "How much of all three styles.", smooth=0.08),
        _int("class/a", 0, 0, 1023, "Class shown by a model that has classes."),
        _int("class/b", 0, 0, 1023, "Class to mix with."),
        _fader("class/mix", 0, 1, "From class a to class b."),
        *[_fader(f"dir/{i}/amount", -10, 10, f"Strength of direction {i}, where the model has it.")
          for i in range(1, DIRECTIONS + 1)],
        *[param for slot, (op, layer) in enumerate(BEND_SLOTS, start=1) for param in _bend(f"bend/{slot}", op, layer)],
        *[_fader(f"place/{axis}", -1, 1, f"StyleGAN3: the picture moved {way}.", "widths")
          for axis, way in (("x", "right"), ("y", "down"))],
        _fader("place/rotate", -360, 360, "StyleGAN3: the picture turned, counter-clockwise.", "degrees"),
        _choice("source", ("generator", "input"), "What is shown: the model, or pictures that a browser sends."),
        _int("input/size", 256, 64, 1024, "Shorter side, in pixels, at which pictures that come in are drawn."),
        _bool("input/mirror", False, "Left and right exchanged, as in a mirror."),
        *[param for slot in range(1, SLOTS + 1) for param in _slot(f"then/{slot}")],
        *_sound(),
        _float("tempo/bpm", 120.0, 20, 300, "Beats per minute.", unit="bpm"),
        _choice("tempo/quantise", tuple(QUANTISE), "What presets, cues and model changes wait for."),
        _bool("master/blackout", False, "Black picture at once; everything goes on behind it."),
        _bool("master/freeze", False, "The picture stands still."),
        Param("master/fade", "float", 1.0, "Brightness: 1 is the full picture, 0 black.", smooth=0.4, follow="slew"),
    ]  # fmt: skip


def _sound() -> list[Param]:
    return [
        *[_float(f"audio/{band}", 0.0, 0, 1, f"Sound level, {band}, from an analyser.", smooth=0.02) for band in AUDIO],
        _fader("react/psi", -2, 2, "How much audio/rms adds to psi."),
        _fader("react/speed", -8, 8, "How much audio/low adds to the speed.", "pictures/s"),
        _fader("react/kick", -8, 8, "How much audio/onset adds to the speed.", "pictures/s"),
        _fader("react/style", -2, 2, "How much audio/mid mixes in of the middle style."),
        _fader("react/noise", -4, 4, "How much audio/high adds to the noise."),
    ]


TABLE: dict[str, Param] = {param.name: param for param in _table()}


@dataclass(frozen=True)
class Action:
    """Something to do once: an OSC address or a button, fired by no argument, True or a number other than 0.

    args: what may follow, as OSC type tags, optional ones after '|': 's|f' is a name and perhaps a number.
    """

    name: str
    doc: str
    args: str = ""


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action("seed/next", "The next seed."),
        Action("seed/prev", "The seed before."),
        Action("seed/random", "Any other seed."),
        Action("tempo/tap", "Tap the beat: the tempo follows the last taps, the bar starts at the first."),
        Action("tempo/resync", "The bar starts now."),
        Action("preset/store", "Keeps the parameters and the model under a name.", "s"),
        Action("preset/remove", "Deletes a preset.", "s"),
        Action("preset/recall", "Goes to a preset and its model; the number is the fade in seconds.", "s|f"),
        Action("preset/morph", "Sets the place between two presets: 0 the first, 1 the second.", "ssf"),
        Action("cue/go", "The next cue."),
        Action("cue/at", "A cue by its number, from 1, or its preset's name; cue/<id>/go does the same.", "s"),
        Action("cue/back", "The cue before."),
        Action("cue/stop", "Stops every fade where it is."),
        Action("model/load", "Loads a model and changes to it.", "s"),
        Action("model/preload", "Loads a model to be ready.", "s"),
        Action("rec/start", "Starts to record a take.", "|s"),
        Action("rec/stop", "Ends the take."),
        Action("rec/mark", "Leaves a mark in the take.", "|s"),
        Action("midi/learn", "The next MIDI controller that is moved plays this parameter or action.", "s"),
        Action("master/panic", "Stops walks and fades and returns to the safe parameters and the first model."),
    )
}


def defaults() -> dict[str, Value]:
    """Every parameter's default."""
    return {name: param.default for name, param in TABLE.items()}


def find(name: object) -> Param:
    """The parameter of that name. Raises SettingsError."""
    found = TABLE.get(name) if isinstance(name, str) else None
    if found is None:
        raise SettingsError(unknown("parameter", str(name)[:64], TABLE))
    return found


def schema() -> dict[str, Any]:
    """The table as JSON: {'params': [...], 'actions': [...]}, what panel and sketches are made from."""
    return {
        "params": [
            {
                "name": p.name, "type": p.kind, "default": p.default, "min": p.low, "max": p.high, "unit": p.unit,
                "smooth": p.smooth, "choices": p.choices, "group": p.group, "doc": p.doc,
            }
            for p in TABLE.values()
        ],
        "actions": [{"name": a.name, "args": a.args, "doc": a.doc} for a in ACTIONS.values()],
    }  # fmt: skip
