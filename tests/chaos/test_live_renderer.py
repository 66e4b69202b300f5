"""The renderer killed, and the performance rendered again: real processes, a real journal."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest

from latentart.errors import SettingsError
from latentart.live.control.takes import read_take
from latentart.live.play.replay import as_played, take_frames
from latentart.live.session import SessionSettings
from latentart.live.wire import protocol
from latentart.models.load import load
from tests.live_house import House, open_house, tiny_file, wait_until

# Each test starts several processes, which take a minute where the processors are busy.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chaos")
    return SessionSettings(
        network=str(tiny_file(folder)), http_port=0, osc_port=0, osc_out_port=0, threads=1, fps=30, folder=folder
    )


class Shown:
    """Every picture that came out, by frame."""

    def __init__(self, house: House) -> None:
        self.pictures = {}
        self.lock = threading.Lock()
        before = house.session.hub.show

        def show(picture):
            with self.lock:
                self.pictures[picture.frame] = picture
            before(picture)

        house.session.hub.show = show

    def snapshot(self):
        with self.lock:
            return dict(self.pictures)

    def wait(self, count):
        """Whether that many more came out; frames are numbered by the clock, and a slow machine skips some."""
        end = len(self.snapshot()) + count
        return wait_until(lambda: len(self.snapshot()) >= end, 60)


def record(house):
    """Waits until the take has its first line; returns the pictures that come out from then on."""
    assert wait_until(lambda: house.session.takes.recording and not house.session.takes.wants_snapshot, 20)
    return Shown(house)


def perform(house, shown):
    """Something of everything, as fast as the messages go."""
    house.osc("/la/walk/speed", 2.0)
    house.osc("/la/noise/mode", "boil")
    assert house.get("/api/set?fade=0.3", "POST", b'{"psi": 1.2, "seed": 5}')[0] == 200
    assert wait_until(lambda: house.session.control.value("walk/speed") == 2.0)
    assert shown.wait(20)
    through(house, "mosaic26")
    house.osc("/la/walk/mode", "orbit")
    house.osc("/la/master/fade", 0.5)
    house.osc("/la/layer/3/rotate", 40)
    house.osc("/la/then/1/style/a", 9)
    assert shown.wait(20)


def through(house, name):
    """Puts a translator after the generator and waits until it is seen."""
    news = []
    house.session.hub.on_news.append(news.append)
    house.osc("/la/then/1/network", name)
    assert wait_until(lambda: any(told.get("loaded") == name for told in news), 30)


def same_pictures(path, shown, network):
    """How many of the pictures shown are those of the take, bit for bit; all have to be."""
    take = read_take(path)
    with as_played(take):
        frames = list(take_frames(load(network, "cpu"), take))
    assert len(frames) == take.num_frames
    both = {n: p for n, p in shown.items() if take.frame <= n < take.end and p.flags & ~protocol.REPEAT == protocol.KEY}
    for number, picture in both.items():
        assert np.array_equal(picture.pixels, frames[number - take.frame]), number
    assert len({frame.tobytes() for frame in frames}) > 30
    assert {name for name, _ in take.translators()} == {"mosaic26"}
    return len(both)


def test_killed_while_playing_then_rendered_again(settings, tmp_path):
    take = tmp_path / "take.jsonl"
    with open_house(replace(settings, record=take)) as house:
        shown = record(house)
        perform(house, shown)
        values = house.session.control.values()
        killed, frame = house.session.supervisor.status.pid, house.session.supervisor.status.frame
        os.kill(killed, signal.SIGKILL)
        # While there is none: what is set is kept, and blackout works at once.
        assert wait_until(lambda: not house.session.supervisor.status.alive)
        house.osc("/la/master/blackout", True)
        assert wait_until(lambda: house.session.hub.picture.flags & protocol.BLACKOUT)
        assert house.session.hub.picture.pixels.max() == 0
        house.osc("/la/master/blackout", False)
        house.osc("/la/dir/1/amount", 1.0)
        assert house.get("/healthz")[0] == 503
        assert house.get("/frame.jpg")[0] == 200
        assert wait_until(lambda: house.session.supervisor.status.frame > frame + 5, 30)
        assert house.session.supervisor.status.pid != killed
        assert house.session.control.values() == values | {"dir/1/amount": 1.0}
        assert wait_until(lambda: house.session.supervisor._snapshot["state"]["targets"]["dir/1/amount"] == 1.0)
        assert house.session.supervisor._snapshot["state"]["targets"]["walk/mode"] == "orbit"
    assert same_pictures(take, shown.snapshot(), settings.network) > 30


def test_a_take_is_replayed_as_it_was(settings, tmp_path):
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    with open_house(replace(settings, record=first)) as house:
        perform(house, record(house))
        end = house.session.supervisor.status.frame
    with open_house(replace(settings, replay=first, record=second)) as house:
        shown = Shown(house)
        assert wait_until(lambda: house.session.supervisor.status.frame >= end, 20)
        assert wait_until(lambda: house.session.control.value("walk/mode") == "orbit")
    played = {n: picture for n, picture in shown.snapshot().items() if n < end}
    assert same_pictures(first, played, settings.network) > 10
    assert same_pictures(second, played, settings.network) > 5


def test_a_model_that_cannot_be_loaded_ends_in_one_line(settings, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    with pytest.raises(Exception, match=r"broken") as failed, open_house(replace(settings, network=str(broken))):
        pass
    assert "\n" not in str(failed.value)
    with pytest.raises(SettingsError, match="token"), open_house(replace(settings, host="0.0.0.0")):
        pass
