"""latentart train: pix2pix on your own pairs, a style network from one painting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from latentart.cli import _options as opt
from latentart.cli._progress import left_out, progress
from latentart.cli.training import _gan
from latentart.cli.training._lines import progress_lines

if TYPE_CHECKING:
    from latentart.training.run import Trainee


@click.group("train", short_help="Train a GAN, pix2pix or a style on your own pictures.")
def command() -> None:
    """Train a network on your own pictures. Stop it whenever you like (Ctrl-C): the same command goes on where it was.

    The folder RUN then holds network.safetensors, which every command takes as --network or --style; preview.png and
    losses.png, renewed while it trains; previews/, metrics.jsonl, and state.safetensors, all it needs to go on.
    """


command.add_command(_gan.command)


def shared(function: Callable[..., None]) -> Callable[..., None]:
    """Options of every training."""
    options = [
        click.option("-o", "--output", "--outdir", "folder", type=click.Path(path_type=Path), required=True,
                     metavar="RUN", help="Folder of this training; one that holds a training goes on."),
        click.option("--start", metavar="NAME|FILE", help="Begin with a trained network of the same kind and width."),
        click.option("--batch", type=int, help="Pictures at a time."),
        click.option("--rate", type=float, help="Learning rate of Adam in the first half; then it falls to 0."),
        click.option("--ema", type=float, help="Averaging of weights."),
        click.option("--seed", type=int, help="Names all that is left to chance."),
        click.option("--bf16/--no-bf16", default=None, help="Half-size numbers: quicker on new processors and GPUs."),
        click.option("--minutes", type=float, help="Stop after this many minutes; the training can be resumed."),
        opt.device,
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@command.command(short_help="A network from A to B, from pairs of pictures.")
@click.option("--pairs", required=True, type=click.Path(path_type=Path), metavar="DIR",
              help="Files with A|B side by side, or folders A/ and B/ with equal names.")  # fmt: skip
@click.option(
    "--val", type=click.Path(path_type=Path), metavar="DIR", help="Pairs for previews; else a few are kept aside."
)
@click.option("--net", help="unet or resnet.  [default: unet]")
@click.option("--width", type=int, help="Channels after the first layer; 64 is pix2pix's.  [default: 32]")
@click.option("--size", type=int, help="Side of the pictures.  [default: 256]")
@click.option("--steps", type=int, default=20_000, show_default=True, help="Steps until it is done; may change.")
@click.option("--l1", type=float, help="Weight of the difference to B against the GAN's 1.  [default: 100]")
@click.option("--gan", help="vanilla or lsgan.  [default: vanilla]")
@click.option("--gan-after", type=float, help="Part of the steps on L1 alone first: quicker.  [default: 0]")
@click.option("--critic-width", type=int, help="Channels of the critic.  [default: 32]")
@click.option("--dropout/--no-dropout", default=None, help="Dropout in the middle, as pix2pix has.")
@click.option("--flip/--no-flip", default=None, help="Mirror pictures by chance: on.")
@click.option("--jitter/--no-jitter", default=None, help="Show another part each time: on.")
@click.option("--colour", type=float, help="Change colours by up to this part.  [default: 0]")
@click.option("--swap", is_flag=True, default=None, help="From B to A.")
@shared
def pix2pix(folder: Path, pairs: Path, val: Path | None, steps: int, minutes: float | None, device: str | None,
            **changes: Any) -> None:  # fmt: skip
    """Train pix2pix: GAN + L1 (Isola et al. 2017).

    \b
    latentart data openmoji -o emoji/
    latentart train pix2pix --pairs emoji/ -o runs/emoji --size 128 --width 16 --minutes 40
    latentart translate drawing.png --network runs/emoji/network.safetensors -o coloured.png
    """
    from latentart.training import pix2pix as training
    from latentart.training.run import Schedule

    settings = training.Settings(**{key: value for key, value in changes.items() if value is not None})
    schedule = Schedule(steps, minutes)
    with progress("reading pairs", "pairs") as report:
        trainee = training.trainee(settings, pairs, val, device=device, report=report)
    _left_out(trainee.seen.faults)
    apart = set(trainee.seen.names).isdisjoint(trainee.shown.names)
    aside = f"{len(trainee.shown)} aside for previews" if apart else "too few to keep some aside for previews"
    click.echo(f"{len(trainee.seen)} pairs to learn from, {aside}", err=True)
    _train(trainee, folder, schedule)


@command.command(short_help="A network that paints like one picture.")
@click.option("--image", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The painting.")
@click.option("--photos", type=click.Path(path_type=Path), metavar="DIR", help="Pictures to practise on.")
@click.option("--from", "generator", metavar="NAME|FILE", help="Practise on samples of a generator: landscapes-256.")
@click.option("--preset", default="balanced", show_default=True, help="How much work: quick, balanced, fine.")
@click.option("--width", type=int, help="Channels of the first layer: 8, 16, 32.")
@click.option("--size", type=int, help="Side of the pictures while it trains.")
@click.option("--steps", type=int, help="Steps until it is done; may change.")
@click.option("--style", type=float, help="Weight of the painting.  [default: 10]")
@click.option("--content", type=float, help="Weight of the photograph.  [default: 1]")
@click.option("--smooth", type=float, help="Weight of smoothness.  [default: 0.05]")
@click.option("--style-scale", type=float, help="Size of strokes: how large the painting is looked at.")
@opt.features
@click.option("--layout", help="examples, or ml5: for `latentart export --to ml5`.  [default: examples]")
@shared
def style(folder: Path, image: Path, photos: Path | None, generator: str | None, preset: str, steps: int | None,
          minutes: float | None, device: str | None, **changes: Any) -> None:  # fmt: skip
    """Train a style network from one painting (Johnson et al. 2016).

    \b
    latentart train style --image painting.jpg --from landscapes-256 -o runs/mine        no photographs needed
    latentart train style --image painting.jpg --photos holiday/ -o runs/mine --preset fine
    latentart style photo.jpg --style runs/mine/network.safetensors -o painted.png
    """
    from latentart.training import style as training
    from latentart.training.run import Schedule

    settings = training.preset(preset, **changes)
    schedule = Schedule(steps or training.PRESETS[preset].steps, minutes)
    with progress("reading photographs", "pictures") as report:
        trainee = training.trainee(settings, image, photos, generator, device=device, report=report)
    _left_out(trainee.photos.faults)
    _train(trainee, folder, schedule)


def _left_out(faults: Any) -> None:
    left_out(faults)
    if faults:
        click.echo(f"{len(faults)} left out in all", err=True)


def _train(trainee: Trainee, folder: Path, schedule: Any) -> None:
    from latentart.training import run

    ended = run.train(trainee, folder, schedule, progress_lines(schedule.minutes))
    click.echo(f"{ended.ended}: {folder / run.NETWORK}, {folder / run.PREVIEW}, {folder / run.LOSSES}")
