"""latentart translate: pictures and films through pix2pix, or any other network from picture to picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from latentart.cli import _options as opt
from latentart.cli._loaded import loaded
from latentart.cli._progress import left_out, progress


@click.command("translate", short_help="Draw from a sketch, a map or a photo: pix2pix on pictures and films.")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option("--network", required=True, metavar="FILE|NAME",
              help="A .pth of pix2pix, CycleGAN or pix2pixHD, a .pict, or any other translator.")  # fmt: skip
@click.option("-o", "--output", "target", required=True, type=click.Path(path_type=Path), metavar="OUT",
              help="A picture; a folder or a film for a folder; a film for a film.")  # fmt: skip
@click.option(
    "--strength", type=float, default=1.0, show_default=True, help="0 the picture as it came, 1 the network's."
)
@click.option("--dropout", is_flag=True, help="Leave out values by chance, as pix2pix was published; needs --seed.")
@click.option("--seed", type=int, help="Names what dropout leaves out.")
@click.option("--norm", help="Statistics of the batch norm: image (as pix2pix is meant) or stored.")
@click.option("--labels", type=int, help="pix2pixHD: how many label numbers it knows, where the file leaves it open.")
@click.option("--ml5-biases", is_flag=True, help="A .pict as ml5 played it, which forgot the encoder's biases.")
@click.option("--work-size", type=click.IntRange(0), metavar="PIXELS",
              help="Shorter side at which the network draws, 0: that of the picture.  "
              "[default: what it was trained at, where it draws well only there]")  # fmt: skip
@click.option("--size", type=opt.Pair(), help="Bring pictures to this size first; as they came by default.")
@opt.ground
@click.option("--fps", help="Of a film, if not its own; of a folder that becomes one.  [default: 30]")
@opt.device
@opt.overwrite
def command(
    source: Path, network: str, target: Path, strength: float, dropout: bool, seed: int | None, norm: str | None,
    labels: int | None, ml5_biases: bool, work_size: int | None, size: tuple[int, int] | None, ground: str | None,
    fps: str | None,
    device: str | None, overwrite: bool,
) -> None:  # fmt: skip
    """Translate IN (a picture, a folder of pictures, a film) with an image-to-image network.

    A U-Net draws well only at the size it was trained at: pictures are scaled to that, and the result is scaled back.
    pix2pixHD draws from maps of labels: give a grey PNG of label numbers.

    \b
    latentart translate sketch.png --network edges2cats_AC.pict -o cat.png
    latentart translate horses/ --network latest_net_G.pth -o zebras/
    latentart translate walk.mp4 --network latest_net_G.pth --strength 0.6 -o painted.mp4
    latentart translate labels.png --network label2city_net_G.pth -o street.png
    """
    from latentart.render.convert import translate_file
    from latentart.translators.load import load_translator

    given: dict[str, Any] = {"dropout": dropout, "seed": seed, "norm": norm, "labels": labels, "ml5_biases": ml5_biases,
             "work_size": work_size}  # fmt: skip
    # `is` because labels and work_size may be 0, which is no flag left out.
    T = load_translator(network, device, **{k: v for k, v in given.items() if v is not None and v is not False})
    click.echo(loaded(T), err=True)
    with progress("translating", "pictures") as report:
        made = translate_file(
            T,
            source,
            target,
            strength=strength,
            size=size,
            ground=ground,
            fps=fps,
            overwrite=overwrite,
            on_frame=report,
        )
    left_out(made.skipped)
    click.echo(made.target)
