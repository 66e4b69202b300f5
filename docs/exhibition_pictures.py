"""Makes the pictures of docs/exhibitions.md: moments of each exhibition, and what is heard in one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from latentart import pixels
from latentart.exhibition import envelopes, parse, render
from latentart.exhibition.canvas import Exhibit
from latentart.sinks.images import write_image

HERE = Path(__file__).parent
WIDE = 300
"""Pixels of one moment's longer side."""
MOMENTS = {"triptych": 3, "portrait": 6, "pulse": 6}


def scaled(file: Path) -> Exhibit:
    """The exhibition small enough for a page."""
    score = parse.read(file)
    render.PREVIEW_WIDTH = WIDE * score.size[0] // max(score.size) // 2 * 2
    return Exhibit(replace(render.preview_of(score)))


def moments(exhibit: Exhibit, count: int) -> pixels.Frame:
    """Frames spaced evenly, in one or two rows."""
    score, opened = exhibit.score, exhibit.open()
    frames = [opened.canvas((2 * n + 1) * score.frames // (2 * count)) for n in range(count)]
    return pixels.sheet(frames, 3 if score.size[0] >= score.size[1] else count, gap=3, background=255)


def main() -> None:
    """Every exhibition, then the envelopes of the drum."""
    folder = HERE / "images" / "exhibitions"
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted((HERE.parent / "exhibitions").glob("*.toml")):
        page = moments(scaled(file), MOMENTS.get(file.stem, 6))
        write_image(folder / f"{file.stem}.jpg", page, overwrite=True)
    score = replace(parse.read(HERE.parent / "exhibitions" / "pulse.toml"))
    heard = Exhibit(score).sound()
    assert heard is not None
    found = envelopes.listen(heard, score.frames, score.rate)
    write_image(folder / "envelopes.png", envelopes.picture(found, 920, 50)[:, :300], overwrite=True)


if __name__ == "__main__":
    main()
