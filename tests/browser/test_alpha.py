"""Transparent films in the browser that plays them: the ground shows through."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from layouts.bars import Bars, bars_job

from latentart.jobs.run import run
from latentart.sinks.sink import open_sink

LOOK = """async (source) => {
    const film = document.createElement('video');
    film.muted = true;
    film.src = source;
    const shown = new Promise(done => film.requestVideoFrameCallback(done));
    await film.play();
    await shown;
    const canvas = new OffscreenCanvas(film.videoWidth, film.videoHeight).getContext('2d');
    canvas.fillStyle = '#0000ff';
    canvas.fillRect(0, 0, film.videoWidth, film.videoHeight);
    canvas.drawImage(film, 0, 0);
    return Array.from(canvas.getImageData(8, 8, 1, 1).data.slice(0, 3))
        .concat(Array.from(canvas.getImageData(film.videoWidth - 8, 8, 1, 1).data.slice(0, 3)));
}"""


def seen(page, path):
    """Red, green, blue of a pixel at the left and one at the right of a film over blue."""
    found = page.evaluate(LOOK, "data:video/webm;base64," + base64.b64encode(path.read_bytes()).decode())
    return np.array(found).reshape(2, 3)


@pytest.mark.parametrize("planned", [0, 3])
def test_the_ground_shows_through_a_webm_of_the_sink(page, planned, tmp_path):
    frame = np.zeros((64, 64, 4), np.uint8)
    frame[:, 32:] = (200, 40, 40, 255)
    with open_sink(tmp_path / "a.webm", settings={"frames": planned}) as sink:
        for _ in range(3):
            sink.write(frame)
    left, right = seen(page, tmp_path / "a.webm")
    assert np.abs(left - (0, 0, 255)).max() < 12
    assert np.abs(right - (200, 40, 40)).max() < 12


def test_the_ground_shows_through_a_joined_webm(page, tmp_path):
    [film] = run(bars_job(tmp_path, Bars(channels=4), ending=".webm"), workers=0)
    _, right = seen(page, film)
    # Bars are grey of 40 at an alpha of 40 of 255.
    assert np.abs(right - (6, 6, 221)).max() < 12
