"""`latentart.sketch.Live` against a real server; py5 itself is under test in contract/test_sketches.py."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from live_house import wait_until

from latentart import sketch
from latentart.errors import LatentartError, SettingsError
from latentart.live.wire.protocol import BLACKOUT
from latentart.sketch import Live, address


@pytest.fixture
def live(fresh):
    with Live(f"http://localhost:{fresh.port}") as found:
        found.wait()
        assert wait_until(lambda: found.connected)
        yield found


def test_the_newest_picture_comes_by_itself(live):
    first = live.frame()
    assert first.dtype == np.uint8
    assert first.shape == (64, 64, 3)
    seen = live.header().seq
    live.wait()
    assert live.header().seq > seen


def test_what_is_set_reaches_server_and_picture(live, fresh):
    live.set("master/blackout", True)
    assert wait_until(lambda: fresh.session.control.value("master/blackout") is True)
    assert wait_until(lambda: live.header().flags & BLACKOUT and not live.frame().any())
    assert wait_until(lambda: live.frame() is not None and live.latency is not None)
    assert 0 < live.latency < 5000


def test_many_sets_go_out_together_and_the_last_one_wins(live, fresh):
    before = fresh.session.control.rev
    for i in range(500):
        live.set({"psi": i / 500, "walk/radius": 1.5})
    assert wait_until(lambda: fresh.session.control.value("psi") == 499 / 500)
    assert fresh.session.control.value("walk/radius") == 1.5
    assert fresh.session.control.rev - before < 100


def test_a_fade_and_a_beat_are_passed_on(live, fresh):
    live.set("psi", 0.1, fade=0.5)
    live.set({"seed": 9}, at="beat")
    assert wait_until(lambda: fresh.session.control.value("seed") == 9)


def test_actions(live, fresh):
    live.trigger("seed/next")
    assert wait_until(lambda: live.get("seed") == 1)
    assert fresh.session.control.value("seed") == 1


def test_values_follow_other_players(live, fresh):
    fresh.osc("/latentart/psi", 0.33)
    assert wait_until(lambda: live.get("psi") == pytest.approx(0.33))


def test_parameters_by_key_as_notebooks_complete_them(live, fresh):
    live["psi"] = 0.21
    assert live["psi"] == 0.21
    assert wait_until(lambda: fresh.session.control.value("psi") == 0.21)
    assert "walk/speed" in live._ipython_key_completions_()


def test_facts_of_the_model(live):
    assert live.model["classes"][:3] == ["a", "b", "c"]


def test_wrong_names_and_values_are_refused_here(live):
    with pytest.raises(SettingsError, match="did you mean psi"):
        live.set("psy", 1)
    with pytest.raises(SettingsError, match="finite"):
        live.set("psi", float("nan"))
    with pytest.raises(SettingsError, match="unknown action"):
        live.trigger("seed/nxt")


def test_a_watcher_is_refused_by_the_server(fresh):
    with Live(f"localhost:{fresh.port}", control=False) as watcher:
        watcher.wait()
        watcher.set("psi", 0.9)
        assert wait_until(lambda: watcher.fault is not None)
        assert "only watches" in watcher.fault


def test_it_comes_back_after_the_server_hung_up(live, fresh):
    def hang_up():
        for viewer in list(fresh.session.hub.viewers):
            viewer.close(1012, "restart")

    fresh.loop.call_soon_threadsafe(hang_up)
    assert wait_until(lambda: not live.connected)
    live.set("psi", 0.44)
    assert wait_until(lambda: live.connected, 10)
    assert wait_until(lambda: fresh.session.control.value("psi") == 0.44)
    live.wait()


def test_no_server():
    with Live("http://localhost:9") as live:
        assert live.frame() is None
        assert live.image() is None
        assert live.draw() is False
        with pytest.raises(LatentartError, match=r"no picture from ws://localhost:9/ws in 0\.3 s"):
            live.wait(0.3)


class Drawing:
    """As much of a py5 sketch as `image` and `draw` use."""

    ARGB, width, height = 2, 300, 200

    def __init__(self):
        self.made, self.drawn = 0, []

    def create_image(self, width, height, kind):
        self.made += 1
        image = SimpleNamespace(width=width, height=height, pixels=None)
        image.set_np_pixels = lambda pixels, bands: setattr(image, "pixels", pixels.copy())
        return image

    def image(self, image, *place):
        self.drawn.append(place)


def test_a_py5_image_is_made_once_and_kept_fresh(live):
    drawing = Drawing()
    assert live.draw(sketch=drawing) is True
    assert live.draw(10, 20, 30, 40, sketch=drawing) is True
    assert drawing.made == 1
    assert drawing.drawn == [(0, 0, 300, 200), (10, 20, 30, 40)]
    pixels = live.image(drawing).pixels
    assert pixels.shape == (64, 64, 4)
    assert (pixels[..., 0] == 255).all()


def test_without_py5_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "py5", None)
    with pytest.raises(LatentartError, match=r"pip install 'latentart\[sketch\]'"):
        sketch.current_sketch()


def test_importing_it_starts_no_java():
    code = "import sys, latentart.sketch; print('py5' in sys.modules, 'jpype' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 3


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://localhost:8317", ("ws://localhost:8317/ws", None)),
        ("https://stage.example/?token=sesame123", ("wss://stage.example/ws", "sesame123")),
        ("10.0.0.2:8317", ("ws://10.0.0.2:8317/ws", None)),
        ("ws://[::1]:8317/", ("ws://[::1]:8317/ws", None)),
    ],
)
def test_addresses(url, found):
    assert address(url) == found


@pytest.mark.parametrize("url", ["", "ftp://x", "http://"])
def test_no_addresses(url):
    with pytest.raises(SettingsError, match="no address of a live server"):
        address(url)
