"""latentart export: a network in the format of another program."""

from __future__ import annotations

from pathlib import Path

import click

from latentart.cli import _options as opt


@click.command("export", short_help="Write a network for a browser, ml5 or onnxruntime.")
@click.argument("network")
@click.option("--to", "to", default="onnx", show_default=True, help="onnx, pict, or a folder: page, sketch, ml5.")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), required=True, metavar="FILE|DIR")
@click.option("--then", multiple=True, metavar="NAME[:STYLE][@STRENGTH]", help="For a page: a translator behind it.")
@click.option("--take", metavar="FILE", help="For a page: a performance that `latentart live` recorded, in a loop.")
@click.option("--webgpu", is_flag=True, help="For a page: with the player for WebGPU, 27 MB more.")
@opt.overwrite
def command(
    network: str, to: str, target: Path, then: tuple[str, ...], take: str | None, webgpu: bool, overwrite: bool
) -> None:
    """Write a network in the format of another program, run it there and compare.

    \b
    latentart export mosaic26 --to onnx -o mosaic26.onnx
    latentart export my-run/style.safetensors --to ml5 -o my-style
    latentart export edges2shoes.pict --to pict -o copy.pict
    latentart export landscapes-256 --to onnx -o landscapes.onnx
    latentart export landscapes-256 --to page -o site
    latentart export landscapes-256 --to page --then mosaic26:7@0.6 -o mosaic
    latentart export landscapes-256 --to sketch -o my-sketch
    """
    from latentart.exports.export import export

    played = None
    if take:
        from latentart.live.control.takes import read_take

        played = vars(read_take(take))
    made = export(network, target, to, overwrite=overwrite, then=then, take=played, webgpu=webgpu)
    for line in made.words:
        click.echo(line)
    click.echo(f"{made.path}: compared with PyTorch, the largest difference is {made.difference:.1e} of 1")
