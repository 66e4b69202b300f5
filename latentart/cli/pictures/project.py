"""latentart project: your own pictures, folders and films into the latent space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentart.cli import _options as opt
from latentart.cli._progress import left_out, progress
from latentart.cli._search import Recorder, reporting

if TYPE_CHECKING:
    from latentart.projection.project import Projector
    from latentart.projection.settings import Settings
    from latentart.projection.target import Target

AT_ONCE = {"cpu": 4}
"""Pictures searched at the same time by default: more on a GPU."""


@click.command("project", short_help="Find the codes of your own pictures.")
@click.argument("paths", nargs=-1, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@opt.network
@click.option("--space", default="w+", show_default=True, help="w plays best, w+ looks closer.")
@click.option("--preset", default="standard", show_default=True, help="How much work: preview, standard, deep.")
@click.option("--seed", type=int, default=0, show_default=True, help="Names what is random in the search.")
@click.option("--noise", is_flag=True, help="Search noise maps too: fine detail that cannot be played.")
@click.option("--tune", is_flag=True, help="Bend the model toward each picture (kept in its bundle).")
@click.option("--align", is_flag=True, help="Find scale, shift and rotation of the picture too.")
@click.option("--mask", type=click.Path(path_type=Path), metavar="FILE|DIR", help="White where the picture counts.")
@click.option("--scribble", type=click.Path(path_type=Path), metavar="FILE|DIR", help="Colour strokes to follow (PNG).")
@click.option("--fit", default="crop", show_default=True, help="How to get to the model's size: crop, pad, stretch.")
@click.option("--features", default=None, metavar="NAME", help="vgg16-relu3_3 (ships), vgg16, alexnet, critic.")
@click.option("--batch", type=click.IntRange(1, 256), help="Pictures searched at the same time.")
@click.option("--film", is_flag=True, help="A film of each search: target | what was found so far.")
@click.option("--train-encoder", is_flag=True, help="Teach a network first guesses, once per model.")
@opt.device
@click.option(
    "-o", "--output", "--outdir", "folder", type=click.Path(path_type=Path), default=Path("projected"),
    metavar="DIR", help="Folder for results.  [default: projected]",
)  # fmt: skip
@opt.overwrite
def command(
    paths: tuple[Path, ...], network: str | None, device: str | None, folder: Path, features: str | None,
    train_encoder: bool, **options: Any,
) -> None:  # fmt: skip
    """Find codes that make the model draw your pictures: files, folders of pictures, or films.

    \b
    latentart project photo.jpg
    latentart project holiday/ --space w -o holiday-codes      run again, it does only what is missing
    latentart film --latents holiday-codes/ -o holiday.mp4
    latentart project clip.mp4 --preset preview                each frame begins at the one before

    Writes NAME.npz (key w, [1, num_ws, w_dim]; all that is needed to draw it again) and NAME.png
    (target | projection). Films become NAME.npz (all frames) and NAME.mp4.
    """
    from latentart import footage
    from latentart.errors import SettingsError
    from latentart.features.critic import NAME as CRITIC
    from latentart.features.critic import critic
    from latentart.features.load import SHIPPED
    from latentart.models.load import load
    from latentart.projection import batch as batches
    from latentart.projection.project import Projector
    from latentart.projection.settings import Settings, check

    names = ("preset", "space", "seed", "noise", "tune", "align")
    settings = check(Settings(**{name: options.pop(name) for name in names}))
    if not paths and not train_encoder:
        raise SettingsError("nothing to project: name pictures, folders or films")
    films = [path for path in paths if footage.moves(path)]
    beside = (options.pop("mask"), options.pop("scribble"))
    found = batches.jobs([path for path in paths if path not in films], *beside)
    network = network or "landscapes-256"
    G = load(network, device)
    batches.check_folder(folder)
    batches.check_results(found, folder, film=options["film"], overwrite=options["overwrite"])
    look = critic(network, G.device) if features == CRITIC else features or SHIPPED
    p = Projector.of(G, look, encoder="train" if train_encoder else "kept")
    _pictures(p, found, folder, settings, **options)
    for path in films:
        _clip(p, path, folder, settings, fit=options["fit"], overwrite=options["overwrite"])


def _pictures(
    p: Projector, found: list[Any], folder: Path, settings: Settings, *, fit: str, batch: int | None, film: bool,
    overwrite: bool,
) -> None:  # fmt: skip
    """Projects what is missing, a batch at a time; what is done is on the disk when a batch ends."""
    from latentart.errors import PictureError
    from latentart.projection import batch as batches

    todo = found if overwrite else batches.missing(found, folder, p.G, settings)
    if len(todo) < len(found):
        click.echo(f"{len(found) - len(todo)} of {len(found)} are there already", err=True)
    at_once = batch or AT_ONCE.get(p.G.device.type, 16)
    faults = []
    with reporting(len(todo), batches.preview_place(folder, found)) as report:
        for targets, unreadable in batches.groups(todo, p.G, fit, at_once):
            faults += unreadable
            left_out(unreadable)
            if targets:
                _batch(p, targets, folder, settings, film, report)
    if faults:
        raise PictureError(f"{len(faults)} of {len(found)} pictures could not be read: {faults[0]}")


def _batch(p: Projector, targets: list[Target], folder: Path, settings: Settings, film: bool, report: Any) -> None:
    """One batch: search, then for each picture the film, the side-by-side picture, and the bundle last."""
    from latentart.projection import batch as batches
    from latentart.projection import result
    from latentart.sinks.images import write_image

    recorder = Recorder(p.G, targets, report, keep=film)
    for target, made in zip(targets, p.project(targets, settings, recorder.on_step), strict=True):
        if film:
            recorder.write(target, made, folder / f"{target.name}.mp4")
        frame = batches.side_by_side(p.G, target, made)
        write_image(folder / f"{target.name}.png", frame, settings=made.settings, overwrite=True)
        # A bundle on the disk marks a picture as done.
        path = result.save(made, folder / f"{target.name}.npz", overwrite=True)
        losses = list(batches.describe(made)["losses"].values())
        click.echo(f"{path}: loss {losses[-1]:.4f}, strangeness {batches.describe(made)['strangeness']:.2f}")


def _clip(p: Projector, path: Path, folder: Path, settings: Settings, *, fit: str, overwrite: bool) -> None:
    """A film: all its frames in one bundle, and target | projection as a film."""
    from latentart.footage import open_footage
    from latentart.projection import batch as batches
    from latentart.projection import film as clips
    from latentart.projection import result
    from latentart.sinks.sink import open_sink

    target = folder / f"{path.stem}.npz"
    if target.exists() and not overwrite:
        click.echo(f"{target} is there already", err=True)
        return
    batches.check_result(folder / f"{path.stem}.mp4", path, overwrite=overwrite)
    frames, fps = clips.read_frames(path, p.G, fit=fit), open_footage(path).fps
    with progress(path.name) as report:
        ws = clips.project_clip(p, frames, settings, on_frame=report)
    made = clips.result(p, ws, settings, path.name, len(frames))
    with open_sink(folder / f"{path.stem}.mp4", fps=fps, settings=made.settings, overwrite=True) as sink:
        for i, frame in enumerate(frames):
            sink.write(batches.side_by_side(p.G, frame, result.Projection(ws[[i]])))
    click.echo(result.save(made, target, overwrite=True))
