"""latentart bench: a table, JSON to compare machines, a chart; `latentart.bench` behind it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import tiny
from PIL import Image

from latentart import bench
from latentart.cli.machine.bench import command
from latentart.engine.routes import openvino
from latentart.errors import LatentartError
from latentart.models import load

FIGURES = [
    "one picture",
    "plain PyTorch, batch 1",
    "master, batch 1",
    "master, batch 8",
    "live precision, batch 1",
    "film, end to end",
    "live, without waiting",
    "projection steps",
]


@pytest.fixture(autouse=True)
def small_and_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny network, nothing but PyTorch to draw it with, and a cache of its own."""
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(openvino, "find_spec", lambda name: None)
    monkeypatch.setattr(load, "load", lambda name, device=None: tiny(name, resolution=32))
    monkeypatch.chdir(tmp_path)


def test_a_table_a_chart_and_json() -> None:
    done = CliRunner().invoke(command, ["--quick", "--json", "b.json"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "chart: bench-landscapes-256.png" in done.output
    record = json.loads(Path("b.json").read_text())
    assert [figure["what"] for figure in record["figures"]] == FIGURES
    for figure in record["figures"]:
        assert figure["value"] > 0, figure
        assert figure["why"] == ""
        assert f"{figure['value']:.1f} {figure['unit']}" in done.output
    assert record["versions"]["torch"]
    assert "cores" in record["device"]
    assert record["size"] == [32, 32]
    with Image.open("bench-landscapes-256.png") as chart:
        assert chart.width == 1200


def test_figures_agree_with_each_other() -> None:
    made = {figure.what: figure for figure in bench.measure(tiny(resolution=32), quick=True).figures}
    assert made["one picture"].value == pytest.approx(1000 / made["master, batch 1"].value)
    assert made["master, batch 1"].value >= made["plain PyTorch, batch 1"].value


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "latentart.live.wire.encode", None)
    figures = {figure.what: figure for figure in bench.measure(tiny(resolution=8), quick=True).figures}
    assert figures["live, without waiting"].value == 0
    assert "latentart.live.wire.encode" in figures["live, without waiting"].why


def test_nothing_is_measured_when_the_target_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("b.json").touch()
    monkeypatch.setattr(bench, "measure", lambda *a, **k: pytest.fail("measured in vain"))
    with pytest.raises(LatentartError, match="exists already"):
        CliRunner().invoke(command, ["--json", "b.json"], catch_exceptions=False)


def test_bars_are_as_long_as_their_figures() -> None:
    figures = tuple(
        bench.Figure(what, value, how="x") for what, value in [("one", 100.0), ("two", 50.0), ("three", 25.0)]
    )
    missing = bench.Figure("four", 0.0, why="not installed")
    chart = bench.chart(bench.Bench("tiny", (8, 8), "a machine", "2026-01-01", {}, (*figures, missing)))
    is_bar = (np.asarray(chart) == np.array([0x2F, 0x6F, 0x8F])).all(axis=2)
    lengths = is_bar.sum(axis=1)
    kinds = sorted(set(lengths.tolist()) - {0}, reverse=True)
    assert len(kinds) == 3
    assert kinds[1] / kinds[0] == pytest.approx(0.5, abs=0.01)
    assert kinds[2] / kinds[0] == pytest.approx(0.25, abs=0.01)
