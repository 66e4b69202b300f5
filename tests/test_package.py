"""What `import latentart` gives: names that stay what they are, whatever is imported before or after."""

from __future__ import annotations

import subprocess
import sys

import pytest

import latentart

FUNCTIONS = ("load", "load_translator", "frames", "open_sink", "project")


def session(*lines: str) -> str:
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "before", ["latentart.frames", "from latentart.render import convert", "import latentart.render.frames"]
)
def test_frames_is_a_function_a_second_time_too(before: str) -> None:
    kind = session("import latentart", before, "print(type(latentart.frames).__name__, latentart.frames.__name__)")
    assert kind == "function frames"


def test_every_name_is_there_and_callable() -> None:
    assert set(FUNCTIONS) < set(latentart.__all__)
    assert all(callable(getattr(latentart, name)) for _ in "12" for name in FUNCTIONS)
    assert latentart.walks.orbit
    with pytest.raises(AttributeError, match="no attribute 'frame'"):
        _ = latentart.frame  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("before", "wanted"),
    [("", "PASSIVE"), ("os.environ['OMP_WAIT_POLICY'] = 'ACTIVE'", "ACTIVE"), ("sys.modules['torch'] = sys", "None")],
)
def test_waiting_threads_sleep_where_torch_has_not_read_otherwise(before: str, wanted: str) -> None:
    begin = "import os, sys; os.environ.pop('OMP_WAIT_POLICY', None)"
    assert session(begin, before, "import latentart", "print(os.environ.get('OMP_WAIT_POLICY'))") == wanted
