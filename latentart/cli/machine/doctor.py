"""latentart doctor: what is installed, what this machine can do, and what was chosen for a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from latentart.cli import _options as opt

if TYPE_CHECKING:
    from latentart.models.base import Generator

_USES = {"master": "films", "live": "on stage"}
_EXTRAS = {
    "cpu": ("openvino",),
    "ray": ("ray",),
    "live": ("starlette", "uvicorn", "websockets", "pythonosc", "simplejpeg"),
}


@click.command("doctor", short_help="What is installed, and how pictures are drawn here.")
@opt.network
@opt.device
@click.option("--again", is_flag=True, help="Measure again instead of showing what is remembered.")
def command(network: str | None, device: str | None, again: bool) -> None:
    """What is installed, what this machine can do, and how it draws a model.

    \b
    latentart doctor
    latentart doctor --network glyphs-64 --again
    """
    from latentart.models.load import load

    for label, value in _facts():
        click.echo(f"{label:12} {value}")
    G = load(network or "landscapes-256", device)
    click.echo(f"\n{G.name}, {G.img_size[1]}x{G.img_size[0]}, on {G.device.type}")
    for line in _choices(G, again):
        click.echo(line)


def _facts() -> Iterator[tuple[str, str]]:
    import platform
    import shutil

    import torch

    from latentart import cache
    from latentart.engine import machine
    from latentart.engine.routes import torch_compile

    for package, version in machine.versions().items():
        yield package, version or "not installed"
    for extra, modules in _EXTRAS.items():
        missing = ", ".join(name for name in modules if not _installed(name))
        yield f"extra {extra}", f"without {missing}: pip install 'latentart[{extra}]'" if missing else "installed"
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield "processor", f"{machine.processor()}, {torch.get_num_threads()} threads"
    cuda = torch.cuda.is_available()
    yield "GPU", machine.device_name(torch.device("cuda")) if cuda else "no CUDA device"
    yield "MPS", "yes (not tested on hardware)" if torch.backends.mps.is_available() else "no"
    compiler = next(filter(None, map(shutil.which, torch_compile.COMPILERS)), None)
    yield "compiler", f"{compiler} (not needed)" if compiler else "none (not needed)"
    yield "cache", str(cache.root())


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _choices(G: Generator, again: bool) -> Iterator[str]:
    from latentart import engine

    for precision, use in _USES.items():
        # What `latentart film` and `latentart live` ask for.
        noise = precision == "live" and bool(G.noise_shapes)
        made = engine.compile(G, output="uint8", precision=precision, noise_inputs=noise, again=again)
        yield f"  {precision} ({use}): {made.trial.name}, ready in {made.startup:.1f} s this time"
        for trial in made.trials:
            yield f"    {'*' if trial.name == made.trial.name else ' '} {trial}"
