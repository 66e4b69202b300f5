"""latentart bench: how fast this machine is with a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from latentart.cli import _options as opt

if TYPE_CHECKING:
    from latentart.bench import Figure


@click.command("bench", short_help="Measure this machine: pictures, films, live, projection.")
@opt.network
@opt.device
@click.option("--json", "target", type=click.Path(path_type=Path), metavar="FILE", help="Write the figures as JSON.")
@click.option("--chart", type=click.Path(path_type=Path), metavar="FILE", help="PNG chart, bench-NETWORK.png here.")
@click.option("--quick", is_flag=True, help="A tenth of the time, and rougher figures.")
@opt.overwrite
def command(
    network: str | None, device: str | None, target: Path | None, chart: Path | None, quick: bool, overwrite: bool
) -> None:
    """Measure how fast this machine is with a model, in about a minute. Leave the machine alone meanwhile.

    \b
    latentart bench
    latentart bench --network glyphs-64 --json bench.json
    """
    import json

    from latentart import bench, files
    from latentart.models.load import load

    picture = chart or Path(f"bench-{Path(network or 'landscapes-256').stem}.png")
    for path in (picture, target):
        if path is not None:
            files.check_target(path, overwrite=overwrite)
    G = load(network or "landscapes-256", device)
    measured = bench.measure(G, quick=quick, on_figure=_show)
    with files.part_file(picture, overwrite=overwrite) as part:
        bench.chart(measured).save(part, "PNG")
    if target is not None:
        files.write_text(target, json.dumps(bench.record(measured), indent=1) + "\n", overwrite=overwrite)
    click.echo("\n".join(("", *bench.title(measured), f"chart: {picture}")))


def _show(figure: Figure) -> None:
    value = f"{figure.value:8.1f} {figure.unit:10}" if not figure.why else f"{'-':>8} {'':10}"
    click.echo(f"{figure.what:24} {value}  {figure.why or figure.how}")
