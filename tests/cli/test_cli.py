"""The command line around every command: what cannot be handled ends in one line that a terminal can be given."""

from __future__ import annotations

import logging

import pytest

from latentart import cli
from latentart.errors import WeightsError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError("Unable to allocate 1.81 GiB for an array"), "out of memory (1.81 GiB were asked for): draw in"),
        (MemoryError(), "out of memory: draw in parts with --tile, or smaller with --size"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 4096 bytes"), "(4096 bytes were asked"),
        (WeightsError("tensor '\x1b]0;gone\x07'"), r"error: tensor '\x1b]0;gone\x07'"),
    ],
)
def test_an_error_is_one_line(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli.group, "main", fails)
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    monkeypatch.setattr(logging, "_logRecordFactory", logging.LogRecord)
    with pytest.raises(SystemExit):
        cli.main(["film"])
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


def test_log_lines_carry_nothing_that_a_terminal_obeys() -> None:
    record = cli.Record("x", logging.WARNING, "x.py", 1, "%s is skipped", ("a\x1b[2J.png",), None)
    assert record.getMessage() == r"a\x1b[2J.png is skipped"
