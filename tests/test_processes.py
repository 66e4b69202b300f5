"""What the tests promise to the machine they run on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

CHILDREN = """
import os, signal, subprocess, sys, time
from pathlib import Path

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]

def test_children_can_be_interrupted():
    child = subprocess.Popen(SLEEP)
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    assert child.wait(20) == -signal.SIGINT or child.returncode == 1
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except KeyboardInterrupt:
        return
    raise AssertionError("nothing was interrupted")

def test_a_child_is_left():
    Path("left").write_text(str(subprocess.Popen(SLEEP).pid))
    assert False

def test_it_is_gone():
    assert not Path("/proc/" + Path("left").read_text()).exists()

def test_everything_is_killed():
    grandchild = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    subprocess.run([sys.executable, "-c", grandchild], check=True)
    alone = subprocess.Popen(SLEEP, start_new_session=True)
    time.sleep(1.5)
    Path("killed").write_text(str(alone.pid))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def sleepers(mark: int) -> list[int]:
    wanted, found = f"LATENTART_TESTS={mark}".encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_tests_in_the_background_are_interrupted_and_leave_no_process(tmp_path: Path) -> None:
    (tmp_path / "test_children.py").write_text(CHILDREN)
    line = [sys.executable, "-m", "pytest", "-q", "-p", "processes", "-p", "no:cacheprovider", "-c", os.devnull,
            "--rootdir", str(tmp_path), "test_children.py"]  # fmt: skip
    surroundings = {**os.environ, "PYTHONPATH": str(TESTS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    def ignoring() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    run = subprocess.Popen(
        line, cwd=tmp_path, env=surroundings, preexec_fn=ignoring, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    said = run.communicate(timeout=60)[0]
    assert said.startswith(".F."), said
    assert run.returncode == -signal.SIGKILL
    assert (tmp_path / "killed").exists()
    end = time.monotonic() + 20
    while (left := sleepers(run.pid)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left
