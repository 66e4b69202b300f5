"""A remote that speaks OSC and nothing else, beside the picture that it plays.

    latentart live
    python sketches/remote.py [http://localhost:8317] [OSC port]

Faders set parameters under /latentart/n, where every one goes from 0 to 1; buttons fire actions. What it shows comes
back over the stream, so it stays right when somebody else plays. Any OSC program can do what this does: the
addresses are in docs/osc.md.
"""

import sys
from types import SimpleNamespace
from urllib.parse import urlsplit

import py5
from pythonosc.udp_client import SimpleUDPClient

from latentart.live.control.params import TABLE
from latentart.sketch import Live

URL = (sys.argv[1:2] or ["http://localhost:8317"])[0]
PORT = int((sys.argv[2:3] or ["9317"])[0])
FADERS = {
    "psi": "psi", "walk/speed": "speed", "walk/radius": "radius", "noise/amount": "noise",
    "style/coarse/amount": "coarse", "style/fine/amount": "fine", "master/fade": "light",
}  # fmt: skip
BUTTONS = {
    "seed/prev": "< seed", "seed/next": "seed >", "walk/play": "walk", "master/freeze": "freeze",
    "master/blackout": "black", "master/panic": "panic",
}  # fmt: skip
INK, SOFT, PLATE, GLOW, ALARM = "#F4F1EC", "#8C8985", "#17171B", "#FFB86B", "#FF5A52"
WIDTH, HEIGHT, EDGE, GAP = 1280, 720, 28, 12

live = Live(URL, control=False)
osc = SimpleUDPClient(urlsplit(URL).hostname or "localhost", PORT)
now = SimpleNamespace(held=None)


def settings() -> None:
    py5.size(WIDTH, HEIGHT)


def setup() -> None:
    py5.text_font(py5.create_font("SansSerif", 20))
    py5.no_stroke()


def places() -> dict[str, tuple[float, float, float, float]]:
    """(x, y, w, h) of everything that can be touched, by the name of what it plays."""
    left, right = HEIGHT + EDGE, WIDTH - EDGE
    wide = (right - left + GAP) / len(FADERS)
    found = {name: (left + i * wide, EDGE, wide - GAP, 430.0) for i, name in enumerate(FADERS)}
    wide = (right - left + GAP) / 3
    for i, name in enumerate(BUTTONS):
        found[name] = (left + i % 3 * wide, 512 + i // 3 * 96, wide - GAP, 84)
    return found


def draw() -> None:
    py5.background("#08080A")
    live.draw(0, 0, HEIGHT, HEIGHT)
    for name, place in places().items():
        (fader if name in FADERS else button)(name, *place)
    status()


def fader(name: str, x: float, y: float, w: float, h: float) -> None:
    """A strip of light, as high as the parameter."""
    share = TABLE[name].to_unit(live.get(name))
    py5.fill(PLATE)
    py5.rect(x, y, w, h, 10)
    py5.fill(INK if name == now.held else GLOW)
    py5.rect(x, y + h * (1 - share), w, h * share, 10)
    label(FADERS[name], x + w / 2, y + h + 22, 17, SOFT)


def button(name: str, x: float, y: float, w: float, h: float) -> None:
    on = name in TABLE and bool(live.get(name))
    py5.fill(GLOW if on else PLATE)
    py5.rect(x, y, w, h, 12)
    label(BUTTONS[name], x + w / 2, y + h / 2, 22, "#08080A" if on else ALARM if name == "master/panic" else INK)


def label(text: str, x: float, y: float, size: float, colour: str) -> None:
    py5.fill(colour)
    py5.text_size(size)
    py5.text_align(py5.CENTER, py5.CENTER)
    py5.text(text, x, y)


def status() -> None:
    if not live.connected:
        label("no live server yet", HEIGHT / 2, HEIGHT / 2, 24, SOFT)


def touched() -> str | None:
    """The name under the mouse."""
    for name, (x, y, w, h) in places().items():
        if x <= py5.mouse_x < x + w and y <= py5.mouse_y < y + h:
            return name
    return None


def mouse_pressed() -> None:
    held = now.held = touched()
    if held in FADERS:
        mouse_dragged()
    elif held in TABLE:
        osc.send_message(f"/latentart/{held}", 0 if live.get(held) else 1)
    elif held is not None:
        osc.send_message(f"/latentart/{held}", 1)


def mouse_dragged() -> None:
    if now.held in FADERS:
        _, y, _, h = places()[now.held]
        osc.send_message(f"/latentart/n/{now.held}", min(max(1 - (py5.mouse_y - y) / h, 0.0), 1.0))


def mouse_released() -> None:
    now.held = None


if __name__ == "__main__":
    try:
        py5.run_sketch()
    finally:
        live.close()
        py5.exit_sketch()
