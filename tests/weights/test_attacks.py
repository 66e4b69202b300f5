"""Every attack ends in one line that names what was refused, and none runs anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from attacks import ATTACKS, SENTINEL, Attack
from attacks.kinds import COMMAND

from latentart.errors import LatentartError, RefusedError
from latentart.weights.cards import FOLDER_VARIABLE
from latentart.weights.open import open_checkpoint


@pytest.fixture
def sentinel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that exists as soon as a payload has run."""
    monkeypatch.setenv(SENTINEL, str(tmp_path / "executed"))
    monkeypatch.delenv("LATENTART_TEST_EXECUTED", raising=False)
    return tmp_path / "executed"


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_attack(tmp_path: Path, sentinel: Path, monkeypatch: pytest.MonkeyPatch, attack: Attack) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    target = attack.write(folder)
    if list(folder.glob("*.toml")):
        monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    message = said(target)
    assert not sentinel.exists()
    if attack.refused is None:
        assert message is None
    else:
        assert message is not None
        assert re.search(attack.refused, message), message
        assert "\n" not in message
        assert len(message) < 600 + len(str(target))


def said(target: Path | str) -> str | None:
    """The error's text, or None when the file was read."""
    try:
        open_checkpoint(target)
    except LatentartError as error:
        return str(error)
    return None


def test_the_payload_would_be_seen(sentinel: Path) -> None:
    """Were a payload to run, these tests would notice."""
    subprocess.run(["sh", "-c", COMMAND], check=True, env=os.environ)
    assert sentinel.exists()


def test_there_are_many_kinds() -> None:
    assert len(ATTACKS) >= 100
    refused = [a for a in ATTACKS.values() if a.refused is not None]
    assert len(refused) >= 100
    assert all("source" in name for name, a in ATTACKS.items() if a.refused is None)


def test_refusals_are_a_kind_of_their_own(tmp_path: Path, sentinel: Path) -> None:
    """A file that asks for code can be told from one that is merely broken."""
    with pytest.raises(RefusedError):
        open_checkpoint(ATTACKS["os.system by reduce"].write(tmp_path))


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    """As another user, because root may read everything."""
    path = tmp_path / "secret.pkl"
    path.write_bytes(b"x")
    path.chmod(0)
    if os.geteuid() == 0:
        tmp_path.chmod(0o755)
        program = (
            "import os, sys\n"
            "from latentart.weights.open import open_checkpoint\n"
            "os.chdir(sys.argv[1])\n"  # folders above may be closed to the other user
            "os.seteuid(65534)\n"
            "try:\n    open_checkpoint('./secret.pkl')\n"
            "except Exception as error:\n    print(type(error).__name__, error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
        )
        text = done.stdout
    else:
        text = f"WeightsError {said(path)}"
    assert "WeightsError" in text
    assert "Permission denied" in text
