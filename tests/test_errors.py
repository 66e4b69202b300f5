"""The wording of errors, and the checks that several settings share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from latentart.errors import RefusedError, SettingsError, WeightsError, check_limits, out_of_memory, unknown


@dataclass
class Settings:
    steps: Any = 10
    rate: Any = 0.5


LIMITS = {"steps": (1, 10_000), "rate": (0, 1)}


@pytest.mark.parametrize("steps", [1, 10_000, 2.5])
def test_what_is_within_its_limits_passes(steps: float) -> None:
    check_limits(Settings(steps), LIMITS)


@pytest.mark.parametrize("steps", [0, 10_001, -3, float("nan"), float("inf"), "7", None, 10**30])
def test_what_is_not_is_named_with_its_limits(steps: Any) -> None:
    with pytest.raises(SettingsError, match=r"steps .* is out of range: give 1 to 10000"):
        check_limits(Settings(steps), LIMITS)


def test_every_attribute_is_looked_at() -> None:
    with pytest.raises(SettingsError, match=r"rate 1\.5 is out of range: give 0 to 1$"):
        check_limits(Settings(rate=1.5), LIMITS)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (["orbit", "drift"], "unknown walk 'orbt': did you mean orbit? (one of drift, orbit)"),
        (["hold"], "unknown walk 'orbt' (one of hold)"),
        ([], "unknown walk 'orbt' (there are none)"),
    ],
)
def test_a_wrong_name_is_said_with_the_nearest(choices: list[str], words: str) -> None:
    assert unknown("walk", "orbt", choices) == words


@pytest.mark.parametrize("harm", ["\x1b[2J", "\x07", "\x1b]0;title\x07", "\x9b31m", "\u202e", "\r\n", "\udc9b", "\0"])
def test_no_message_carries_what_a_terminal_obeys(harm: str) -> None:
    for kind in (WeightsError, RefusedError, SettingsError):
        text = str(kind(f"tensor '{harm}' is left over, Zürich \N{MUSICAL SCORE}"))
        assert text.isprintable()
        assert text.endswith("is left over, Zürich \N{MUSICAL SCORE}")


def test_running_out_of_memory_is_told_from_other_faults() -> None:
    for error in (
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    ):
        assert out_of_memory(error)
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
