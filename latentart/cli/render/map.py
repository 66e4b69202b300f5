"""latentart map: a plane of pictures through a model's space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentart.cli import _options as opt
from latentart.cli._progress import progress
from latentart.latent.walk_options import PSI

if TYPE_CHECKING:
    from latentart.models.base import Generator
    from latentart.render.map import Map

PLANES = ("axes", "seeds", "classes", "latents")


@click.command("map", short_help="Draw a model's space as a plane of pictures, and a page to wander in.")
@opt.network
@click.option("--plane", type=click.Choice(PLANES), help="Two directions, seeds, classes or saved latents.")
@click.option("--axes", "names", nargs=2, metavar="ACROSS UP", help="Directions of the plane (default: the first two).")
@click.option("--reach", default=3.0, show_default=True, help="How far they go, in their units.")
@opt.seeds_option("Seeds to lay out (default 0-255); for axes and classes, the picture to begin from.")
@click.option("--class", "label", help="Class of the seeds or of the axes' picture.")
@click.option("--latents", multiple=True, metavar="FILE|DIR", help="Saved latents to lay out.")
@opt.trunc
@opt.directions
@click.option("--columns", type=int, help="Pictures across (default 15 for axes, 24 for classes).")
@click.option("--cell", default=96, show_default=True, help="Size of each picture.")
@opt.device
@click.option(
    "-o", "--output", "target", type=click.Path(path_type=Path), help="map.html, or map.png for the sheet alone."
)
@opt.overwrite
def command(network: str | None, device: str | None, target: Path | None, overwrite: bool, **wishes: Any) -> None:
    """Draw a model's space as a plane of pictures: a PNG, and one self-contained page to pan, zoom and click.

    \b
    latentart map --network landscapes-256
    latentart map --axes ember bright --seeds 46 -o ember.html
    latentart map --network glyphs-64 --plane classes -o letters.html
    """
    from latentart import provenance
    from latentart.files import check_target
    from latentart.models.load import load
    from latentart.render import map as maps
    from latentart.sinks.images import write_image

    name = network or "landscapes-256"
    target = check_target(target or Path("map.html"), overwrite=overwrite)
    page, picture = target.with_suffix(".html"), target.with_suffix(".png")
    check_target(picture, overwrite=overwrite)
    G = load(name, device)
    plane = _plane(G, name, wishes)
    with progress("map", "pictures") as report:
        sheet = maps.draw(G, plane, wishes["cell"], report)
    record = provenance.record(device=G.device, network=G.name, sha256=G.sha256, map=plane.title)
    click.echo(write_image(picture, sheet, settings=record, overwrite=overwrite))
    if target.suffix != ".png":
        click.echo(maps.write_page(page, plane, sheet, overwrite=overwrite))


def _plane(G: Generator, network: str, wishes: dict[str, Any]) -> Map:
    from latentart.latent import direction_files
    from latentart.render import map as maps

    kind = wishes["plane"] or ("latents" if wishes["latents"] else "axes")
    psi = PSI if wishes["psi"] is None else wishes["psi"]
    first = wishes["seeds"][0] if wishes["seeds"] else None
    if kind == "seeds":
        return maps.seeds(G, wishes["seeds"] or range(256), psi=psi, label=wishes["label"])
    if kind == "latents":
        return maps.latents(G, wishes["latents"])
    if kind == "classes":
        return maps.classes(G, columns=wishes["columns"] or 24, seed=15 if first is None else first, psi=psi)
    book = direction_files.of_network(G, network, wishes["directions"])
    named = [d.name for d in book.items[:2]] if len(book) > 1 else ["pca:1", "pca:2"]
    names = wishes["names"] or (named[0], named[1])
    columns = wishes["columns"] or 15
    return maps.axes(G, book, names, columns=columns, reach=wishes["reach"], seed=first, label=wishes["label"])
