"""A viewer's mailbox, window, parking and messages, without a network."""

from __future__ import annotations

import json

import numpy as np
import pytest

from latentart.live.control.actions import Actions
from latentart.live.control.controller import Control
from latentart.live.control.presets import Presets
from latentart.live.control.takes import Takes
from latentart.live.web import viewer as viewers
from latentart.live.web.hub import MOST_VIEWERS, Hub
from latentart.live.web.viewer import Viewer
from latentart.live.wire.encode import BEST, LADDER, Picture
from latentart.live.wire.protocol import unpack


class Models:
    def names(self):
        return ["tiny"]


@pytest.fixture
def now(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(viewers.time, "monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def viewer(tmp_path, now):
    control, takes = Control(), Takes(tmp_path, {})
    hub = Hub(control, Actions(control, Presets(tmp_path), Models(), takes), takes, fps=60.0, size=(64, 64))
    found = Viewer(hub, None)
    hub.viewers.add(found)
    say(found, "identify")
    drain(found)
    return found


def say(viewer, op, **fields):
    viewer._take_text(json.dumps({"op": op, "id": 1, **fields}))


def drain(viewer):
    found = []
    while (message := viewer._next()) is not None:
        found.append(json.loads(message) if isinstance(message, str) else unpack(message)[0])
    return found


def show(viewer, seq):
    viewer.offer(Picture(seq, seq, 0, 0, 1, np.zeros((64, 64, 3), np.uint8)))


def test_the_newest_takes_the_place_of_what_was_not_sent(viewer, now):
    for seq in range(1, 9):
        now[0] += 1 / 60
        show(viewer, seq)
        drain(viewer)
    assert [seq for seq, _ in viewer.flow._under_way] == [1, 2]
    assert viewer.dropped == 5
    say(viewer, "ack", seq=2)
    assert [header.seq for header in drain(viewer)] == [8]


def test_max_fps_and_max_size(viewer, now):
    say(viewer, "identify", max_fps=20, max_size=32, window=4)
    drain(viewer)
    sent = []
    for seq in range(1, 61):
        now[0] += 1 / 60
        show(viewer, seq)
        for header in drain(viewer):
            sent.append(header)
            say(viewer, "ack", seq=header.seq)
    assert len(sent) == pytest.approx(20, abs=1)
    assert {(header.width, header.height) for header in sent} == {(32, 32)}


def test_a_silent_viewer_is_parked_then_closed(viewer, now):
    show(viewer, 1)
    show(viewer, 2)
    drain(viewer)
    now[0] += 11
    assert viewer.parked
    assert viewer.level.quality == LADDER[-2].quality
    assert viewer.level.halvings == 1
    sent = []
    for seq in range(3, 60):
        now[0] += 0.1
        show(viewer, seq)
        viewer.check_alive()
        sent += drain(viewer)
    # One thumbnail a second, and the window that it had.
    assert 4 <= len(sent) <= 12
    assert sent[-1].width == 32
    now[0] += 30
    viewer.check_alive()
    assert viewer.closing[0] == 1013


def test_an_ack_ends_the_parking(viewer, now):
    show(viewer, 1)
    drain(viewer)
    now[0] += 11
    say(viewer, "ack", seq=1)
    assert not viewer.parked
    assert viewer.level.quality == BEST.quality


def test_a_renderer_that_is_gone_is_not_the_viewers_fault(viewer, now):
    show(viewer, 1)
    drain(viewer)
    say(viewer, "ack", seq=1)
    now[0] += 300
    viewer.check_alive()
    assert viewer.closing is None
    show(viewer, 2)
    drain(viewer)
    viewer.check_alive()
    assert viewer.closing is None
    assert not viewer.parked


def test_messages_have_bounds(viewer):
    for number in range(1000):
        viewer.tell({"n": number})
    found = drain(viewer)
    assert len(found) == 128
    assert found[-1] == {"n": 999}


def test_changes_are_told_once_each(viewer):
    for value in (0.1, 0.2, 0.3):
        viewer.changed({"psi": value})
    assert [message["values"] for message in drain(viewer)] == [{"psi": 0.3}]
    viewer.subscribed.discard("params")
    viewer.changed({"psi": 0.4})
    assert drain(viewer) == []


def test_without_frames_nothing_is_owed(viewer, now):
    say(viewer, "identify", subscribe=["params"])
    drain(viewer)
    show(viewer, 1)
    assert drain(viewer) == []
    now[0] += 100
    viewer.check_alive()
    assert viewer.closing is None


def test_only_watched_qualities_are_encoded(viewer):
    hub = viewer.hub
    hub.refresh_levels()
    assert set(hub.levels()) == {viewer.level}
    hub.leave(viewer)
    assert set(hub.levels()) == set()


def test_the_house_can_be_full(viewer):
    hub = viewer.hub
    for _ in range(MOST_VIEWERS - 1):
        hub.join(Viewer(hub, None))
    with pytest.raises(Exception, match="32 viewers"):
        hub.join(Viewer(hub, None))


def test_the_token(viewer):
    hub = viewer.hub
    hub.token = "open-sesame"
    assert hub.knows("open-sesame")
    for wrong in (None, "", "open", b"open-sesame", 5, "öpen"):
        assert not hub.knows(wrong)
