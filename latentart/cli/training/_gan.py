"""latentart train gan: a generator from a folder of pictures."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from latentart.cli import _options as opt
from latentart.cli._progress import left_out, progress


@click.command("gan", short_help="A generator, from a folder of pictures.")
@click.option("--pictures", required=True, type=click.Path(path_type=Path), metavar="DIR",
              help="Folder of pictures, as `latentart data pictures` makes.")  # fmt: skip
@click.option("-o", "--output", "--outdir", "folder", type=click.Path(path_type=Path), required=True, metavar="RUN",
              help="Folder of this training; one that holds a training goes on.")  # fmt: skip
@click.option("--start", metavar="NAME|FILE|RUN", help="Begin with a trained network: ours, NVIDIA's, rosinality's.")
@click.option("--classes", is_flag=True, default=None, help="Labels from sub-folders.")
@click.option("--size", type=int, help="Longer side of the pictures.  [default: 64]")
@click.option("--init-res", type=opt.Pair(), metavar="WxH", help="First block; 7x4 gives 16:9.  [default: 4x4]")
@click.option("--channels", type=int, help="1 grey, 3 RGB, 4 RGBA.  [default: what the pictures have]")
@click.option("--net", help="stylegan2 or progan.  [default: stylegan2]")
@click.option("--critic", help="ada or projected.  [default: ada]")
@click.option("--loss", help="ns (non-saturating) or rp (relativistic pairing).  [default: ns]")
@click.option("--base", type=int, help="Feature maps of a block of r pixels are BASE / r ...")
@click.option("--most", type=int, help="... at most this many.")
@click.option("--latent", type=int, help="Length of z and w.")
@click.option("--mapping", type=int, help="Layers of the mapping network.  [default: 2]")
@click.option("--batch", type=int, help="Pictures of a step.  [default: 16]")
@click.option("--micro", type=int, help="Pictures at a time, for less memory; gradients are accumulated.")
@click.option("--checkpointing", is_flag=True, default=None, help="Recompute activations, for less memory.")
@click.option("--rate", type=float, help="Learning rate.  [default: 0.0025; 0.0002 with a projected critic]")
@click.option("--gamma", type=float, help="R1 weight, the first thing to turn.  [default: 0.0002 * pixels / batch]")
@click.option("--path", type=float, help="Path length regularisation; 0 for none.  [default: 2]")
@click.option("--ema", type=float, metavar="KIMG", help="Half-life of the average.  [default: batch * 10 / 32]")
@click.option("--mirror", is_flag=True, default=None, help="Mirror pictures by chance.")
@click.option("--augment", type=float, metavar="P", help="Fixed strength of augmentation, 0 for none; else adaptive.")
@click.option("--target", type=float, help="Overfitting at which augmentation rises.  [default: 0.6]")
@click.option("--mixing", type=float, help="Probability of style mixing.  [default: 0]")
@click.option("--fade", type=float, metavar="KIMG", help="Length of a progan's fades.  [default: by --kimg]")
@click.option("--freeze-d", type=int, metavar="N", help="Leave the N highest layers of the discriminator as they are.")
@click.option("--kimg", type=float, default=5000, show_default=True, help="Thousands of pictures until it is done.")
@click.option("--minutes", type=float, help="Stop after these minutes, to go on another time.")
@click.option("--overfit", "keep", type=int, metavar="N", help="Train on N pictures; report whether it learned them.")
@click.option("--find-rate", is_flag=True, help="Range test of the learning rate, about a minute, with a chart.")
@click.option("--judge", "judged", type=int, metavar="N",
              help="Samples of which KID is measured now and then; 0 for none.  [default: by device]")  # fmt: skip
@click.option("--seed", type=int, help="Names all that is random.")
@click.option("--bf16/--no-bf16", default=None, help="bfloat16: faster on GPUs and on new processors.")
@opt.device
def command(folder: Path, pictures: Path, kimg: float, minutes: float | None, find_rate: bool, judged: int | None,
            device: str | None, **changes: Any) -> None:  # fmt: skip
    """Train a generator on a folder of pictures: StyleGAN2-ADA (Karras et al. 2020).

    \b
    latentart data pictures holiday/ -o set/ --size 128
    latentart train gan --pictures set/ --size 128 -o runs/mine
    latentart train gan --pictures set/ --start landscapes-256 --size 256 -o runs/mine --minutes 60
    latentart film --network runs/mine/network.safetensors -o mine.mp4

    Stop it whenever you like (Ctrl-C): the same command continues. RUN holds network.safetensors and
    critic.safetensors (enough for --start RUN on another machine), state.safetensors (exact resume), preview.png,
    losses.png, metrics.jsonl, previews/ and learning.mp4.
    """
    from latentart.errors import SettingsError
    from latentart.training import gan
    from latentart.training.gan import growth, team

    if not (0 < kimg < math.inf):
        raise SettingsError(f"kimg {kimg!r} is no length of a training: give more than 0")
    settings = gan.Settings(**_given(changes))
    if settings.net == "progan" and changes["fade"] is None:
        settings = replace(settings, fade=growth.fitting(kimg, settings.blocks))
    group, device = team.join(device)
    with progress("reading pictures", "pictures") as report:
        learning = gan.trainee(settings, pictures, device, report, team=group, judged=judged)
    if group.rank == 0:
        _introduce(learning)
    if find_rate:
        _find_rate(learning, folder)
    else:
        _train(learning, folder, kimg, minutes)


def _given(changes: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in changes.items() if value is not None}
    if given.get("keep"):
        # Augmentation and path length regularisation are there to prevent what this check looks for.
        given = {"augment": 0.0, "path": 0.0} | given
    if "init_res" in given:
        given["init_res"] = given["init_res"][::-1]  # (height, width)
    return given


def _introduce(learning: Any) -> None:
    found, s = learning.found, learning.chosen
    left_out(found.faults)
    kind = {1: "grey", 3: "RGB", 4: "RGBA"}[s.channels]
    classes = f", {len(found.class_names)} classes" if found.class_names else ""
    height, width = s.shape
    sizes = " and ".join(f"{sum(p.numel() for p in net.parameters()) / 1e6:.1f} M" for net in (learning.G, learning.D))
    click.echo(f"{len(found)} pictures, {kind} {width}x{height}{classes}; generator and critic have {sizes} weights",
               err=True)  # fmt: skip
    for note in learning.begun.notes:
        click.echo(note, err=True)


def _train(learning: Any, folder: Path, kimg: float, minutes: float | None) -> None:
    from latentart.cli.training._lines import progress_lines
    from latentart.training import gan, run
    from latentart.training.gan import checks, film

    steps = max(1, math.ceil(kimg * 1000 / learning.chosen.batch))
    schedule = run.Schedule(steps, minutes, most=120.0)
    ended = gan.train(learning, folder, schedule, progress_lines(minutes))
    if ended is None:
        return
    film.write(folder)
    click.echo(f"{ended.ended}: {folder / run.NETWORK}, {folder / run.PREVIEW}, {folder / run.LOSSES}")
    if learning.chosen.keep:
        click.echo(str(checks.overfit(learning)))


def _find_rate(learning: Any, folder: Path) -> None:
    from latentart.training.gan import checks

    with progress("range test", "steps") as report:
        rate, chart = checks.find_rate(learning, folder, report=report)
    click.echo(f"--rate {rate:g} (chart: {chart})")
