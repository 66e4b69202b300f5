"""No test leaves a process behind, and Ctrl-C is Ctrl-C wherever the tests are started from.

A shell that starts them in the background (`make test &`, nohup) ignores SIGINT for them, and what is ignored stays so
in every child. Here it is Python's own again, and children begin with the system's default.

Processes that a test starts end with it. A watcher of its own ends what is left when the tests are over, also where
they were killed: everything below them that it saw, and everything that carries their mark in its environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

OTHERS = (str(Path(__file__).parents[1] / "latentart"), str(Path(os.__file__).parent), sys.prefix)
"""Whose processes may live longer than a test: those of the library and of other packages."""
MARK = "LATENTART_TESTS"
EVERY = 0.5
"""Seconds between two looks of the watcher."""

Seen = dict[int, str]
"""Process id -> when it began, so that a number that is used again is not taken for it."""


def restore_interrupts() -> None:
    """SIGINT raises KeyboardInterrupt, though whoever started us had it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def stat(pid: int) -> list[str]:
    """The fields of a process from its state on (proc(5)); [] when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def below(parent: int) -> Seen:
    """Every process that descends from `parent`."""
    facts = {int(place.name): fields for place in Path("/proc").glob("[0-9]*") if (fields := stat(int(place.name)))}
    found, layer = {}, {parent}
    while layer:
        layer = {pid for pid, fields in facts.items() if int(fields[1]) in layer} - found.keys()
        found |= {pid: facts[pid][19] for pid in layer}
    return found


def marked(mark: str) -> Seen:
    """Every process with the mark in its environment."""
    wanted, found = f"{MARK}={mark}".encode(), {}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (place / "environ").read_bytes().split(b"\0") and (fields := stat(int(place.name))):
                found[int(place.name)] = fields[19]
    return found


def watch(parent: int) -> None:
    """Waits until `parent` is gone, then ends what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    began, seen = stat(parent)[19:20], Seen()
    while (fields := stat(parent)) and fields[19:20] == began and fields[0] != "Z":
        seen |= below(parent)
        time.sleep(EVERY)
    for pid, start in {**seen, **marked(str(parent))}.items():
        if pid != os.getpid() and stat(pid)[19:20] == [start]:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    watch(int(sys.argv[1]))
else:
    import pytest

    restore_interrupts()

    def pytest_sessionstart() -> None:
        """Starts the watcher, where there is a /proc to look into."""
        os.environ[MARK] = str(os.getpid())
        if Path("/proc/self/stat").exists():
            line = [sys.executable, "-I", "-S", __file__, str(os.getpid())]
            unmarked = {name: value for name, value in os.environ.items() if name != MARK}
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.Popen(line, start_new_session=True, env=unmarked, **quiet).returncode = 0  # type: ignore[call-overload]

    @pytest.fixture(autouse=True)
    def _ends_what_it_starts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Ends the processes that a test itself has started and left running, as a test that fails half-way does."""
        started: list[subprocess.Popen[bytes]] = []
        plain = subprocess.Popen.__init__

        def counted(self, *args, **options):  # type: ignore[no-untyped-def]
            plain(self, *args, **options)
            if not sys._getframe(1).f_code.co_filename.startswith(OTHERS):
                started.append(self)

        monkeypatch.setattr(subprocess.Popen, "__init__", counted)
        yield
        for process in started:
            if process.poll() is None:
                process.kill()
                process.wait(10)
                for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
                    with suppress(OSError):
                        pipe.close()
