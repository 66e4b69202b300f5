"""Long renders on a Ray cluster that loses workers, a machine and the one who asked; and on a laptop."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import numpy as np
import pytest
from layouts.bars import bar
from layouts.ray_house import house, surroundings
from layouts.siege import at_work, command, drawn_again

from tests.cli.render.test_exhibit import SCORE
from tests.cli.render.test_film import latentart
from tests.render.test_film import frames_of

# Ray takes several seconds to start, and many more on a busy machine.
pytestmark = pytest.mark.timeout(300)
FRAMES, CHUNK = 60, 4


def await_work(output, driver, seconds=60.0):
    """Processes that are at a chunk now."""
    deadline = time.monotonic() + seconds
    while not (workers := at_work(output)):
        assert driver.poll() is None, "the driver ended before anybody was at work"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return workers


def test_workers_a_machine_and_the_driver_are_lost_and_no_frame_is(tmp_path):
    random = np.random.RandomState(5)
    with house() as ray:
        line = command(tmp_path, frames=FRAMES, chunk=CHUNK, pause=0.1, ray=ray.address)
        start = {"env": surroundings(), "stderr": subprocess.DEVNULL}
        with subprocess.Popen(line, **start) as driver:
            try:
                for _ in range(3):
                    time.sleep(random.uniform(0, 0.3))
                    os.kill(await_work(tmp_path, driver)[0], signal.SIGKILL)
                ray.remove_machine()
                await_work(tmp_path, driver)
            finally:
                driver.kill()
        assert not (tmp_path / "film0.mkv").exists()
        again = subprocess.run(line, **start, timeout=60, check=False)
    assert again.returncode == 0
    assert np.array_equal(frames_of(tmp_path / "film0.mkv"), np.stack([bar(i) for i in range(FRAMES)]))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film0.json", "film0.mkv", "marks"]
    # Three chunks with their workers, one with its machine, two with the driver.
    assert drawn_again(tmp_path) <= 6 * CHUNK


def test_two_local_workers_of_ray_make_the_film_of_this_process(tmp_path):
    (tmp_path / "wall.toml").write_text(SCORE)
    for where, how in (("here", ["--workers", "0"]), ("there", ["--ray", "local"])):
        done = latentart("exhibit", "wall.toml", "-o", where, *how, cwd=tmp_path, env=surroundings())
        assert done.returncode == 0, done.stderr
    for name in ("wall-left.mp4", "wall-right.mp4"):
        here, there = (frames_of(tmp_path / where / name) for where in ("here", "there"))
        assert np.array_equal(here, there)
    assert "2 chunks at a time on Ray" in done.stderr
    assert len(list((tmp_path / "there").iterdir())) == 4
