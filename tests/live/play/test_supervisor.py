"""The supervisor's side of the conversation, with a renderer that the test plays."""

from __future__ import annotations

import json
import multiprocessing
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from live_house import wait_until

from latentart.live.control.controller import Control
from latentart.live.control.params import defaults
from latentart.live.play import supervisor as loops
from latentart.live.play.instrument import Instrument
from latentart.live.play.renderer import RendererSettings
from latentart.live.play.supervisor import CRASHES, Supervisor
from latentart.live.wire.encode import BEST
from latentart.live.wire.protocol import BLACKOUT, REPEAT


class Audience:
    """Writes everything down."""

    def __init__(self):
        self.pictures, self.news, self.frames, self.begun = [], [], [], []

    def levels(self):
        return [BEST]

    def show(self, picture):
        self.pictures.append(picture)

    def report(self, news):
        self.news.append(news)

    def passed(self, frame, events):
        self.frames.append((frame, events))

    def begin(self, frame, snapshot):
        self.begun.append(frame)


@pytest.fixture
def supervisor():
    found = Supervisor(RendererSettings("one", 60.0, (16, 16), "", 1), Control())
    found.audience = Audience()
    yield found
    found.stop()


@contextmanager
def listening(supervisor):
    ours, theirs = multiprocessing.Pipe()
    thread = threading.Thread(target=supervisor._listen, args=(ours,))
    thread.start()
    yield theirs
    theirs.close()
    thread.join(5)
    assert not thread.is_alive()
    ours.close()


def say(connection, **message):
    connection.send_bytes(json.dumps(message).encode())


def frame(supervisor, number, **more):
    supervisor.ring.write(number, np.full((16, 16, 3), number % 256, np.uint8))
    facts = {"rev": 0, "t": 1, "flags": 1, "ms": 1.0, "dropped": 0, "beat": 0.0, "phase": 0.0, "model": "one"}
    facts |= {"reading": [], "armed": False}
    return {"frame": number, **facts, **more}


def snapshot(G, rev, **targets):
    kept = Instrument(G, 60).snapshot()
    kept["state"] |= {"rev": rev, "targets": defaults() | targets}
    return json.loads(json.dumps({**kept, "model": "one", "sha256": "", "engine": "eager", "directions": ""}))


def test_pictures_go_to_the_audience_encoded(supervisor):
    with listening(supervisor) as renderer:
        say(renderer, ready={"model": "one"})
        say(renderer, **frame(supervisor, 1, events=[{"do": {}}]))
        assert wait_until(lambda: supervisor.audience.pictures)
    (picture,) = supervisor.audience.pictures
    assert (picture.frame, int(picture.pixels[0, 0, 0])) == (1, 1)
    assert picture._messages
    assert supervisor.audience.frames == [(1, [{"do": {}}])]


def test_of_several_frames_the_newest_is_shown_and_all_are_journalled(supervisor):
    ours, theirs = multiprocessing.Pipe()
    for number in (1, 2, 3):
        say(theirs, **frame(supervisor, number))
    supervisor._receive(ours)
    assert [picture.frame for picture in supervisor.audience.pictures] == [3]
    assert [number for number, _ in supervisor.audience.frames] == [1, 2, 3]
    ours.close()
    theirs.close()


def test_events_of_skipped_frames_are_journalled_and_are_no_news(supervisor):
    ours, theirs = multiprocessing.Pipe()
    say(theirs, skipped=2, events=[{"do": {}}])
    say(theirs, **frame(supervisor, 3))
    supervisor._receive(ours)
    assert supervisor.audience.frames == [(2, [{"do": {}}]), (3, [])]
    assert supervisor.audience.news == []
    ours.close()
    theirs.close()


def test_a_frame_that_was_overwritten_is_left_out(supervisor):
    message = frame(supervisor, 1)
    supervisor.ring.write(5, np.zeros((16, 16, 3), np.uint8))
    supervisor._show(message)
    assert supervisor.audience.pictures == []


def test_what_was_sent_after_the_snapshot_is_sent_again(supervisor, G):
    with listening(supervisor) as renderer:
        say(renderer, ready={})
        assert wait_until(lambda: supervisor.status.alive)
        supervisor._sent.extend([{"set": {}, "rev": 1}, {"set": {}, "rev": 2}])
        say(renderer, **frame(supervisor, 1, snapshot=snapshot(G, rev=1)))
        assert wait_until(lambda: supervisor._snapshot is not None)
    assert [operation["rev"] for operation in supervisor._sent] == [2]
    assert supervisor.audience.begun == [1]
    with listening(supervisor) as renderer:
        say(renderer, ready={})
        assert json.loads(renderer.recv_bytes()) == {"do": [{"set": {}, "rev": 2}]}
    assert supervisor._next_settings().frame == 2
    assert supervisor._next_settings().snapshot["state"]["rev"] == 1


def test_a_stopped_fade_is_learnt_from_the_snapshot(supervisor, G):
    supervisor.control.set({"psi": 1.0})
    supervisor.control.pop(0)
    with listening(supervisor) as renderer:
        say(renderer, **frame(supervisor, 1, snapshot=snapshot(G, rev=1, psi=0.45)))
        assert wait_until(lambda: supervisor.control.value("psi") == 0.45)


def test_blackout_works_without_a_renderer(supervisor):
    with listening(supervisor) as renderer:
        say(renderer, **frame(supervisor, 9))
        assert wait_until(lambda: supervisor.audience.pictures)
        supervisor.control.set({"master/blackout": True})
        assert wait_until(lambda: supervisor.picture.flags == REPEAT | BLACKOUT)
        assert supervisor.picture.pixels.max() == 0
        supervisor.control.set({"master/blackout": False})
        assert wait_until(lambda: supervisor.picture.flags == REPEAT)
        assert supervisor.picture.pixels.max() == 9


def test_a_silent_renderer_is_given_up(supervisor, monkeypatch):
    monkeypatch.setattr(loops, "SILENCE", 0.3)
    supervisor.status.alive = True
    ours, theirs = multiprocessing.Pipe()
    supervisor._listen(ours)
    ours.close()
    theirs.close()


def test_three_deaths_in_a_row_end_in_the_safe_state(supervisor, G):
    supervisor._snapshot, supervisor._played = snapshot(G, rev=1), True
    supervisor.control.set({"psi": 1.9})
    for _ in range(CRASHES - 1):
        supervisor._count_crash()
    assert supervisor._snapshot is not None
    supervisor._count_crash()
    assert supervisor._snapshot is None
    assert supervisor.control.values() == defaults()
    assert supervisor.audience.news[-1] == {"died": CRASHES}


@pytest.mark.parametrize("played", [False, True])
def test_a_first_start_that_fails_is_the_end_and_a_later_one_is_not(supervisor, played):
    supervisor._played = played
    supervisor._report({"refused": "one", "why": "broken", "fatal": True})
    assert supervisor._stopping.is_set() is not played
    assert supervisor.audience.news[-1]["fatal"] is not played


def test_a_model_that_was_asked_for_outlives_the_renderer(supervisor):
    assert supervisor.chosen == "one"
    supervisor.load("two", swap=True)
    supervisor.load("three", swap=False)
    assert supervisor.chosen == "two"
    with listening(supervisor) as renderer:
        say(renderer, ready={"model": "one"})
        assert json.loads(renderer.recv_bytes()) == {"load": "two", "swap": True, "now": False}
    supervisor._report({"refused": "two", "why": "broken"})
    assert supervisor.chosen == "one"
