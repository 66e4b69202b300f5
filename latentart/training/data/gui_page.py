"""One random interface as HTML: every part is drawn once as a flat labelled box and once as it looks.

The two pages have the same parts in the same places: a class on the body chooses which is seen.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from latentart import seeds

Rng = np.random.RandomState
T = TypeVar("T")

BOXES = {
    "bar": "#3d5a80", "card": "#e0e4ea", "title": "#293241", "text": "#98a3b3", "button": "#ee6c4d",
    "quiet": "#f4b6a4", "field": "#98c1d9", "slider": "#81b29a", "switch": "#3a9d6e", "item": "#c9b6e4",
    "image": "#f2cc8f", "icon": "#b56576", "chart": "#6d597a", "tab": "#5b8fb9",
}  # fmt: skip
"""The colour of each kind of part in the page of boxes: what a drawn sketch of an interface is made of."""

WORDS = (
    "Overview Atelier Signals Studio Voices Garden Tempo Orbit Layers Index Archive Palette Scores Currents Lumen"
    " Rooms Harbour Fields Notes Loops Motion Weather Ledger Transit Market Journal Gallery Routes Balance Sessions"
).split()
ACTIONS = "Continue Save Render Publish Invite Begin Export Open Share Connect Record Apply".split()
LINES = (
    "Everything in its place", "Last change a minute ago", "Three new since Monday", "Shared with five people",
    "Draws itself every night", "Ready when you are", "Two of nine are done", "Quiet hours from ten",
    "Keeps what you leave", "A slow fade into blue",
)  # fmt: skip
FONTS = (
    "Inter, system-ui, sans-serif", "'DejaVu Sans', Verdana, sans-serif", "'DejaVu Serif', Georgia, serif",
    "'Inter Display', Inter, sans-serif", "'DejaVu Sans Mono', monospace",
)  # fmt: skip


@dataclass(frozen=True)
class Theme:
    """Colours and manners of one interface; hues in degrees."""

    dark: bool
    hue: float
    accent: float
    radius: int
    font: str
    shadow: bool
    outline: bool

    def css(self) -> str:
        """As variables of the page."""
        tint = f"{self.hue:.0f} {8 if self.dark else 22}%"
        shades = (9, 14, 21, 30, 96, 66) if self.dark else (95, 100, 92, 84, 13, 44)
        names = ("ground", "plate", "raised", "line", "ink", "soft")
        colours = [f"--{name}: hsl({tint} {shade}%)" for name, shade in zip(names, shades, strict=True)]
        bright = 62 if self.dark else 50
        colours += [
            f"--glow: hsl({self.accent:.0f} 78% {bright}%)", f"--glow2: hsl({self.accent + 42:.0f} 80% {bright}%)",
            f"--on: hsl({self.accent:.0f} 30% {10 if self.dark else 99}%)", f"--r: {self.radius}px",
            f"--shadow: {'0 3px 12px #0004' if self.shadow else 'none'}",
            f"--edge: {'1px solid var(--line)' if self.outline else '0'}", f"--font: {self.font}",
        ]  # fmt: skip
        return "; ".join(colours)


def page(seed: int, number: int, size: int) -> str:
    """Interface `number` of a seed as a page of size x size pixels; class "boxes" on the body shows the boxes."""
    rng = seeds.stream(seed, number)
    theme = _theme(rng)
    body = _pick(rng, LAYOUTS)(rng)
    # Nothing else in the boxes could show whether it is day or night.
    ground = "#14171c" if theme.dark else "#ffffff"
    style = html.escape(f"{theme.css()}; --boxes: {ground}; zoom: {size / 256}")
    return f'<!doctype html><style>{CSS}</style><body style="{style}">{body}'


def _theme(rng: Rng) -> Theme:
    hue = rng.uniform(0, 360)
    accent = hue + _pick(rng, (0, 25, 150, 180, 210))
    radius = _pick(rng, (0, 4, 8, 8, 12, 16))
    dark, shadow, outline = (bool(rng.rand() < share) for share in (0.5, 0.6, 0.4))
    return Theme(dark, hue, accent, radius, _pick(rng, FONTS), shadow and not dark, outline or not shadow)


def _pick(rng: Rng, choices: Sequence[T]) -> T:
    return choices[rng.randint(len(choices))]


def part(kind: str, inner: str = "", style: str = "", more: str = "") -> str:
    """One part; in the page of boxes it is a flat box in the colour of its kind."""
    return f'<div class="p {kind} {more}" data-k="{kind}" style="{style}">{inner}</div>'


def _word(rng: Rng) -> str:
    return _pick(rng, WORDS)


def _title(rng: Rng, size: int = 13) -> str:
    return part("title", f"<span>{_word(rng)}</span>", f"font-size: {size}px; height: {round(size * 1.4)}px")


def _text(rng: Rng) -> str:
    return part("text", f"<span>{_pick(rng, LINES)}</span>")


def _button(rng: Rng, kind: str = "button") -> str:
    return part(kind, f"<span>{_pick(rng, ACTIONS)}</span>")


def _field(rng: Rng) -> str:
    return part("field", f"<span>{_word(rng).lower()}</span>")


def _slider(rng: Rng) -> str:
    at = rng.randint(15, 90)
    return part("slider", f'<i style="--at: {at}%"></i>')


def _switch(rng: Rng) -> str:
    word = f'<span class="label">{_word(rng)}</span>'
    return f'<div class="row between">{word}{part("switch", "<i></i>", more="on" if rng.rand() < 0.6 else "")}</div>'


def _icon(rng: Rng) -> str:
    return part("icon", "<i></i>", f"--turn: {rng.randint(0, 360)}deg", f"i{rng.randint(4)}")


def _item(rng: Rng) -> str:
    return part(
        "item", f"<b></b><span>{_word(rng)}</span><em>{rng.randint(1, 99)}</em>", f"--turn: {rng.randint(360)}deg"
    )


def _image(rng: Rng, height: int = 60) -> str:
    a, b = rng.randint(0, 360, 2)
    x, y = rng.randint(20, 80, 2)
    return part("image", "", f"height: {height}px; --a: {a}deg; --x: {x}%; --y: {y}%; --tilt: {b}deg")


def _chart(rng: Rng, height: int = 52) -> str:
    bars = "".join(f'<u style="height: {rng.randint(18, 100)}%"></u>' for _ in range(rng.randint(6, 13)))
    return part("chart", bars, f"height: {height}px")


def _tabs(rng: Rng) -> str:
    return '<div class="row">' + "".join(
        part("tab", f"<span>{_word(rng)}</span>", more="on" if i == 0 else "") for i in range(rng.randint(2, 4))
    ) + "</div>"  # fmt: skip


def _bar(rng: Rng) -> str:
    icons = "".join(_icon(rng) for _ in range(rng.randint(1, 4)))
    return part("bar", f'<span>{_word(rng)}</span><div class="row">{icons}</div>')


SMALL: tuple[Callable[[Rng], str], ...] = (_text, _field, _slider, _switch, _item, _item, _tabs)


def _card(rng: Rng) -> str:
    inner = [_image(rng, int(rng.randint(30, 64)))] if rng.rand() < 0.4 else []
    inner += [_title(rng, 11), *(_pick_part(rng) for _ in range(rng.randint(1, 3)))]
    return part("card", "".join(inner))


def _pick_part(rng: Rng) -> str:
    return _pick(rng, SMALL)(rng)


def _buttons(rng: Rng) -> str:
    return f'<div class="row">{_button(rng)}{_button(rng, "quiet")}</div>'


def _form(rng: Rng) -> str:
    """A sheet in the middle: title, fields, a slider or switch, buttons."""
    inner = [_title(rng, 16), _text(rng), *(_field(rng) for _ in range(rng.randint(1, 4)))]
    inner += [_slider(rng)] if rng.rand() < 0.5 else [_switch(rng)]
    width = rng.randint(164, 220)
    sheet = part("card", "".join([*inner, _buttons(rng)]), f"width: {width}px", "big")
    return f'<div class="fill middle">{sheet}</div>'


def _feed(rng: Rng) -> str:
    """A bar above, cards below in one or two columns."""
    columns = rng.randint(1, 3)
    cards = "".join(_card(rng) for _ in range(6))
    return f'<div class="fill">{_bar(rng)}<div class="grid" style="columns: {columns}">{cards}</div></div>'


def _board(rng: Rng) -> str:
    """A list at the side, a chart and cards beside it."""
    side = "".join([_title(rng, 12), *(_item(rng) for _ in range(rng.randint(4, 8))), _button(rng)])
    main = "".join([_title(rng, 15), _chart(rng, int(rng.randint(46, 84))), _tabs(rng), _card(rng), _buttons(rng)])
    width = rng.randint(86, 112)
    sides = [part("card", side, f"width: {width}px", "side"), f'<div class="column">{main}</div>']
    return f'<div class="fill row top">{"".join(sides if rng.rand() < 0.7 else sides[::-1])}</div>'


def _player(rng: Rng) -> str:
    """A large picture, a title, sliders and round buttons: an instrument."""
    icons = "".join(_icon(rng) for _ in range(rng.randint(3, 6)))
    sliders = "".join(_slider(rng) for _ in range(rng.randint(1, 4)))
    inner = [_image(rng, int(rng.randint(84, 128))), _title(rng, 15), _text(rng), sliders]
    return f'<div class="fill column pad">{"".join(inner)}<div class="row around">{icons}</div></div>'


def _settings(rng: Rng) -> str:
    """A bar, then rows of switches, sliders and fields."""
    rows = "".join(_pick(rng, (_switch, _switch, _slider, _field))(rng) for _ in range(rng.randint(4, 7)))
    inner = _title(rng, 14) + rows + _buttons(rng)
    return f'<div class="fill">{_bar(rng)}<div class="pad">{part("card", inner, "", "big")}</div></div>'


LAYOUTS: tuple[Callable[[Rng], str], ...] = (_form, _feed, _board, _player, _settings)

_FLAT = "".join(f".boxes .{kind} {{ background: {colour} !important }}" for kind, colour in BOXES.items())
CSS = (
    """
* { box-sizing: border-box; margin: 0 }
html, body { width: 256px; height: 256px; overflow: hidden }
body { font: 500 10px/1.3 var(--font); color: var(--ink); background: var(--ground) }
span, em { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; font-style: normal }
.fill { width: 256px; height: 256px; overflow: hidden; gap: 8px }
.middle { display: grid; place-items: center }
.row { display: flex; gap: 6px; align-items: center } .row > *, .card > *, .column > * { flex: none }
.row > .button, .row > .quiet, .row > .tab { flex: 0 1 auto; min-width: 0; padding: 0 9px }
.column > .row { min-width: 0 }
.between { justify-content: space-between; height: 18px } .around { justify-content: space-evenly }
.top { align-items: stretch; padding: 8px }
.column, .top > .column { display: flex; flex-direction: column; gap: 8px; flex: 1; min-width: 0; overflow: hidden }
.pad { padding: 12px } .grid { padding: 8px; column-gap: 8px } .grid > .card { break-inside: avoid; margin-bottom: 8px }
.label { color: var(--ink) }
.p { position: relative; overflow: hidden; border-radius: var(--r) }
.bar { height: 34px; border-radius: 0; padding: 0 10px; display: flex; justify-content: space-between;
  align-items: center; background: var(--plate); border-bottom: 1px solid var(--line); font-weight: 700;
  font-size: 13px; letter-spacing: -.02em }
.card { background: var(--plate); border: var(--edge); box-shadow: var(--shadow); padding: 8px; display: flex;
  flex-direction: column; gap: 7px } .card.big { padding: 14px; gap: 10px } .card.side { height: 100% }
.title { font-weight: 700; letter-spacing: -.02em; display: flex; align-items: center; border-radius: 0 }
.text { color: var(--soft); height: 13px; border-radius: 0; display: flex; align-items: center }
.button, .quiet { height: 24px; padding: 0 12px; display: grid; place-items: center; font-weight: 650; min-width: 58px }
.button { background: linear-gradient(180deg, var(--glow), color-mix(in srgb, var(--glow) 86%, #000)); color: var(--on);
  box-shadow: var(--shadow) }
.quiet { background: var(--raised); border: var(--edge); color: var(--ink) }
.field { height: 24px; background: var(--ground); border: 1px solid var(--line); padding: 0 8px; display: flex;
  align-items: center; color: var(--soft) }
.slider { height: 16px; background: none; border-radius: 8px }
.slider i { position: absolute; inset: 5px 0; border-radius: 3px;
  background: linear-gradient(90deg, var(--glow) var(--at), var(--raised) var(--at)) }
.slider i::after { content: ""; position: absolute; left: calc(var(--at) - 7px); top: -4px; width: 14px; height: 14px;
  border-radius: 50%; background: var(--ink); box-shadow: 0 1px 4px #0006 }
.switch { width: 30px; height: 17px; border-radius: 9px; background: var(--line) }
.switch.on { background: var(--glow) }
.switch i { position: absolute; inset: 2px auto 2px 2px; width: 13px; border-radius: 7px; background: #fff;
  box-shadow: 0 1px 3px #0005 } .switch.on i { left: 15px }
.item { height: 21px; display: flex; gap: 6px; align-items: center; padding: 0 5px; border-radius: calc(var(--r) / 2);
  border-bottom: 1px solid var(--line) } .item em { margin-left: auto; color: var(--soft); font-size: 9px; flex: none }
.item b { width: 13px; height: 13px; border-radius: 35%; flex: none;
  background: linear-gradient(135deg, var(--glow), var(--glow2)); filter: hue-rotate(var(--turn)) }
.image { background: radial-gradient(circle at var(--x) var(--y), var(--glow2), transparent 42%),
  linear-gradient(var(--tilt), var(--glow), var(--raised)); filter: saturate(.9) }
.icon { width: 22px; height: 22px; border-radius: 50%; background: var(--raised); display: grid; place-items: center }
.icon i { width: 9px; height: 9px; background: var(--ink); border-radius: 2px } .icon.i1 i { border-radius: 50% }
.icon.i2 i { background: none; border: 2px solid var(--ink); border-radius: 50% }
.icon.i3 { background: var(--glow) } .icon.i3 i { background: var(--on); clip-path: polygon(15% 0, 100% 50%, 15% 100%) }
.chart { display: flex; gap: 4px; align-items: flex-end; background: var(--plate); border: var(--edge); padding: 8px }
.chart u { flex: 1; border-radius: 3px 3px 0 0; background: linear-gradient(180deg, var(--glow), var(--glow2)) }
.tab { padding: 0 7px; height: 19px; display: grid; place-items: center; color: var(--soft); border-radius: 0;
  border-bottom: 2px solid transparent; max-width: 62px } .tab.on { color: var(--ink); border-color: var(--glow) }
.boxes { background: var(--boxes) }
.boxes .p { border: 0 !important; box-shadow: none !important; border-radius: 2px !important; filter: none }
.boxes span, .boxes em, .boxes b, .boxes i, .boxes u { visibility: hidden }
"""
    + _FLAT
)
