"""latentart judge: how near a network's pictures are to those of a folder."""

from __future__ import annotations

from pathlib import Path

import click

from latentart.cli import _options as opt


@click.command("judge", short_help="Compare a network's pictures with a folder's.")
@click.option("--network", required=True, metavar="NAME|FILE", help="Checkpoint: a name of `weights list`, or a file.")
@click.option("--pictures", type=click.Path(path_type=Path), required=True, metavar="DIR", help="What it learned from.")
@click.option("--samples", type=int, default=2048, show_default=True, help="Samples, and at most as many pictures.")
@click.option("--seed", type=int, default=0, show_default=True, help="The first sample's seed; the others follow.")
@click.option("--shown", type=int, default=32, show_default=True, help="Samples shown beside the nearest picture.")
@click.option(
    "--features", default="vgg16-relu3_3", show_default=True, help="vgg16-relu3_3; after `weights pull`: vgg16."
)
@opt.device
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), metavar="DIR", help="For metrics and sheet.")
@opt.overwrite
def command(
    network: str, pictures: Path, samples: int, seed: int, shown: int, features: str, device: str | None,
    folder: Path | None, overwrite: bool,
) -> None:  # fmt: skip
    """Print KID, FID, precision and recall of a network, and write a sheet of samples beside their nearest picture.

    \b
    latentart judge --network runs/mine/network.safetensors --pictures set/ -o judged/
    """
    from latentart import judging
    from latentart.models.load import load

    if folder is not None:
        judging.check_folder(folder, overwrite=overwrite)
    G = load(network, device)
    found = judging.judge(G, pictures, samples=samples, features=features, seed=seed, shown=shown if folder else 0)
    for name, value in found.items():
        if isinstance(value, int | float):
            click.echo(f"{name:32} {value:.6g}")
    if folder is not None:
        judging.save(found, folder, {"network": G.name, "sha256": G.sha256}, overwrite=overwrite)
        click.echo(f"{folder}: metrics.json{', nearest.png' if shown else ''}")
