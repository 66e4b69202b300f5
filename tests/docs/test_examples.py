"""Every example of help texts and pages: each is read by its command, and those that need no download run, small."""

from __future__ import annotations

import re
import shlex
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from layouts import pix2pix as layout

import latentart
from latentart.cli import group
from latentart.sinks.images import write_image

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHIPPED = ROOT / "checkpoints"


def lines_of_pages() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in re.findall(r"^    (latentart .*)$", text, re.MULTILINE):
            yield page.name, line


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for inner in command.list_commands(context):
            yield from commands(command.get_command(context, inner), inner)  # type: ignore[arg-type]


def lines_of_help() -> Iterator[tuple[str, str]]:
    for name, command in commands(group, "latentart"):
        for line in re.findall(r"^\s*(latentart .*)$", (command.help or "").replace("\\\n", " "), re.MULTILINE):
            yield f"{name} --help", line


def split(line: str) -> list[str]:
    """The words after 'latentart', without the remark behind them."""
    bare = re.split(r"\s{2,}(?! *--)|\s#", line.replace("[--json]", "--json"))[0]
    return shlex.split(bare)[1:]


EXAMPLES = sorted({tuple(split(line)) for _, line in (*lines_of_pages(), *lines_of_help())} - {()})


def of(words: tuple[str, ...]) -> tuple[click.Command, list[str], click.Context]:
    """The command that an example means, its arguments, its context."""
    command: click.Command = group
    context = click.Context(group)
    rest = list(words)
    while isinstance(command, click.Group):
        found = command.get_command(context, rest.pop(0))
        assert found is not None
        command, context = found, click.Context(found, parent=context)
    return command, rest, context


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that examples name: photographs, films, networks of every kind."""
    place = tmp_path_factory.mktemp("examples")
    ramp = np.linspace(0, 255, 48, dtype=np.uint8)
    picture = np.stack([ramp[None].repeat(48, 0), ramp[:, None].repeat(48, 1), np.full((48, 48), 90, np.uint8)], 2)
    pictures = (
        "photo.jpg painting.jpg sketch.png drawing.png sky.jpg sea.jpg shells.jpg meadow.jpg sky-mask.png labels.png"
    )
    for name in pictures.split():
        write_image(place / name, picture)
    write_image(place / "wall.png", picture)
    shutil.copy(place / "wall.png", place / "wall.tif")
    for folder in ("holiday", "horses", "set", "photos", "frames"):
        (place / folder).mkdir()
        for number in range(2):
            write_image(place / folder / f"{number}.png", picture)
    for name in ("clip.mp4", "walk.mp4"):
        with latentart.open_sink(place / name, fps=10) as sink:
            for _ in range(2):
                sink.write(picture)
    G = latentart.load("landscapes-256", "cpu")
    path = latentart.walks.orbit(G, seeds=[46], seconds=0.2, fps=10)
    with latentart.open_sink(place / "loop.mp4", fps=10) as sink:
        for frame in latentart.frames(G, path):
            sink.write(frame)
    (place / "holiday-codes").mkdir()
    np.savez(place / "holiday-codes" / "a.npz", w=path(np.array([0.0, 0.5])).numpy())
    for name in (
        "mine.pkl",
        "model.pkl",
        "face.pkl",
        "your-model.pkl",
        "ours.safetensors",
        "network-snapshot-000300.pkl",
    ):
        shutil.copy(SHIPPED / "landscapes-256.safetensors", place / name)
    shutil.copy(SHIPPED / "landscapes-256.directions.safetensors", place / "mine.directions.safetensors")
    shutil.copy(SHIPPED / "landscapes-256.directions.safetensors", place / "mine.safetensors")
    shutil.copy(SHIPPED / "waves.safetensors", place / "my-style.pth")
    torch.save(layout.shaken(layout.UNet(5, 2)).state_dict(), place / "latest_net_G.pth")
    return place


SMALL: dict[str, list[str]] = {
    "film": ["--seconds", "0.2", "--fps", "10", "--engine", "eager"],
    "images": [],
    "map": ["--columns", "3", "--cell", "32"],
    "style": [],
    "cartoon": [],
    "translate": [],
    "dream": ["--size", "48", "--steps", "1"],
    "show": [],
    "inspect": [],
    "convert": [],
}
"""Commands that run here, and what makes them small."""
NEEDS = re.compile(
    r"runs/|toon|edges2cats|label2city|whitebox|evening\.jsonl|smile|cartoon\.pkl|b\.pkl|\.toml|stylegan3|age\.npy|rosinality"
)
"""What nothing here can stand in for: these examples are read only."""


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_every_example_is_understood(words: tuple[str, ...], files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    command, rest, context = of(words)
    for name in [word for word in rest if word.endswith((".toml", "/")) and not Path(word).exists()]:
        rest = [str(ROOT / name) if word == name and (ROOT / name).exists() else word for word in rest]
    command.make_context(str(command.name), rest, parent=context.parent)


RUN = [
    words
    for words in EXAMPLES
    if of(words)[0].name in SMALL and words[0] != "train" and not NEEDS.search(" ".join(words))
]
SMALLER = {"1024x1024": "64x64", "1920x1080": "96x64", "512x512": "64x64", "even": "as-is", "4x1": "2x1", "1-16": "1-2"}


@pytest.mark.parametrize("words", RUN, ids=" ".join)
def test_light_examples_run(words: tuple[str, ...], files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    command, _, _ = of(words)
    more = list(SMALL[str(command.name)])
    if command.name == "style" and any(word.endswith((".jpg", ".png")) and ":" not in word for word in words[2:]):
        more += ["--steps", "1"] if any(w in ("painting.jpg", "sky.jpg") for w in words) else []
    if command.name == "dream" and "--film" in words:
        more += ["--seconds", "0.2", "--fps", "5"]
    if command.name in ("film", "images", "map", "style", "cartoon", "translate", "dream", "show", "convert"):
        more += ["--overwrite"]
    result = CliRunner().invoke(group, [*(SMALLER.get(word, word) for word in words), *more])
    assert result.exit_code == 0, result.output + repr(result.exception)


def snippets() -> Iterator[tuple[str, str]]:
    """Python of the pages that stands by itself: every block with an import of latentart, and the package's own."""
    for page in PAGES:
        for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", page.read_text(encoding="utf-8"), re.MULTILINE):
            code = textwrap.dedent(block)
            if re.match(r"\s*(import latentart|from latentart)", code) and not re.search(r"trainee|py5|placed", code):
                code = code.split("\nlatentart ")[0]
                yield page.name, code
    yield "latentart/__init__.py", textwrap.dedent(str(latentart.__doc__).split("\n\n", 1)[1].rsplit("\n\n", 1)[0])


QUICKER = [
    (r"seconds=\d+, fps=\d+", "seconds=0.2, fps=10"),
    (r'preset="standard"', 'preset="preview"'),
]


@pytest.mark.parametrize(
    ("page", "code"), [pytest.param(*each, id=f"{each[0]}-{n}") for n, each in enumerate(snippets())]
)
def test_snippets_run(page: str, code: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("photo.jpg", "clip.mp4"):
        shutil.copy(files / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    for pattern, short in QUICKER:
        code = re.sub(pattern, short, code)
    if "projected/" in code:
        Path("projected").mkdir()
        from latentart.projection import result

        for name in ("rocket", "coffee"):
            G = latentart.load("landscapes-256", "cpu")
            settings = {"checkpoint": {"name": G.name, "sha256": G.sha256}}
            found = result.Projection(G.w_avg.repeat(1, G.num_ws, 1), settings=settings)
            result.save(found, Path(f"projected/{name}.npz"))
    known: dict[str, Any] = {"latentart": latentart}
    if not re.search(r"^G = ", code, re.MULTILINE) and re.search(r"\bG\b", code):
        known["G"] = latentart.load("landscapes-256", "cpu")
    exec(compile(code, page, "exec"), known)
