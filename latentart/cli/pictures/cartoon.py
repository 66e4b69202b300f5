"""latentart cartoon: pictures and films as cartoons, drawn without a network or by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from latentart.cli import _options as opt
from latentart.cli._loaded import loaded
from latentart.cli._progress import left_out, progress


@click.command("cartoon", short_help="Make a cartoon of a picture, a folder or a film.")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option("-o", "--output", "target", required=True, type=click.Path(path_type=Path), metavar="OUT",
              help="A picture; a folder or a film for a folder; a film for a film.")  # fmt: skip
@click.option("--network", default="ink", show_default=True, metavar="FILE|FOLDER",
              help="White-box (.npz, tfjs), CartoonGAN, AnimeGANv2; ink needs no file.")  # fmt: skip
@click.option("--strength", type=float, default=1.0, show_default=True, help="0: as it came, 1: the full cartoon.")
@click.option("--lines", type=float, help="How dark ink's lines are, 0 to 2.  [default: 1]")
@click.option("--levels", type=int, help="How many steps of light ink has, 0 for none.  [default: 7]")
@click.option("--smoothness", type=float, help="How flat ink's surfaces are, 0 to 3.  [default: 1]")
@click.option("--smoothing", type=float, default=0.0, show_default=True, help="How much films are calmed, 0 to 0.95.")
@click.option("--size", type=opt.Pair(), help="Bring pictures to this size first; as they came by default.")
@opt.ground
@click.option("--fps", help="Of a film, if not its own; of a folder that becomes one.  [default: 30]")
@opt.device
@opt.overwrite
def command(
    source: Path, target: Path, network: str, strength: float, lines: float | None, levels: int | None,
    smoothness: float | None, smoothing: float, size: tuple[int, int] | None, ground: str | None, fps: str | None,
    device: str | None, overwrite: bool,
) -> None:  # fmt: skip
    """Make a cartoon of IN: a picture, a folder of pictures, or a film.

    Without --network it is drawn by ink: flat colours and lines, nothing to fetch. Networks of other projects have
    licences of their own, which are printed when they are loaded.

    \b
    latentart cartoon photo.jpg -o cartoon.png
    latentart cartoon photo.jpg --lines 1.5 --levels 5 -o comic.png
    latentart cartoon clip.mp4 --strength 0.8 -o cartoon.mp4
    latentart cartoon holiday/ --network whitebox.npz -o cartoons/
    """
    from latentart.render.convert import translate_file
    from latentart.translators.load import load_translator
    from latentart.translators.tasks import check_kind

    given: dict[str, Any] = {"lines": lines, "levels": levels, "smoothness": smoothness}
    T = load_translator(network, device, **{name: value for name, value in given.items() if value is not None})
    click.echo(loaded(check_kind(T, "cartoon", network)), err=True)
    with progress("drawing", "pictures") as report:
        made = translate_file(
            T,
            source,
            target,
            strength=strength,
            smoothing=smoothing,
            size=size,
            ground=ground,
            fps=fps,
            overwrite=overwrite,
            on_frame=report,
        )
    left_out(made.skipped)
    click.echo(made.target)
