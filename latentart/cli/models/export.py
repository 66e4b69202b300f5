"""latentart export: a network in the format of another program."""

from __future__ import annotations

from pathlib import Path

import click

from latentart.cli import _options as opt


@click.command("export", short_help="Write a network for a browser, ml5 or onnxruntime.")
@click.argument("network")
@click.option("--to", "to", default="onnx", show_default=True, help="onnx, pict, or a folder: page, sketch, ml5.")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), required=True, metavar="FILE|DIR")
@opt.overwrite
def command(network: str, to: str, target: Path, overwrite: bool) -> None:
    """Write a network in the format of another program, run it there and compare.

    \b
    latentart export mosaic26 --to onnx -o mosaic26.onnx
    latentart export my-run/style.safetensors --to ml5 -o my-style
    latentart export edges2shoes.pict --to pict -o copy.pict
    latentart export landscapes-256 --to onnx -o landscapes.onnx
    latentart export landscapes-256 --to page -o site
    latentart export landscapes-256 --to sketch -o my-sketch
    """
    from latentart.exports.export import export

    made = export(network, target, to, overwrite=overwrite)
    for line in made.words:
        click.echo(line)
    click.echo(f"{made.path}: compared with PyTorch, the largest difference is {made.difference:.1e} of 1")
