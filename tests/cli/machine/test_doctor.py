"""latentart doctor: what is installed, and how pictures are drawn here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from conftest import tiny

from latentart.cli.machine import doctor
from latentart.engine import choose, machine, trial
from latentart.engine.routes import eager, openvino
from latentart.models import load


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(load, "load", lambda name, device=None: tiny(name))


def run(*arguments: str) -> str:
    done = CliRunner().invoke(doctor.command, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_versions_machine_and_choices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(openvino, "find_spec", lambda name: None)
    text = run("--network", "tiny")
    assert f"torch        {torch.__version__}" in text
    assert machine.processor() in text
    assert str(tmp_path / "cache") in text
    assert "tiny, 16x16, on cpu" in text
    assert "master (films): eager" in text
    assert "* eager: " in text
    assert text.count("openvino f32: OpenVINO is not installed: pip install 'latentart[cpu]'") == 2


def test_what_is_remembered_is_shown_until_it_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "find", lambda: [eager])
    times = iter([1.25, 2.25, 3.25, 4.25])
    monkeypatch.setattr(trial, "race", lambda runs, probe, seconds: {name: [next(times)] for name in runs})
    first = run()
    assert "eager: 1.2 ms" in first
    assert "eager: 1.2 ms" in run()
    assert "eager: 3.2 ms" in run("--again")


def test_what_is_missing_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "find", lambda: [eager])
    monkeypatch.setattr(doctor, "_installed", lambda module: module != "simplejpeg")
    text = run()
    assert "extra live   without simplejpeg: pip install 'latentart[live]'" in text
    assert "extra cpu    installed" in text
