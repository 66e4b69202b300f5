"""Every reader on every kind of hostile file, in a process with 2 GB of memory beyond what an idle one has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from attacks import ATTACKS, SENTINEL
from attacks.elsewhere import ELSEWHERE

ROOT = Path(__file__).parents[2]
SHARES = 8
"""Processes, so that none comes near the time that a test has."""


@pytest.mark.parametrize("share", range(SHARES))
def test_every_reader_refuses_every_file_in_two_gigabytes(share: int, tmp_path: Path) -> None:
    names = [*ATTACKS, *ELSEWHERE][share::SHARES]
    environment = os.environ | {SENTINEL: str(tmp_path / "executed"), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    chosen = f"^({'|'.join(map(re.escape, names))})$"
    command = [sys.executable, "-m", "tests.attacks.confined", str(tmp_path), chosen]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["files"] == len(names)
    assert report["faults"] == []
    assert not (tmp_path / "executed").exists()


def test_the_number_in_the_readme_is_that_of_the_script() -> None:
    assert f"| {len(ATTACKS) + len(ELSEWHERE)} kinds of attack files |" in (ROOT / "README.md").read_text()
