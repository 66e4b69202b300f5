"""latentart style: pictures and films in the style of a painting, or drawn by a style network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentart.cli import _options as opt
from latentart.cli._progress import left_out, progress
from latentart.cli._search import reporting

if TYPE_CHECKING:
    from torch import Tensor

    from latentart.render.convert import Converted

SETTINGS = {"style_weight": "style", "content_weight": "content", "style_scale": "scale"}
"""Options whose names differ from those of the library."""
PAINTED = ("steps", "seed", "style", "content", "tv", "scale", "loss", "keep_colours", "init", "features")


@click.command("style", short_help="Give a picture or film the style of a painting.")
@click.argument("source", type=click.Path(path_type=Path), metavar="PICTURE|FILM|FOLDER")
@click.option(
    "--style",
    "specs",
    multiple=True,
    required=True,
    metavar="SPEC",
    help="A picture (more than one, with shares: a.jpg=0.7), or a network and its style: mosaic26:7.",
)
@click.option("--strength", type=float, default=1.0, show_default=True, help="0: as it came, 1: the full style.")
@click.option("--size", type=opt.Size(), help="Longest side, or WxH.  [paintings: 512 at most; else as it came]")
@click.option("--steps", type=int, help="Of painting.  [default: 200]")
@click.option("--seed", type=int, help="Names the noise of --init noise.  [default: 0]")
@click.option("--style-weight", type=float, help="Of the style against the content.  [default: 25]")
@click.option("--content-weight", type=float, help="Of the content.  [default: 1]")
@click.option("--style-scale", type=float, help="Size of strokes: that of the style picture.  [default: 1.25]")
@click.option("--tv", type=float, help="Smoothness.  [default: 0.3]")
@click.option("--loss", help="gram or wasserstein: how styles are compared.  [default: gram]")
@click.option(
    "--keep-colours",
    "--keep-colors",
    "keep_colours",
    is_flag=False,
    flag_value="luminance",
    help="luminance: the picture's colours, the painting's light; match: the style is recoloured first.",
)
@click.option(
    "--mask",
    "masks",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="White where the style goes: one for each --style, in their order.",
)
@click.option("--init", help="content or noise: where painting begins.  [default: content]")
@opt.features
@click.option("--smoothing", type=float, help="How much films from networks are calmed, 0 to 0.95.  [default: 0.8]")
@click.option("--tile", type=int, metavar="PIXELS", help="Networks draw larger pictures in tiles, to save memory.")
@click.option("--preview", type=click.Path(path_type=Path), metavar="FILE.png", help="Renewed while it paints.")
@click.option("--film", type=click.Path(path_type=Path), metavar="FILE.mp4", help="The painting as it comes to be.")
@click.option("--fps", help="Of a film, if not its own; of a folder that becomes one.  [default: 30]")
@click.option("--crf", type=int, help="Quality of a film's encoder: lower is better.")
@opt.ground
@opt.device
@click.option("-o", "--output", "target", required=True, metavar="FILE|FOLDER", help="What to write.")
@opt.overwrite
def command(source: Path, specs: tuple[str, ...], target: str, **options: Any) -> None:
    """Give a picture, a folder of pictures or a film the style of a painting, or of a style network.

    \b
    latentart style photo.jpg --style painting.jpg -o painted.png
    latentart style photo.jpg --style sky.jpg --style sea.jpg=0.5 --mask sky-mask.png -o painted.png
    latentart style photo.jpg --style mosaic26:7 --strength 0.6 -o mosaic.png
    latentart style clip.mp4 --style my-style.pth -o styled.mp4
    latentart style frames/ --style mosaic26:7 --fps 24 -o film.mp4

    Pictures are painted step by step, without training: Ctrl-C keeps the painting so far. Networks draw at once.
    """  # fmt: skip
    from latentart.errors import SettingsError
    from latentart.render import style

    given = {SETTINGS.get(name, name): value for name, value in options.items() if value not in (None, ())}
    pictures = [spec for spec in specs if style.is_picture(spec)]
    if pictures and len(pictures) < len(specs):
        raise SettingsError("pictures and networks together: give pictures, or one network")
    made = _paint(source, specs, target, given) if pictures else _draw(source, specs, target, given)
    said(made)


def _paint(source: Path, specs: tuple[str, ...], target: str, given: dict[str, Any]) -> Converted:
    """After pictures, step by step."""
    from latentart.errors import SettingsError
    from latentart.painting.goal import PaintingSettings, check
    from latentart.render import style

    if "smoothing" in given:
        raise SettingsError("--smoothing is for networks: painted films hold their strokes by themselves")
    if "tile" in given:
        raise SettingsError("--tile is for networks: a painted picture is painted whole")
    settings = check(PaintingSettings(strength=given.pop("strength"), **_taken(given, PAINTED)))
    styles = style.read_styles(specs, given.pop("masks", ()))
    preview, film = given.pop("preview", None), given.pop("film", None)
    if not _one_picture(source):
        if preview or film:
            raise SettingsError("--preview and --film show one picture being painted: give a picture")
        with progress(Path(target).name) as report:
            return style.paint_file(styles, source, target, settings, on_frame=report, **given)
    with watching(Path(target), preview, film, settings.steps, overwrite=given["overwrite"]) as on_step:
        return style.paint_file(styles, source, target, settings, on_step=on_step, **given)


def _draw(source: Path, specs: tuple[str, ...], target: str, given: dict[str, Any]) -> Converted:
    """By a network, at once."""
    from latentart.errors import SettingsError
    from latentart.render import style

    if len(specs) > 1:
        raise SettingsError(f"{len(specs)} networks: give one; styles of one network mix as in mosaic26:7=0.5+3=0.5")
    if wrong := sorted(set(given) & {*PAINTED, "masks", "preview", "film"}):
        spelled = {ours: word for word, ours in SETTINGS.items()} | {"masks": "mask"}
        name = spelled.get(wrong[0], wrong[0]).replace("_", "-")
        raise SettingsError(f"--{name} is for styles painted after a picture: leave it out")
    with progress(Path(target).name, "frames") as report:
        smoothing = given.pop("smoothing", 0.8)
        return style.draw_file(specs[0], source, target, smoothing=smoothing, on_frame=report, **given)


@contextmanager
def watching(
    target: Path, preview: Path | None, film: Path | None, steps: int, *, overwrite: bool
) -> Iterator[Callable[..., None]]:
    """An on_step for a bar, and for a preview picture and a film of the search where they are wanted."""
    from latentart import files, pixels
    from latentart.render import style

    if preview:
        files.check_target(preview, overwrite=overwrite)
    with ExitStack() as stack:
        show = stack.enter_context(reporting(1, preview or target.with_suffix(".preview.png")))
        keep = stack.enter_context(style.filmed(film, steps, overwrite=overwrite)) if film else None

        def on_step(done: int, total: int, draw: Callable[[], Tensor]) -> None:
            show(f"{done} of {total} steps", done / total, 1, (lambda: pixels.to_uint8(draw())[0]) if preview else None)
            if keep:
                keep(done, total, draw)

        yield on_step


def said(made: Converted) -> None:
    """What was made, and what was left out."""
    left_out(made.skipped)
    rate = f" at {float(made.fps):.6g} fps" if made.fps else ""
    count = f", {made.frames} {'frames' if made.fps else 'pictures'}{rate}" if made.frames > 1 or made.fps else ""
    click.echo(f"{made.target}: {made.size[0]}x{made.size[1]}{count}")


def _one_picture(source: Path) -> bool:
    from latentart import footage

    return not source.is_dir() and not footage.moves(source)


def _taken(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given.pop(name) for name in names if name in given}
