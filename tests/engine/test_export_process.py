"""Graphs made by another process: never a trace where a picture may be drawn."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from layouts.random_stylegan2 import random_state

from latentart import engine as engines
from latentart.engine import export_process
from latentart.engine.routes import openvino
from latentart.engine.translators import compile_translator
from latentart.models.base import Generator
from latentart.models.load import build
from latentart.translators.load import load_translator
from latentart.weights.checkpoint import Checkpoint


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and nothing that may be exported here."""
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path))
    return tmp_path


def generator() -> Generator:
    tensors, config = random_state(resolution=8, z_dim=8, w_dim=8)
    return build(Checkpoint(tensors, config, "0" * 64, "random", "tiny"), "cpu")


def in_a_thread(call: Any) -> Any:
    """What a call in a thread gave."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join(100)
    return found[0]


def never(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise AssertionError("exported in this process")

    monkeypatch.setattr(openvino, "export", refuse)


def test_threads_and_live_processes_export_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not export_process.needed()
    assert in_a_thread(export_process.needed)
    monkeypatch.setattr(export_process, "_always", threading.Event())
    export_process.always()
    assert export_process.needed()


def test_generators_and_translators_are_exported_apart_while_pictures_are_drawn(
    monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    never(monkeypatch)
    G, T, img = generator(), load_translator("mosaic26", "cpu"), torch.rand(1, 3, 24, 24) * 2 - 1
    ws = torch.randn(1, G.num_ws, G.w_dim)
    found: list[tuple[Any, Any]] = []

    def make() -> None:
        made = engines.compile(G, only=openvino.F32, measure=0), compile_translator(T)
        with torch.inference_mode():
            made[1].translate(img)
        found.append(made)

    making = threading.Thread(target=make)
    making.start()
    drawn = 0
    with torch.inference_mode():
        wanted, styled = G.synthesis(ws), T.translate(img)
        while making.is_alive():
            # The very modules that are exported meanwhile.
            assert torch.equal(G.synthesis(ws), wanted)
            assert torch.equal(T.translate(img), styled)
            drawn += 1
            time.sleep(0.05)
    assert drawn > 5
    [(engine, fast)] = found
    torch.testing.assert_close(engine(ws), wanted, rtol=1e-3, atol=1e-4)
    with torch.inference_mode():
        torch.testing.assert_close(fast.translate(img), styled, rtol=1e-3, atol=1e-3)
    assert [p.name for p in own_cache.glob("engine/*.part")] == []


def test_what_cannot_be_exported_is_said_in_one_line(own_cache: Path) -> None:
    class Local(torch.nn.Module):
        pass

    with pytest.raises(RuntimeError, match="cannot be handed to another process"):
        export_process.export(Local(), (), [], own_cache / "graph")
    with pytest.raises(RuntimeError, match="must have same reduction dim") as failed:
        export_process.export(torch.nn.Linear(3, 4), (torch.zeros(1, 7),), [torch.zeros(1, 7)], own_cache / "graph")
    assert "\n" not in str(failed.value)
    (own_cache / "file").touch()
    with pytest.raises(OSError, match="file"):
        export_process.export(torch.nn.ReLU(), (torch.zeros(1),), [torch.zeros(1)], own_cache / "file" / "graph")


@pytest.mark.skipif(sys.platform == "win32", reason="looks for processes in /proc")
def test_it_ends_with_who_asked_for_it(own_cache: Path) -> None:
    """A renderer killed in the middle of an export leaves no process behind."""
    code = (
        "import sys, torch; from pathlib import Path; from latentart.engine import export_process\n"
        "print('begun', flush=True)\n"
        "export_process.export(torch.nn.ReLU(), (torch.zeros(1),), [torch.zeros(1)], Path(sys.argv[1]))"
    )
    asking = subprocess.Popen([sys.executable, "-c", code, str(own_cache / "graph")], stdout=subprocess.PIPE)
    assert asking.stdout is not None
    asking.stdout.readline()
    children = Path(f"/proc/{asking.pid}/task/{asking.pid}/children")
    end = time.monotonic() + 30
    while not (found := children.read_text().split()) and time.monotonic() < end:
        time.sleep(0.01)
    asking.kill()
    asking.wait()
    asking.stdout.close()
    while any(alive(int(child)) for child in found) and time.monotonic() < end:
        time.sleep(0.05)
    assert found
    assert not any(alive(int(child)) for child in found)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
