"""The `latentart` command. One file of a sub-folder is one command: its `command` is a click command."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from importlib import import_module
from types import FrameType

import click

from latentart import __version__, folder
from latentart.errors import LatentartError, out_of_memory, printable, unknown

HEADINGS = {
    "render": "Render a generator",
    "pictures": "Work on pictures and films",
    "models": "Checkpoints and latent spaces",
    "training": "Train and judge",
    "machine": "Play live, and this machine",
}
"""Sub-folder -> heading of its commands in the help."""


class Commands(click.Group):
    """Lists the sub-folders; a command's module is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every module of the sub-folders, by name."""
        return sorted(modules())

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands under a heading for each sub-folder."""
        for folder_name, heading in HEADINGS.items():
            names = sorted(name for name, module in modules().items() if module.startswith(f"{folder_name}."))
            with formatter.section(heading):
                formatter.write_dl([(name, self.get_command(ctx, name).get_short_help_str(70)) for name in names])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of that name. Raises UsageError with a suggestion."""
        if cmd_name not in self.list_commands(ctx):
            raise click.UsageError(unknown("command", cmd_name, self.list_commands(ctx)))
        command: click.Command = import_module(f"latentart.cli.{modules()[cmd_name]}").command
        return command


def modules() -> dict[str, str]:
    """Command ('direction-sheet') -> module below this package ('render.direction_sheet')."""
    return {name.rpartition(".")[2].replace("_", "-"): name for name in folder.modules_below(__path__) if "." in name}


def hyphenated(name: str) -> str:
    """--projected_w is --projected-w: artists' tools spell flags both ways."""
    return name.replace("_", "-")


@click.command(
    cls=Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": hyphenated,
        "max_content_width": 110,
    },
)
@click.version_option(__version__, "--version", prog_name="latentart")
def group() -> None:
    """Generative models as instruments: latent walks, live sets and exhibition films."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line; bad input ends in one line on stderr and exit code 1, Ctrl-C in 130."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    # OpenMP's waiting threads spin by default, and starve whatever shares the cores: a film beside one busy
    # process ran at 1.6 frames per second, and at 18.6 with this.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.setLogRecordFactory(Record)
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        sys.exit(group.main(arguments or ["--help"], prog_name="latentart", standalone_mode=False))
    except click.ClickException as error:
        fail(error.format_message())
    except LatentartError as error:
        fail(str(error))
    except (KeyboardInterrupt, click.Abort) as error:
        # click's Abort is a RuntimeError, and wraps the KeyboardInterrupt, whose message may name what was kept.
        click.echo(str(error.__cause__ or error) or "interrupted", err=True)
        sys.exit(130)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        fail(f"out of memory{_what(error)}: draw in parts with --tile, or smaller with --size")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


class Record(logging.LogRecord):
    """A log line that a terminal can be given: it quotes names of files and of what is in them."""

    def getMessage(self) -> str:
        """The message, without what a terminal obeys."""
        return printable(super().getMessage())


def interrupt(number: int, frame: FrameType | None) -> None:
    """The first Ctrl-C lets files be closed; the second ends the program at once."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)
    raise KeyboardInterrupt


def _what(error: BaseException) -> str:
    """' (1.2 GiB were asked for)', as NumPy and PyTorch say it; '' where they do not."""
    found = re.search(r"[\d.,]+ ?(?:[KMGT]i?B|bytes)", str(error))
    return f" ({found[0]} were asked for)" if found else ""


def fail(message: str) -> None:
    """Prints the error as one line on stderr and exits with code 1."""
    click.echo("error: " + printable(" ".join(message.split())), err=True)
    sys.exit(1)
