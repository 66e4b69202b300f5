"""Draws the picture of docs/code.md, from the layers that the structure test holds: python -m docs.code_picture."""

from __future__ import annotations

from html import escape
from pathlib import Path

from tests.test_structure import LAYERS

TARGET = Path(__file__).parent / "images" / "code.svg"
WIDTH, MARGIN = 1200, 40
INK, QUIET, LINE, PAPER = "#1d2433", "#5d6880", "#c4cad8", "#ffffff"
BLUE, GREEN, ORANGE, PURPLE = "#e3edfb", "#e2f4ea", "#fdeedb", "#efe6fa"
FONT = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, DejaVu Sans, sans-serif'"

FLOW = [
    ("file", "any checkpoint", "", PAPER),
    ("Checkpoint", "tensors, config, sha256", "weights/", BLUE),
    ("Generator", "mapping, synthesis", "models/", BLUE),
    ("Path", "u → ws, frames, fps", "walks/ latent/", GREEN),
    ("frames", "uint8 [H, W, C]", "render/ engine/", GREEN),
    ("Translators", "img → img", "translators/", ORANGE),
    ("Sink", "write, close, abort", "sinks/", PURPLE),
]
CARRIED = ["bytes", "tensors", "z → ws", "ws [N, num_ws, w_dim]", "img in [-1, 1]", "frames"]

LIVE = [
    [
        ("datagram", "/latentart/psi 0.7", PAPER),
        ("osc.sockets", "burst of datagrams", BLUE),
        ("osc.dispatch", "address → parameter", BLUE),
        ("control.controller", "checked target, rev + 1", BLUE),
        ("play.supervisor", "operations, every 4 ms", GREEN),
    ],
    [
        ("play.renderer", "a process of its own", GREEN),
        ("play.instrument", "state → ws, noise, light", GREEN),
        ("play.painter", "engine, translators → uint8", GREEN),
        ("wire.ring", "shared memory", ORANGE),
        ("web.hub → viewer", "JPEG by WebSocket → pixel", PURPLE),
    ],
]

MEANING = {
    "errors": "messages, seeds, files, frame rates",
    "pixels": "pictures, films, settings records",
    "weights": "files → tensors",
    "models": "networks: latent → image, image → features",
    "latent": "latent arithmetic; image → image",
    "engine": "the fastest way to run a network",
    "walks": "paths, image → latent, images by optimization",
    "sinks": "where frames go",
    "render": "commands that write a file",
    "jobs": "long renders, live sets, training",
    "bench": "measurements",
    "cli": "commands, py5 sketches",
}


COLOURS = {
    **dict.fromkeys(("errors", "pixels", "weights"), BLUE),
    **dict.fromkeys(("models", "latent", "engine", "walks"), GREEN),
    **dict.fromkeys(("sinks", "render"), ORANGE),
    **dict.fromkeys(("jobs", "bench", "cli"), PURPLE),
}
"""A package of each layer -> the layer's colour."""


def text(x: float, y: float, content: str, size: int = 14, colour: str = INK, *, weight: int = 400,
         anchor: str = "middle", mono: bool = False) -> str:  # fmt: skip
    """One line of text."""
    font = "font-family='ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace'" if mono else FONT
    style = f"font-size='{size}' fill='{colour}' font-weight='{weight}' text-anchor='{anchor}'"
    return f"<text x='{x:.0f}' y='{y:.0f}' {font} {style}>{escape(content)}</text>"


def box(x: float, y: float, width: float, height: float, fill: str) -> str:
    """A rounded rectangle."""
    place = f"x='{x:.0f}' y='{y:.0f}' width='{width:.0f}' height='{height:.0f}'"
    return f"<rect {place} rx='9' fill='{fill}' stroke='{LINE}'/>"


def arrow(x: float, y: float, to: float) -> str:
    """A horizontal arrow."""
    return f"<path d='M{x:.0f} {y:.0f}H{to - 1:.0f}' stroke='{QUIET}' stroke-width='1.6' marker-end='url(#tip)'/>"


def heading(y: float, title: str, what: str) -> list[str]:
    """The title of a part and one line about it."""
    return [
        text(MARGIN, y, title, 20, weight=700, anchor="start"),
        text(MARGIN, y + 22, what, 14, QUIET, anchor="start"),
    ]


def flow(top: float) -> list[str]:
    """From a file to a film."""
    parts = heading(top, "The flow", "Films, pictures and live sets take the same way from a file to frames.")
    gap, y, height = 34.0, top + 62, 86.0
    width = (WIDTH - 2 * MARGIN - gap * (len(FLOW) - 1)) / len(FLOW)
    for i, (name, what, folder, fill) in enumerate(FLOW):
        x = MARGIN + i * (width + gap)
        parts += [box(x, y, width, height, fill), text(x + width / 2, y + 32, name, 17, weight=700)]
        parts += [text(x + width / 2, y + 52, what, 10, QUIET)]
        parts += [text(x + width / 2, y + 73, folder, 11, INK, mono=True)]
        if i:
            parts += [arrow(x - gap + 4, y + height / 2, x - 4)]
            parts += [text(x - gap / 2, y - 9 if i % 2 else y + height + 19, CARRIED[i - 1], 11, QUIET, mono=True)]
    return parts


def layers(top: float) -> list[str]:
    """The layers, the lowest at the bottom."""
    parts = heading(top, "The layers", "A module imports from its own layer and from those below, never from above.")
    y, height = top + 44, 34.0
    for number, names in reversed(list(enumerate(LAYERS))):
        fill = next(COLOURS[name] for name in COLOURS if name in names)
        listed = sorted(names)
        meaning = next((MEANING[name] for name in MEANING if name in names), "")
        parts += [box(MARGIN, y, WIDTH - 2 * MARGIN, height, fill), text(MARGIN + 22, y + 22, str(number), 13, QUIET)]
        parts += [text(MARGIN + 46, y + 22, " · ".join(listed), 14, INK, anchor="start", mono=True)]
        parts += [text(WIDTH - MARGIN - 18, y + 22, meaning, 13, QUIET, anchor="end")]
        y += height + 4
    return parts


def live(top: float) -> list[str]:
    """One parameter on its way."""
    parts = heading(
        top,
        "One live parameter, from datagram to pixel",
        "Modules of live/. The 95th percentile is 43 ms on two cores (benchmarks/live_browser.py).",
    )
    gap, height = 34.0, 66.0
    width = (WIDTH - 2 * MARGIN - gap * 4) / 5
    for line, row in enumerate(LIVE):
        y = top + 46 + line * (height + 40)
        for i, (name, what, fill) in enumerate(row):
            x = MARGIN + i * (width + gap)
            parts += [box(x, y, width, height, fill), text(x + width / 2, y + 28, name, 15, weight=700)]
            parts += [text(x + width / 2, y + 49, what, 12, QUIET)]
            if i:
                parts.append(arrow(x - gap + 4, y + height / 2, x - 4))
    middle, first, last = top + 46 + height + 20, MARGIN + width / 2, WIDTH - MARGIN - width / 2
    turn = f"M{last:.0f} {middle - 20:.0f}V{middle:.0f}H{first:.0f}V{middle + 19:.0f}"
    parts.append(f"<path d='{turn}' fill='none' stroke='{QUIET}' stroke-width='1.6' marker-end='url(#tip)'/>")
    parts.append(text(WIDTH / 2, middle - 5, "pipe between two processes", 12, QUIET))
    return parts


def picture() -> str:
    """The SVG."""
    layers_top = 286
    live_top = layers_top + 92 + 38 * len(LAYERS)
    height = live_top + 46 + 2 * 66 + 40 + 36
    point = f"<path d='M0 0L8 4L0 8z' fill='{QUIET}'/>"
    view = "viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'"
    tip = f"<marker id='tip' {view}>{point}</marker>"
    body = "\n".join([*flow(56), *layers(layers_top), *live(live_top)])
    ground = f"<rect width='{WIDTH}' height='{height}' fill='{PAPER}'/>"
    size = f"width='{WIDTH}' height='{height}' viewBox='0 0 {WIDTH} {height}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>\n<defs>{tip}</defs>\n{ground}\n{body}\n</svg>\n"


if __name__ == "__main__":
    TARGET.write_text(picture())
