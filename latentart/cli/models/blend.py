"""latentart blend: two checkpoints of one shape made into one."""

from __future__ import annotations

from pathlib import Path

import click

from latentart.cli import _options as opt


@click.command("blend", short_help="Make one checkpoint of two: layer swap, soft blend, average.")
@click.argument("first")
@click.argument("others", nargs=-1, required=True, metavar="OTHER[=AMOUNT[@LAYERS]]...")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), required=True, help="model.safetensors")
@opt.overwrite
def command(first: str, others: tuple[str, ...], target: Path, overwrite: bool) -> None:
    """Make one checkpoint of several that have one shape, such as a model and what it was trained into.

    OTHER=AMOUNT@LAYERS puts that much of the other into the named layers; others without an amount are averaged.
    In a film, --blend does the same over time.

    \b
    latentart blend faces.pkl cartoon.pkl=1@coarse -o toon.safetensors
    latentart blend faces.pkl cartoon.pkl=0.4@fine -o soft.safetensors
    latentart blend snapshot-1.pkl snapshot-2.pkl snapshot-3.pkl -o average.safetensors
    """
    from latentart.errors import SettingsError
    from latentart.files import check_target, part_file
    from latentart.latent import blending
    from latentart.models.load import build
    from latentart.weights import safe
    from latentart.weights.open import open_checkpoint

    check_target(target, overwrite=overwrite)
    if any("=" in other for other in others) and not all("=" in other for other in others):
        raise SettingsError(
            "some models have an amount and some have none: give one to each, or to none for an average"
        )
    made = open_checkpoint(first)
    if "=" in others[0]:
        G = build(made, "cpu")
        for note in map(blending.parse, others):
            made = blending.swapped(made, open_checkpoint(note.name), G, note)
    else:
        made = blending.average([made, *map(open_checkpoint, others)])
    with part_file(target, overwrite=overwrite) as part:
        safe.write(part, made)
    click.echo(target)
