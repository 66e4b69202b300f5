"""The script for the GPU's table: that it runs, on a tiny network and a processor, and what it does without a GPU."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from layouts import faked_cuda

from benchmarks import gpu
from benchmarks.helpers import gpu_layers, gpu_table
from latentart.engine import choose, stream
from latentart.engine.routes import cuda, eager


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

    def run(command: list[str], **settings: Any) -> Any:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0, stdout="some words\n1.5\n")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(gpu, "BATCHES", (1, 2))
    monkeypatch.setattr(gpu, "WHOLE", 1e4)
    monkeypatch.setattr(gpu, "PARTS", {name: (part, 1e4) for name, (part, _) in gpu.PARTS.items()})
    target = tmp_path / "figures.json"
    given = ["--device", "cpu", "--small", "--rounds", "1", "--frames", "6", "--json", str(target)]
    assert gpu.main(given) == 0
    found = json.loads(target.read_text())
    rows = {row["what"]: row for row in found["rows"]}
    assert {what: row["target"] for what, row in rows.items() if row["target"]} == {
        what: goal.words for what, goal in gpu_table.GOALS.items()
    }
    unmeasured = {what for what, row in rows.items() if row["how"] == "not measured"}
    # On a processor no CUDA route is there, and a tiny network has no 1024 pixels.
    assert unmeasured == {what for what in gpu_table.GOALS if "cuda f16" in what or "1024 pixels" in what}
    assert not [what for what in rows if "failed" in what or "out of time" in what]
    assert all(row["value"] > 0 for what, row in rows.items() if "start" not in what and what not in unmeasured)
    assert found["torch"] == torch.__version__
    shown = capsys.readouterr().out
    assert all(what in shown for what in rows)
    assert "MISSED" not in shown
    assert [command[3:] for command in ran] == [["--first-frame", "--device", "cpu", "--small"]] * 2


def test_a_part_that_runs_out_of_time_shows_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(bench: gpu.Bench) -> Any:
        yield gpu_table.row("half of it", 1.0, "ms")
        try:
            time.sleep(30)
        except Exception:  # what a part does with errors is not to stop the clock
            yield gpu_table.row("the rest", 1.0, "ms")

    monkeypatch.setitem(gpu.PARTS, "film", (slow, 0.3))
    rows = [row.what for row in gpu.measured(bench(), ["film"])]
    assert rows == ["half of it", "film: out of time"]
    monkeypatch.setattr(gpu, "WHOLE", 0.0)
    assert [row.what for row in gpu.measured(bench(), ["film"])] == ["film: out of time"]


def test_all_parts_fit_into_four_minutes() -> None:
    assert gpu.WHOLE < 240
    assert all(seconds <= 45 for _, seconds in gpu.PARTS.values())


def test_goals() -> None:
    what = "StyleGAN2, batch 32, ours: cuda f16"
    assert gpu_table.row(what, 2100, "img/s").ok
    assert not gpu_table.row(what, 2100, "img/s", right=False).ok
    assert not gpu_table.row(what, 1900, "img/s").ok
    assert not gpu_table.row("projection step, 1024 pixels", 0.0, "ms").ok
    assert gpu_table.row("anything else", 1, "ms").ok is None
    assert what not in {row.what for row in gpu_table.missing([gpu_table.row(what, 1, "img/s")])}


def test_layers_are_a_table_of_their_own(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_layers.forms2, "milliseconds", lambda run, x: float(len(run(x))))
    assert gpu.main(["--device", "cpu", "--small", "--layers"]) == 0
    shown = capsys.readouterr().out
    for words in ("StyleGAN2, b4.conv1, same", "StyleGAN3 (T), L13_", "convolution", "StyleGAN3 (R), L0_36_2, 64x8x1"):
        assert words in shown
    assert "GFLOP, limit" in shown


def test_the_reference_draws_the_same_picture() -> None:
    paper, ours = (row for row in gpu.speed(bench(), 1)), "eager, float32"
    errors = {row.what: float(row.how.split("error ")[1].split(",")[0]) for row in paper}
    assert errors.pop(f"StyleGAN2, batch 1, {ours}") == 0
    assert list(errors) == ["StyleGAN2, batch 1, the paper, plain PyTorch, float32"]
    assert max(errors.values()) < 1e-5


def test_what_cannot_draw_is_a_row_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_choices", lambda G, batch: ["openvino f32"])
    last = next(gpu.speed(bench(), 1))
    assert (last.what, last.value) == ("StyleGAN2, batch 1, ours: openvino f32", 0)
    assert "unknown choice 'openvino f32'" in last.how


def test_a_part_that_fails_is_a_row_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(bench: gpu.Bench) -> Any:
        yield gpu_table.row("half of it", 1.0, "ms")
        raise RuntimeError("CUDA error: out of memory\nmore words")

    def failed(*command: Any, **settings: Any) -> None:
        raise subprocess.CalledProcessError(1, "python")

    monkeypatch.setitem(gpu.PARTS, "film", (broken, 20))
    monkeypatch.setattr(subprocess, "run", failed)
    rows = list(gpu.measured(bench(), ["film", "start", "frame"]))
    assert [row.what for row in rows[:3]] == ["half of it", "film: failed", "start: failed"]
    assert rows[1].how == "RuntimeError: CUDA error: out of memory"
    assert "MISSED" in gpu.line(rows[1], small=False)
    assert len(rows) > 3


def test_a_process_of_its_own_draws_a_first_frame(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn: list[Any] = []

    class Engine:
        startup = 1.25

        def __call__(self, ws: Any) -> None:
            drawn.append(ws)

    monkeypatch.setattr(gpu.engine, "compile", lambda G, **wishes: Engine())
    assert gpu.main(["--first-frame", "--device", "cpu", "--small"]) == 0
    assert drawn[0].shape == (1, 8, 16)
    assert capsys.readouterr().out == "1.25\n"


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
    assert gpu._choices(small.G, 1) == [cuda.F16, cuda.GRAPH, cuda.F32]
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
