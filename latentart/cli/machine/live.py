"""latentart live: a generator as an instrument, played over OSC, WebSocket or the panel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from latentart.cli import _options as opt

PORT = click.IntRange(0, 65535)


@click.command("live", short_help="Play a generator live: OSC and WebSocket in, pictures out.")
@opt.network
@click.option(
    "--http-port", type=PORT, default=8317, show_default=True, help="Panel, stream, WebSocket; 0 takes a free one."
)
@click.option("--osc-port", type=PORT, default=9317, show_default=True, help="OSC in; 0 takes a free one.")
@click.option(
    "--osc-out-port", type=PORT, default=9318, show_default=True, help="OSC echo to this machine; 0 for none."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need --token.")
@click.option("--token", envvar="LATENTART_TOKEN", help="What other machines must know; 8 characters or more.")
@click.option("--allow-origin", "allow_origins", multiple=True, metavar="URL", help="Other sites whose pages may play.")
@click.option("--allow-osc", multiple=True, metavar="NETWORK", help="Who else may send OSC, such as 192.168.1.0/24.")
@click.option("--size", type=opt.Pair(), help="Size of the picture; the model's own by default.")
@click.option("--fps", default=60.0, show_default=True, help="Frames per second.")
@click.option("--threads", type=click.IntRange(1), help="Processor threads of the renderer; all but one by default.")
@click.option("--engine", metavar="CHOICE", help="How to draw, as `latentart bench` names it; the fastest by default.")
@opt.device
@click.option("--record", type=click.Path(path_type=Path), metavar="TAKE", help="Record a take, such as take.jsonl.")
@click.option("--replay", type=click.Path(path_type=Path), metavar="TAKE", help="Play a recorded take again.")
@click.option("--out", "outputs", multiple=True, metavar="OUTPUT", help="ndi, spout, syphon or camera as well.")
@click.option("--midi", metavar="PORT", help="Play from a MIDI controller: how its name begins, '' for the first.")
@click.option("--link", is_flag=True, help="Follow the tempo of Ableton Link.")
@click.option("--folder", type=click.Path(path_type=Path), default="live", show_default=True,
              help="Where presets, cues and takes are kept.")  # fmt: skip
@click.option("--open/--no-open", "open_page", default=True, help="Open the panel in the browser.")
def command(network: str | None, open_page: bool, **settings: Any) -> None:
    """Play a generator live.

    \b
    latentart live
    latentart live --network glyphs-64 --size 512x512 --record evening.jsonl
    latentart live --host 192.168.1.20 --token open-sesame --allow-osc 192.168.1.0/24
    """
    import asyncio
    import logging

    from latentart.errors import LatentartError

    try:
        from latentart.live.session import Session, SessionSettings
    except ModuleNotFoundError as error:
        raise LatentartError(f"the live server needs {error.name}: pip install 'latentart[live]'") from error
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    chosen = SessionSettings(network=network or "landscapes-256", sketches=_sketches(), **settings)
    session = Session(chosen, _say)
    asyncio.run(session.run(lambda address: _announce(address, session.osc.port, open_page)))
    if session.fault:
        raise click.ClickException(session.fault)


def _say(news: Mapping[str, Any]) -> None:
    """What the renderer chose, and that it died; faults are in the log already, which goes to the same place."""
    if "ready" in news:
        click.echo(f"playing {news['ready']['model']} on {news['ready']['device']}: {news['ready']['choice']}")
    elif "died" in news:
        click.echo("the renderer died: starting another where it was", err=True)


def _announce(address: str, osc_port: int, open_page: bool) -> None:
    click.echo(f"latentart live: {address}  (OSC in on port {osc_port}; Ctrl-C ends it)")
    click.echo("loading; the first time on a machine the fastest way to draw is looked for, which takes a while")
    if open_page:
        # A machine without a browser plays on.
        click.launch(address)


def _sketches() -> Path | None:
    """Those of the current folder where it has some, else the sketches that came with latentart."""
    from latentart.shipped import folders

    own = Path("sketches")
    return own if any(own.glob("*/index.html")) else next(iter(folders("sketches", "*.py")), None)
