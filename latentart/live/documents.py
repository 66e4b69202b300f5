"""Pages and scripts that are made from the parameter table: `python -m latentart.live.documents docs` writes them."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from latentart.live.control.params import ACTIONS, BENDS, LAYERS, QUANTISE, SLOTS, TABLE, Action, Param, schema
from latentart.live.osc.dispatch import ALIASES

_HEAD = """\
# What can be played

Made from the parameter table by `python -m latentart.live.documents docs`; the same table makes the panel, the OSC
tree, OSCQuery (`http://localhost:8317/latentart`), `/api/params` and the TouchOSC layout [touchosc.csv](touchosc.csv).

OSC comes in on port 9317. Each address below stands under `/latentart`, or `/la` for short: `/latentart/psi 0.8`.

- Under `/latentart/n/...` the same parameter takes 0 to 1, for faders.
- An address without arguments asks: the answer goes to where the question came from.
- Integers and floats are taken for each other; values out of range are clamped; NaN and infinity are refused;
  arguments too many are left out. A list takes its index as well as its word, a translator's slot 0 for none and
  1, 2 ... for the translators in order of name; where an action takes a text, the number 3.0 is the text 3.
- Actions that can do without arguments fire on none, True, or a number other than 0, so a button that sends 1 and 0
  fires once.
- Answers and echoes have the type of the table: float f, int i, True and False T and F, the rest s. OSC's i has 32
  bits and a sign: seeds from 2147483648 on are sent as the negative number of the same bits, 4294967295 as -1, and
  taken back as such.
- Patterns (`/la/dir/*/amount`) reach many addresses. What is in one bundle takes effect in one frame; a message in
  it that is refused leaves the others as they are. Time tags are not waited for.
- Changes are echoed to port 9318 of this machine, and to who asked with `/latentart/feedback/subscribe host port
  seconds`: its own host, for 60 seconds at most.
- Once a second the same listeners get `/latentart/status/heartbeat`, `fps`, `render_ms`, `dropped`, `viewers`,
  `model`, and the lengths of its latents, `z_dim`, `w_dim` and `num_ws`.
- `/latentart/error` and a text go to them for every message that is refused (an address that does not exist, a wrong
  type, an unknown preset) and for everything else that goes wrong.
- Other machines are heard after `--allow-osc` with their network; datagrams from elsewhere are counted
  (`osc_stranger` in the statistics) and logged once for each sender.
- `/latentart/ping 5` is answered by `/latentart/pong 5`. `/latentart/latent/xy x y` sets both.
- `/latentart/cue/3/go` and `/latentart/cue/NAME/go` go to a cue by its number, from 1, or its preset's name.
- `/latentart/layer/<n>/<op>` bends layer n, 1 the coarsest, in the operation's own unit: the first of the four bends
  that is at 0 takes it. With no argument it answers how much there is.
- `latent/z` and `latent/w` take numbers, or one blob of little-endian float32: z_dim of them, or w_dim or
  num_ws x w_dim; another length is refused. The newest of the two is played. OSCQuery, `/api/state` and the status
  tell the lengths of the model that plays.
"""


_LAYER = {
    "rotate": "Degrees, counter-clockwise.", "scale": "Octaves: 1 is twice as large.",
    "translate-x": "Parts of the width, to the right.", "translate-y": "Parts of the height, down.",
    "flip-x": "1 exchanges left and right.", "flip-y": "1 exchanges up and down.",
    "invert": "1 makes strong weak and weak strong.", "threshold": "Nothing below this part of the largest.",
    "ablate": "1 leaves nothing.", "gain": "Octaves: 1 doubles.", "blur": "Parts of the width.",
    "erode": "What is strong shrinks, in parts of the width.", "dilate": "What is strong grows, in parts of the width.",
}  # fmt: skip


def osc_page() -> str:
    """docs/osc.md."""
    parts = [_HEAD]
    for group, found in _groups():
        parts.append(f"\n## {group}\n\n| address | takes | default | |\n|---|---|---|---|\n")
        parts += [f"| `/{p.name}` | {_range(p)} | {_default(p)} | {_doc(p)} |\n" for p in found]
    parts.append("\n## Layers\n\n| address | takes | |\n|---|---|---|\n")
    parts += [
        f"| `/layer/1..{LAYERS}/{op}` | float, {-far:g} to {far:g} | {_LAYER[op]} |\n" for op, far in BENDS.items()
    ]
    parts.append("\n## Actions\n\n| address | arguments | |\n|---|---|---|\n")
    parts += [f"| `/{a.name}` | {_arguments(a)} | {a.doc} |\n" for a in ACTIONS.values()]
    parts.append("\n## Addresses of other tools\n\n| address | stands for |\n|---|---|\n")
    parts += [f"| `{alias}` | `/latentart/{name}` |\n" for alias, name in ALIASES.items()]
    parts.append('| `/query` | Runway: a JSON text such as `{"z": [...], "truncation": 0.8}` |\n')
    return "".join(parts)


def touchosc() -> str:
    """docs/touchosc.csv: one control per line."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["control", "name", "address", "type", "min", "max", "default"])
    for p in TABLE.values():
        if p.kind in ("float", "int"):
            rows.writerow(["fader", p.name, f"/latentart/{p.name}", p.kind[0], p.low, p.high, p.default])
        elif p.kind == "bool":
            rows.writerow(["toggle", p.name, f"/latentart/{p.name}", "i", 0, 1, int(bool(p.default))])
        elif p.kind == "choice":
            last = len(p.choices) - 1
            rows.writerow(["radio", p.name, f"/latentart/{p.name}", "i", 0, last, p.choices.index(str(p.default))])
    for a in ACTIONS.values():
        if not a.args.partition("|")[0]:
            rows.writerow(["button", a.name, f"/latentart/{a.name}", "i", 0, 1, 0])
    return text.getvalue()


def _groups() -> Iterator[tuple[str, list[Param]]]:
    for group in dict.fromkeys(p.group for p in TABLE.values()):
        yield group, [p for p in TABLE.values() if p.group == group]


def _range(p: Param) -> str:
    if p.kind == "choice":
        return ", ".join(p.choices)
    if p.kind in ("bool", "name", "vector"):
        return {"bool": "True, False", "name": "text", "vector": "numbers, or a blob"}[p.kind]
    return f"{p.kind}, {p.low:g} to {p.high if p.kind == 'int' else format(p.high, 'g')}"


def _default(p: Param) -> str:
    return "" if p.kind in ("name", "vector") else str(p.default)


def _doc(p: Param) -> str:
    unit = f" In {p.unit}." if p.unit else ""
    follow = "Slews" if p.follow == "slew" else "Follows"
    smooth = f" {follow} in {p.smooth:g} s." if p.smooth else ""
    return f"{p.doc}{unit}{smooth}"


def _arguments(a: Action) -> str:
    words = {"s": "text", "f": "number"}
    needed, _, optional = a.args.partition("|")
    return ", ".join([words[tag] for tag in needed] + [f"{words[tag]} if wanted" for tag in optional])


_PLAYED = ("seed", "walk", "latent", "psi", "cutoff", "noise", "style", "mix", "class", "dir", "audio", "react",
           "tempo", "master", "then")  # fmt: skip
"""Groups that a page can play without a server."""
_STAGE_ONLY = ("noise/seed", "noise/speed", *(f"then/{slot}/network" for slot in range(1, SLOTS + 1)))
_PAGE_ACTIONS = ("seed/next", "seed/prev", "seed/random", "tempo/resync", "cue/stop", "master/panic")


def page_script() -> str:
    """sketches/lib/latent.params.js: what a page plays, for the player that runs in it."""
    follow = {p.name: p.follow for p in TABLE.values()}
    played = [p for p in schema()["params"] if p["group"] in _PLAYED and p["name"] not in _STAGE_ONLY]
    for param in played:
        param["follow"] = follow[param["name"]]
        if param["name"] == "noise/mode":
            # Boiling and random noise would need every noise map as an input.
            param["choices"] = [choice for choice in param["choices"] if choice in ("const", "none")]
    actions = [action for action in schema()["actions"] if action["name"] in _PAGE_ACTIONS]
    made = "// Made from the parameter table by `python -m latentart.live.documents docs`.\n"
    lines = {"PARAMS": played, "ACTIONS": actions, "QUANTISE": QUANTISE}
    return made + "".join(f"export const {name} = {_rows(value)};\n" for name, value in lines.items())


def _rows(value: object) -> str:
    """JSON with one line for each item of a list."""
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + "".join(f"  {json.dumps(item)},\n" for item in value) + "]"


def main(folder: Path) -> None:
    """Writes all into a folder of documents and into the sketches beside it."""
    (folder.parent / "sketches/lib/latent.params.js").write_text(page_script(), encoding="utf-8")
    (folder / "osc.md").write_text(osc_page(), encoding="utf-8")
    (folder / "touchosc.csv").write_text(touchosc(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
