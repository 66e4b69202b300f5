"""latentart directions: find the handles of a model, look at them, name them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentart.cli import _options as opt
from latentart.cli._progress import progress

if TYPE_CHECKING:
    from latentart.latent.directions import Directions
    from latentart.models.base import Generator

directions_file = click.option(
    "--directions", "file", type=click.Path(path_type=Path), metavar="FILE", help="The file they are kept in."
)


@click.group("directions", short_help="Find, show and name the handles of a model.")
def command() -> None:
    """Find, show and name the handles of a model: directions in its latent space that change pictures alike.

    Films, stills and the live panel use them by name: latentart film --edit pca:3=0..2..0
    """


@command.command(short_help="Find directions, measure them, draw a sheet.")
@opt.network
@click.option("--pca", "pca_count", default=10, show_default=True, help="Principal axes of W (GANSpace).")
@click.option("--sefa", "sefa_count", default=4, show_default=True, help="Closed-form axes of each layer group (SeFa).")
@click.option("--layer", multiple=True, metavar="b8.conv1", help="Principal axes of a layer's activations, too.")
@click.option("--from", "sources", multiple=True, metavar="FILE", help="Another tool's: .npy, .npz, factor.pt.")
@click.option("--between", nargs=2, metavar="DIR DIR", help="From one folder of projections to another.")
@click.option("--orthogonal-to", "apart", metavar="FILE", help="Directions whose share is taken out of all found.")
@click.option("--samples", default=200_000, show_default=True, help="Latents that the axes of W are found from.")
@click.option("--keep", default=20, show_default=True, help="How many of the best to keep.")
@click.option("--pictures", default=6, show_default=True, help="Pictures that each is measured on.")
@directions_file
@click.option("--sheet", type=click.Path(path_type=Path), help="The contact sheet, a PNG beside the file by default.")
@opt.device
@opt.overwrite
def find(network: str | None, device: str | None, **wishes: Any) -> None:
    """Find directions, make equal amounts look equal, rank them, and draw one row for each, -3 to +3.

    \b
    latentart directions find --network landscapes-256 --directions mine.safetensors
    latentart directions find --network face.pkl --pca 0 --sefa 0 --between plain/ smiling/
    """
    from latentart.errors import SettingsError
    from latentart.features.load import lpips
    from latentart.files import check_target
    from latentart.latent import direction_files
    from latentart.latent.discovery import calibrate
    from latentart.models.load import load

    name = network or "landscapes-256"
    G = load(name, device)
    target = check_target(wishes["file"] or direction_files.place(G, name), overwrite=wishes["overwrite"])
    sheet = check_target(wishes["sheet"] or target.with_suffix(".png"), overwrite=wishes["overwrite"])
    book = _candidates(G, wishes)
    if not len(book):
        raise SettingsError("no directions were asked for: leave out --pca 0 --sefa 0, or give --from or --between")
    place = calibrate.ground(G, lpips(device=G.device), wishes["pictures"])
    with progress("directions", "measured") as report:
        book = calibrate.ranked(calibrate.calibrated(place, book, on_done=report))
    book = book.like(book.items[: wishes["keep"]])
    _write_sheet(G, book, sheet, [3, 11, 20], overwrite=wishes["overwrite"])
    click.echo(direction_files.write(target, book, overwrite=wishes["overwrite"]))
    click.echo(sheet)
    _list(book)


@command.command(short_help="List a model's directions, draw their sheet.")
@opt.network
@directions_file
@opt.seeds_option("Pictures to draw them on.")
@opt.trunc
@click.option("--class", "classes", help="Class of those pictures.")
@click.option("--only", multiple=True, metavar="NAME", help="Only these.")
@click.option("--each", is_flag=True, help="One row for each picture and direction, instead of one for each direction.")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Draw the sheet into this file.")
@opt.device
@opt.overwrite
def show(network: str | None, device: str | None, file: Path | None, **wishes: Any) -> None:
    """List a model's directions: effect of one unit (LPIPS), cleanness, unit in standard deviations, sign.

    \b
    latentart directions show
    latentart directions show --seeds 44 -o sheet.png
    """
    from latentart.files import check_target
    from latentart.latent import walk_options

    if wishes["target"]:
        check_target(wishes["target"], overwrite=wishes["overwrite"])
    G, book, _ = _open(network, device, file)
    if wishes["only"]:
        book = book.like([book[name] for name in wishes["only"]])
    _list(book)
    if wishes["target"]:
        seeds = list(wishes["seeds"] or (3, 11, 20))
        options = {
            "psi": walk_options.PSI if wishes["psi"] is None else wishes["psi"],
            "classes": wishes["classes"],
            "each": wishes["each"],
        }
        _write_sheet(G, book, wishes["target"], seeds, overwrite=wishes["overwrite"], **options)
        click.echo(wishes["target"])


@command.command(short_help="Give directions names.")
@opt.network
@directions_file
@click.argument("names", nargs=-1, required=True, metavar="OLD=NEW...")
def rename(network: str | None, file: Path | None, names: tuple[str, ...]) -> None:
    """Give directions names that describe what they do; the old name goes on being understood.

    \b
    latentart directions rename --directions mine.safetensors pca:1=dusk sefa:middle:2=mist
    """
    from latentart.errors import SettingsError
    from latentart.latent import direction_files

    pairs = dict(name.partition("=")[::2] for name in names)
    if not all(pairs.values()):
        raise SettingsError(f"cannot read {' '.join(names)!r}: write OLD=NEW")
    _, book, path = _open(network, "cpu", file)
    click.echo(direction_files.write(path, book.renamed(pairs), overwrite=True))


@command.command(short_help="Rank single style channels (StyleSpace).")
@opt.network
@click.option("--count", default=24, show_default=True, help="How many of the strongest.")
@opt.seeds_option("Pictures to measure and draw them on.")
@click.option("--class", "classes", help="Class of those pictures.")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Draw a sheet into this file.")
@opt.device
@opt.overwrite
def channels(network: str | None, device: str | None, count: int, target: Path | None, **wishes: Any) -> None:
    """Rank single style channels by how much of the picture they move, each with the --bend that plays it.

    \b
    latentart directions channels --count 12 -o channels.png
    """
    from latentart import provenance
    from latentart.latent import space
    from latentart.latent.discovery import stylespace
    from latentart.models.load import load
    from latentart.render import direction_sheet
    from latentart.sinks.images import write_image

    G = load(network or "landscapes-256", device)
    seeds = wishes["seeds"] or (3, 11, 20, 46)
    mixes = space.parse_classes(G, wishes["classes"])[:1] if wishes["classes"] else [{0: 1.0}] if G.c_dim else []
    ws = space.to_ws(G, space.z_of(G, seeds), space.c_of(G, mixes * len(seeds)), psi=0.7)
    found = stylespace.ranked(G, ws, count=count)
    for channel in found:
        click.echo(f"--bend {channel.bend(2):30} effect {channel.effect:.4f}")
    if target:
        frame = direction_sheet.channels(G, found, ws)
        record = provenance.record(device=G.device, network=G.name, sha256=G.sha256, seeds=list(seeds))
        click.echo(write_image(target, frame, settings=record, overwrite=wishes["overwrite"]))


def _open(network: str | None, device: str | None, file: Path | None) -> tuple[Generator, Directions, Path]:
    """The model, its directions and their file. Raises SettingsError when it has none."""
    from latentart.errors import SettingsError
    from latentart.latent import direction_files
    from latentart.models.load import load

    name = network or "landscapes-256"
    G = load(name, device)
    path = file or direction_files.beside(G, name)
    if path is None:
        raise SettingsError(f"{G.name} has no directions yet: run 'latentart directions find --network {name}' once")
    return G, direction_files.read(path, G.num_ws, G.w_dim), path


def _candidates(G: Generator, wishes: dict[str, Any]) -> Directions:
    """Everything that was asked for, not yet measured."""
    from latentart.latent import direction_files, directions, saved
    from latentart.latent.axes import sefa

    items = []
    if wishes["pca_count"]:
        items += directions.pca(G, count=wishes["pca_count"], samples=wishes["samples"]).items
    for layer in wishes["layer"]:
        items += directions.pca(G, count=wishes["pca_count"] or 10, layer=layer).items
    for group in sefa.groups(G) if wishes["sefa_count"] else ():
        items += directions.sefa(G, count=wishes["sefa_count"], layers=group).items
    for source in wishes["sources"]:
        items += direction_files.read(source, G.num_ws, G.w_dim).items
    if wishes["between"]:
        sets = [saved.read_all([folder], G.num_ws, G.w_dim) for folder in wishes["between"]]
        items.append(directions.between(Path(wishes["between"][1]).stem or "between", *sets))
    if wishes["apart"]:
        others = direction_files.read(wishes["apart"], G.num_ws, G.w_dim).items
        items = [directions.orthogonal(item, others, G.num_ws) for item in items]
    return directions.Directions(items, network=G.name, sha256=G.sha256)


def _write_sheet(
    G: Generator, book: Directions, target: Path, seeds: list[int], *, overwrite: bool, **options: Any
) -> None:
    from latentart import provenance
    from latentart.render import direction_sheet
    from latentart.sinks.images import write_image

    frame = direction_sheet.sheet(G, book, seeds, **options)
    record = provenance.record(device=G.device, network=G.name, sha256=G.sha256, seeds=seeds)
    write_image(target, frame, settings=record, overwrite=overwrite)


def _list(book: Directions) -> None:
    click.echo(f"{'name':22} {'from':18} {'layers':8} {'effect':>7} {'clean':>6} {'unit':>7}  plus is")
    for d in book:
        unit = f"{d.unit:.2f} sd"
        line = f"{d.name:22} {d.source:18} {d.layers:8} {d.effect:7.3f} {d.clean:6.2f} {unit:>7}  {d.sign}"
        click.echo(line + (f" ({d.note})" if d.note else ""))
