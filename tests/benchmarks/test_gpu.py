"""The script for the GPU's table: that it runs, on a tiny network and a processor, and what it does without a GPU."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from layouts import faked_cuda

from benchmarks import gpu
from latentart.engine import choose, stream
from latentart.engine.routes import cuda, eager

TARGETS = {
    "one frame, live, latent to uint8": "<= 1.2",
    "film, H.264: of the encoder alone": ">= 95",
    "projection step, 32 pixels": "<= 12",
    "first frame after start, second run": "<= 5",
}


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(choose, "find", lambda: [eager])


def bench(**settings: Any) -> gpu.Bench:
    wanted = {"rounds": 2, "batches": (1,), "frames": 12, "steps": 4, "small": True, **settings}
    return gpu.Bench(gpu.generator("cpu", small=True), **wanted)


def test_every_part_runs_and_its_figures_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **settings: ran.append(command))
    target = tmp_path / "figures.json"
    given = ["--device", "cpu", "--small", "--rounds", "2", "--frames", "12", "--json", str(target)]
    assert gpu.main(given) == 0
    found = json.loads(target.read_text())
    rows = {row["what"]: row for row in found["rows"]}
    assert {what: row["target"] for what, row in rows.items() if row["target"]} == TARGETS
    assert all(row["value"] > 0 for row in rows.values() if "start" not in row["what"])
    assert found["torch"] == torch.__version__
    shown = capsys.readouterr().out
    assert all(what in shown for what in rows)
    assert "MISSED" not in shown
    assert [command[3:] for command in ran] == [["--first-frame", "--device", "cpu", "--small"]] * 2


def test_the_reference_draws_the_same_picture() -> None:
    paper, ours = (row for row in gpu.speed(bench()) if "batch 1" in row.what), "eager, float32"
    errors = {row.what: float(row.how.split("error ")[1]) for row in paper}
    assert errors.pop(f"batch 1, {ours}") == 0
    assert list(errors) == ["batch 1, the paper, plain PyTorch, float32"]
    assert max(errors.values()) < 1e-5


def test_what_cannot_draw_is_a_row_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_choices", lambda G, batch: ["openvino f32"])
    last = list(gpu.speed(bench()))[-1]
    assert (last.what, last.value) == ("batch 1, ours: openvino f32", 0)
    assert "unknown choice 'openvino f32'" in last.how


def test_a_part_that_fails_is_a_row_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(bench: gpu.Bench) -> Any:
        yield gpu.Row("half of it", 1.0, "ms")
        raise RuntimeError("CUDA error: out of memory\nmore words")

    def failed(*command: Any, **settings: Any) -> None:
        raise subprocess.CalledProcessError(1, "python")

    monkeypatch.setitem(gpu.PARTS, "film", broken)
    monkeypatch.setattr(subprocess, "run", failed)
    rows = list(gpu.measured(bench(), ["film", "start", "frame"]))
    assert [row.what for row in rows[:3]] == ["half of it", "film: failed", "start: failed"]
    assert rows[1].how == "RuntimeError: CUDA error: out of memory"
    assert "MISSED" in gpu.line(rows[1], small=False)
    assert len(rows) > 3


def test_a_process_of_its_own_draws_a_first_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(gpu.engine, "compile", lambda G, **wishes: drawn.append)
    assert gpu.main(["--first-frame", "--device", "cpu", "--small"]) == 0
    assert drawn[0].shape == (1, 8, 16)


def test_without_a_gpu_it_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main([]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert "no CUDA device here" in told.err


def test_the_network_is_the_paper_s() -> None:
    # Karras et al. 2020: 512 maps up to 64x64, then half as many at each size.
    assert dict(zip([4 << i for i in range(9)], gpu.CONFIG_F, strict=True)) == {
        **dict.fromkeys([4, 8, 16, 32, 64], 512), 128: 256, 256: 128, 512: 64, 1024: 32,
    }  # fmt: skip


def test_what_is_measured_on_a_gpu_runs_on_a_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    class Event:
        def __init__(self, **settings: Any) -> None: ...
        def record(self) -> None: ...
        def synchronize(self) -> None: ...
        def elapsed_time(self, other: Any) -> float:
            return 2.5

    faked = faked_cuda.install(monkeypatch)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    assert gpu._milliseconds(lambda: None, torch.device("cuda")) == 2.5
    small = bench()
    ws = small.ws(2)
    draw = gpu._replayed(gpu.Plain(small.G.synthesis.state_dict(), torch.float32), ws)
    assert torch.allclose(draw(small.ws(2)), small.G.synthesis(ws), atol=1e-5)
    monkeypatch.setattr(stream, "beside", lambda device: True)
    monkeypatch.setattr(choose, "find", lambda: [eager, cuda])
    monkeypatch.setattr(cuda, "find_spec", lambda name: None)
    assert gpu._choices(small.G, 1) == [cuda.GRAPH, cuda.F32, cuda.F16]
    made = gpu._route(small.G, 1, cuda.GRAPH, ws)
    assert torch.allclose(made(ws), small.G.synthesis(ws), atol=1e-5)
    assert len(faked.graphs) == 2


def test_a_film_of_planes_is_set_against_an_encoder_of_planes(monkeypatch: pytest.MonkeyPatch) -> None:
    faked_cuda.install(monkeypatch)
    monkeypatch.setattr(choose, "find", lambda: [eager, cuda])
    monkeypatch.setattr(cuda, "find_spec", lambda name: None)
    [row] = gpu.film(bench(frames=6))
    assert row.value > 0
    assert ", yuv420, " in row.how
