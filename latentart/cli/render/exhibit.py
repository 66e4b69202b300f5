"""latentart exhibit: a score in TOML, rendered into the files that a venue plays."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentart.cli import _options as opt
from latentart.cli._progress import progress
from latentart.errors import printable

if TYPE_CHECKING:
    from latentart.exhibition.score import Score
    from latentart.jobs.plan import Job
    from latentart.jobs.progress import Crew


@click.command("exhibit", short_help="Render an exhibition score into films, resumably.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--output", "output", type=click.Path(path_type=Path), default="exhibition", metavar="DIR",
              help="Folder for the films (default: exhibition).")  # fmt: skip
@click.option("--check", is_flag=True, help="Read the score, open its models, render nothing.")
@click.option("--plan", is_flag=True, help="Say what the render would take: frames, chunks, time, bytes.")
@click.option("--preview", is_flag=True, help="The first ten seconds as a small draft.")
@click.option("--workers", type=click.IntRange(0, 256), metavar="N", help="Processes; by default one for each core.")
@click.option("--ray", metavar="ADDRESS",
              help="Render on a Ray cluster: local, auto, HOST:6379 or ray://HOST:10001.")  # fmt: skip
@click.option("--resume/--fresh", default=True, help="Resume an unfinished render (default), or start again.")
@click.option("--envelopes", is_flag=True, help="Draw what is heard in the score's sound as NAME.envelopes.png.")
@click.option("--check-player", metavar="PROFILE", help="Whether a player can play the files: 'list' names them.")
@click.option("--schema", is_flag=True, help="Print a JSON schema of scores, for editors.")
@click.option("--upscale", type=click.Path(path_type=Path), metavar="FILE",
              help="An ESRGAN network that makes pictures larger, instead of resampling.")  # fmt: skip
@opt.device
@opt.overwrite
def command(
    file: Path | None,
    output: Path,
    check: bool,
    plan: bool,
    preview: bool,
    workers: int | None,
    ray: str | None,
    resume: bool,
    envelopes: bool,
    check_player: str | None,
    schema: bool,
    upscale: Path | None,
    device: str | None,
    overwrite: bool,
) -> None:
    """Render an exhibition score into films. Killed and started again, it goes on where it was.

    \b
    latentart exhibit exhibitions/landscapes.toml -o wall
    latentart exhibit exhibitions/triptych.toml --preview
    latentart exhibit exhibitions/triptych.toml --plan --workers 4
    latentart exhibit exhibitions/pulse.toml --envelopes
    latentart exhibit exhibitions/triptych.toml -o /shared/wall --ray auto
    """
    if schema:
        _print_schema()
        return
    if check_player == "list":
        _list_players()
        return
    score, file = _read(file, upscale, shared=ray is not None)
    if check_player:
        _check_player(score, check_player)
    elif check:
        _check(score, device)
    elif envelopes:
        _envelopes(score, file.stem, output, overwrite=overwrite)
    elif preview:
        _preview(score, file.stem, output, device, overwrite=overwrite)
    elif plan:
        _plan(score, file.stem, output, device, workers)
    else:
        how = {"fresh": not resume, "overwrite": overwrite}
        if ray:
            _render_on(ray, score, file.stem, output.absolute(), device, workers, **how)
        else:
            _render_here(score, file.stem, output, device, workers, **how)


def _read(file: Path | None, upscale: Path | None, *, shared: bool) -> tuple[Score, Path]:
    """The score and its file; shared: with whole paths, by which other machines find its files."""
    if file is None:
        raise click.UsageError("no score: give a file, such as exhibitions/landscapes.toml")
    from latentart.exhibition import parse

    score = parse.read(file.absolute() if shared else file)
    if upscale:
        score = replace(score, upscale=str(upscale.absolute() if shared else upscale))
    return score, file


def _render_here(score: Score, name: str, output: Path, device: str | None, workers: int | None, **how: bool) -> None:
    from latentart.exhibition import render
    from latentart.jobs.team import team

    count = render.default_workers(device) if workers is None else workers
    _render(render.make_job(score, name, output, device), team(count), f"{count} workers", **how)


def _render_on(
    address: str, score: Score, name: str, output: Path, device: str | None, workers: int | None, **how: bool
) -> None:
    from latentart.exhibition import render
    from latentart.jobs import cluster

    with cluster.connected(address, workers) as there:
        # Planned where it is drawn: the record names that device, and this machine loads no model.
        job = there.call(render.make_job, score, name, output, device)
        _render(job, there.render, f"{there.at_once} chunks at a time on Ray", **how)


def _render(job: Job, crew: Crew, who: str, **how: bool) -> None:
    from latentart.exhibition import render
    from latentart.jobs import run

    run.check_room(job.output, render.room(job))
    began = time.monotonic()
    try:
        with progress(job.name) as report:
            made = run.run(job, crew=crew, on_frames=report, **how)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted: the same command goes on from {str(job.folder)!r}") from None
    for film in made:
        click.echo(f"{film}: {_length(job)}")
    click.echo(f"{time.monotonic() - began:.0f} s with {who}", err=True)


def _length(job: Job) -> str:
    return f"{float(job.plan.frames / job.plan.fps):.2f} s, {job.plan.frames} frames at {job.plan.fps} fps"


def _check(score: Score, device: str | None) -> None:
    from latentart.exhibition.canvas import Exhibit

    source = Exhibit(score, device)
    source.sound()
    source.open().canvas(0)
    click.echo(f"{printable(score.title) or 'the score'}: {score.seconds:g} s, {score.frames} frames, no errors")


def _plan(score: Score, name: str, output: Path, device: str | None, workers: int | None) -> None:
    from latentart import files
    from latentart.exhibition import render

    team = render.default_workers(device) if workers is None else workers
    job = render.make_job(score, name, output, device)
    cost = render.cost(job, team)
    click.echo(f"{_length(job)}, {cost.chunks} chunks")
    for track in job.plan.tracks:
        again = f", {track.repeat} times" if track.repeat > 1 else ""
        click.echo(f"  {output / track.target}{again}")
    size, room = files.size_text(cost.bytes), files.size_text(cost.room)
    click.echo(f"about {_hours(cost.seconds)} with {team} workers, {size} in the end, {room} while it is made")


def _hours(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _preview(score: Score, name: str, output: Path, device: str | None, *, overwrite: bool) -> None:
    from latentart.exhibition import render

    with progress(f"{name} preview") as report:
        made = render.preview(score, name, output, device, overwrite=overwrite, on_frames=report)
    click.echo(str(made[0]))


def _envelopes(score: Score, name: str, output: Path, *, overwrite: bool) -> None:
    from latentart import files, provenance
    from latentart.errors import SettingsError
    from latentart.exhibition import envelopes as envelope
    from latentart.exhibition.canvas import Exhibit
    from latentart.sinks.images import write_image

    heard = Exhibit(score).sound()
    if heard is None:
        raise SettingsError("the score has no sound: add audio = 'track.wav'")
    output.mkdir(parents=True, exist_ok=True)
    target = output / f"{name}.envelopes.png"
    # One that this command made is renewed: a score is listened to many times.
    replaced = overwrite or provenance.is_of(target, "envelopes")
    files.check_target(target, overwrite=replaced)
    found = envelope.listen(heard, score.frames, score.rate)
    write_image(target, envelope.picture(found), settings={"envelopes": name}, overwrite=replaced)
    click.echo(f"{target}: {', '.join(found.values)} from top to bottom; {found.tempo:.1f} beats per minute")


def _check_player(score: Score, profile: str) -> None:
    from latentart.errors import SettingsError
    from latentart.exhibition import players

    found = players.check(score, profile)
    if found:
        raise SettingsError(f"{profile} will not play this well: {'; '.join(found)}")
    click.echo(f"{profile} plays this: {players.PLAYERS[profile].note}")


def _list_players() -> None:
    from latentart.exhibition import players

    for name, player in players.PLAYERS.items():
        unsure = f"; not verified: {player.unsure}" if player.unsure else ""
        click.echo(f"{name}: {player.note} ({player.source}{unsure})")


def _print_schema() -> None:
    from latentart.exhibition import parse
    from latentart.exhibition import schema as schemas

    found: dict[str, Any] = schemas.schema(parse.CHOICES)
    click.echo(json.dumps(found, indent=2))
