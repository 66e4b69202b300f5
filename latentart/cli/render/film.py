"""latentart film: a looping latent walk, rendered into one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentart.cli import _options as opt
from latentart.cli._progress import progress

if TYPE_CHECKING:
    from latentart.render.film import Film, Rendered

SEEDS = (46, 10, 3, 44, 11, 36, 21)


@click.command("film", cls=opt.Grouped, short_help="Render a looping latent walk into a film.")
@opt.network
@opt.seeds_option(f"Keyframes of the walk, for example 3,11,20.  [default: {','.join(map(str, SEEDS))}]")
@click.option("--latents", "--projected-w", multiple=True, metavar="FILE|DIR", help="Saved latents as keyframes.")
@opt.classes
@opt.walk
@click.option("--seconds", type=float, help="Length of the loop.  [default: 10]")
@click.option("--fps", help="Frames per second: 30, 29.97, 24000/1001.  [default: 30]")
@opt.trunc
@opt.cutoff
@opt.walk_options
@click.option("--mix-seed", type=int, help="Style mixing: a seed whose style is laid over the walk.")
@click.option("--mix-layers", help="Rows it gives: coarse, middle, fine or 8-13.  [default: fine]")
@opt.edits
@opt.directions
@click.option(
    "--truncate", multiple=True, metavar="CENTRE=PSI[@LAYERS]", help="In the place of psi: modes:16=0.5..0.9."
)
@click.option("--bend", "bends", multiple=True, metavar="OP=AMOUNT@LAYER|FILE.toml", help="rotate=0..40..0@b16.conv1")
@click.option("--blend", metavar="MODEL=AMOUNT[@LAYERS]", help="Towards a model of the same shape: b.pkl=0..1@fine.")
@click.option("--translate", metavar="X,Y", help="StyleGAN3: moved by picture widths, such as 0..0.2..0,0.")
@click.option("--rotate", metavar="DEGREES", help="StyleGAN3: turned, such as 0..15..0, or 0..360 for a whole turn.")
@click.option("--tiles", type=opt.Pair(), metavar="ACROSSxDOWN", help="Wider than the model: the walk side by side.")
@click.option("--wrap", help="What repeats without a seam: none, across, down, both.  [default: none]")
@opt.then
@click.option("--pace", help="as-is, or even: at constant speed for the eye.  [default: as-is]")
@opt.noise_mode
@click.option("--noise-seed", type=int, help="Names the noise of --noise-mode random.  [default: 0]")
@click.option("--size", type=opt.Pair(), help="Size of the film.  [default: the model's own]")
@click.option("--fit", help="How to get there: crop, pad or stretch.  [default: crop]")
@click.option(
    "--format",
    "format_name",
    help="h264, hevc, av1, prores4444, vp9a, ffv1, ffv1-16, png16, tiff16.  [default: by the ending]",
)
@click.option("--crf", type=int, help="Quality of the encoder: lower is better.  [default: the format's, h264 16]")
@click.option("--preset", help="Speed of the encoder, for example slow.  [default: the format's, h264 faster]")
@click.option("--like", type=click.Path(path_type=Path), metavar="FILE", help="Settings of an earlier film or picture.")
@click.option("--take", type=click.Path(path_type=Path), metavar="TAKE", help="A performance of `latentart live`.")
@opt.ground
@opt.device
@click.option("--engine", "engine_name", help="How to draw: eager, 'openvino f32'...  [default: the fastest]")
@click.option(
    "-o",
    "--output",
    "target",
    metavar="FILE|DIR/",
    help="loop.mp4, loop.gif, loop.webp, frames/ ...  [default: a name in films/]",
)
@click.option("--outdir", type=click.Path(path_type=Path), help="Folder for a film named after its settings.")
@opt.overwrite
def command(
    target: str | None,
    outdir: Path | None,
    like: Path | None,
    device: str | None,
    engine_name: str | None,
    overwrite: bool,
    format_name: str | None,
    crf: int | None,
    preset: str | None,
    ground: str | None,
    take: Path | None,
    **settings: Any,
) -> None:
    """Render a looping latent walk into a film.

    \b
    latentart film --seeds 3,11,20 --seconds 4 --fps 30 --trunc 0.8 -o loop.mp4
    latentart film --network glyphs-64 --seeds 7 --class A-Z --size 512x512 -o alphabet.mp4
    latentart film --walk drift --pace even --size 1024x1024 -o drift.webp
    latentart film --seeds 46 --walk orbit --edit pca:2=0..2..0 --edit sefa:middle:4=1 -o edited.mp4
    latentart film --walk drift --seeds 46 --tiles 4x1 --wrap across -o panorama.mp4
    latentart film --seeds 46,10,3 --then style:mosaic26:7@0.6 --then cartoon -o painted.mp4
    latentart film --like loop.mp4 --size 1920x1080 -o big.mp4
    latentart film --take evening.jsonl --size 1024x1024 -o evening.mp4
    """
    from latentart.models.load import load
    from latentart.render import film as films

    given = {name: value for name, value in settings.items() if value not in (None, ())}
    if "bends" in given:
        given["bends"] = _bends(given["bends"])
    if take is not None:
        sink = {"format": format_name, "crf": crf, "preset": preset, "overwrite": overwrite}
        _take(take, target, given, device, engine_name, {k: v for k, v in sink.items() if v is not None})
        return
    film, sha256 = _film(like, given)
    films.check(film)
    _say_what_stands_still(film)
    where = target or str((outdir or Path("films")) / _name(film))
    choices: dict[str, Any] = {"format": format_name, "crf": crf, "preset": preset, "ground": ground}
    options = {name: value for name, value in choices.items() if value is not None}
    G = load(film.network, device)
    if "network" not in given:
        films.check_same(G, sha256)
    if like is None and not {"seeds", "latents"} & set(given):
        film = films.matched_seeds(film, G)
    if target is None:
        Path(where).parent.mkdir(parents=True, exist_ok=True)
    with progress(Path(where).name) as report:
        made = films.render(
            film, where, G=G, engine=engine_name or "auto", overwrite=overwrite, on_frame=report, **options
        )
    if made.engine:
        click.echo(f"engine: {made.engine}", err=True)
    click.echo(_summary(made))


def _take(
    source: Path,
    target: str | None,
    given: dict[str, Any],
    device: str | None,
    engine: str | None,
    sink: dict[str, Any],
) -> None:
    """A recorded performance, rendered with every frame it had."""
    from latentart.errors import SettingsError
    from latentart.live.control.takes import read_take
    from latentart.live.play.replay import render_take
    from latentart.models.load import load

    if others := sorted(set(given) - {"network", "size"}):
        raise SettingsError(f"a take decides its pictures itself: leave out --{others[0].replace('_', '-')}")
    take = read_take(source)
    G = load(given.get("network") or take.source(take.network), device)
    where = target or f"{source.stem}.mp4"
    with progress(Path(where).name) as report:
        film = render_take(take, where, G=G, size=given.get("size"), only=engine, on_frame=report, **sink)
    click.echo(f"{film}: {take.num_frames} frames at {take.fps:g} fps")


def _film(like: Path | None, given: dict[str, Any]) -> tuple[Film, str]:
    """The film asked for, and the sha256 its checkpoint must have ('' when that is open)."""
    from dataclasses import replace

    from latentart.render import film as films

    if like is not None:
        film, sha256 = films.like(like)
        return replace(film, **given), sha256
    film = films.Film(**given)
    if not film.seeds and not film.latents:
        film = replace(film, seeds=SEEDS)
    if _stands_still(film) and not ({"walk", *KEYFRAMES} & set(given)):
        click.echo(f"one seed: an orbit around {film.seeds[0]} (--walk keyframes stands still)", err=True)
        film = replace(film, walk="orbit")
    return film, ""


KEYFRAMES = ("interp", "easing", "space")
"""Options that ask for keyframes."""


def _stands_still(film: Film) -> bool:
    """Whether a film of keyframes has one only, and nothing else that moves."""
    one = film.walk == "keyframes" and len(set(film.seeds)) == 1 and not film.latents
    alone = not film.classes or not any(sign in film.classes for sign in ",-")
    moves = film.edits or film.truncate or film.bends or film.blend or film.translate or film.rotate or film.then
    return one and alone and not moves and film.noise_mode != "random"


def _say_what_stands_still(film: Film) -> None:
    if _stands_still(film):
        click.echo(
            "one keyframe: every picture of this film is the same; more --seeds or --walk orbit move it", err=True
        )


def _bends(given: tuple[str, ...]) -> tuple[str, ...]:
    """Lines as they are, TOML files as the lines in them."""
    from latentart.latent.bending import read_toml

    lines = [read_toml(text) if text.endswith(".toml") else [text] for text in given]
    return tuple(line for some in lines for line in some)


def _name(film: Film) -> str:
    """landscapes-256-keyframes-3-11-20.mp4"""
    seeds = "-".join(map(str, film.seeds[:6])) or "latents"
    return f"{Path(film.network).stem}-{film.walk}-{seeds}.mp4"


def _summary(made: Rendered) -> str:
    length = float(made.frames / made.fps)
    rate = f"{float(made.fps):.6g}"
    return (
        f"{made.target}: {length:.2f} s, {made.frames} frames at {rate} fps, {made.size[0]}x{made.size[1]}, "
        f"rendered at {made.frames / made.seconds:.1f} frames per second"
    )
