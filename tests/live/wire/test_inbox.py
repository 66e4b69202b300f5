"""Pictures that come in: the newest wins, whole or not at all."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from latentart.live.web.inputs import Shape, fit
from latentart.live.wire.inbox import LARGEST, Inbox


@pytest.fixture
def inbox():
    found = Inbox()
    yield found
    found.close()


def grey(level, height=8, width=6):
    return np.full((height, width, 3), level, np.uint8)


def test_the_newest_wins(inbox):
    other = Inbox(inbox.name)
    assert other.newest() is None
    for level in (10, 20, 30):
        inbox.put(grey(level))
    found = other.newest()
    assert (found.number, found.frame.shape, int(found.frame[0, 0, 0])) == (3, (8, 6, 3), 30)
    assert other.newest(after=3) is None
    inbox.put(grey(40, 5, 9))
    assert other.newest(after=3).frame.shape == (5, 9, 3)
    other.close()


def test_no_picture_is_torn(inbox):
    other, done = Inbox(inbox.name), threading.Event()

    def write():
        for number in range(4000):
            inbox.put(grey(number % 251, 64, 64))
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    seen, last = 0, 0
    while not done.is_set() or not seen:
        found = other.newest(after=last)
        if found is not None:
            assert (found.frame == found.frame[0, 0, 0]).all()
            assert found.number > last
            last, seen = found.number, seen + 1
    thread.join()
    other.close()


def test_pictures_are_cut_to_the_stage():
    frame = np.zeros((100, 300, 3), np.uint8)
    frame[:, :150] = 255
    cut = fit(frame, Shape((200, 200), 64))
    assert cut.shape == (64, 64, 3)
    assert cut[30, 4, 0] == 255
    assert cut[30, 60, 0] == 0
    assert fit(frame, Shape((200, 200), 64, mirror=True))[30, 60, 0] == 255
    assert fit(frame, Shape((1920, 1080), 270)).shape == (270, 480, 3)
    # A banner: the longer side has its limit, whatever was asked for.
    assert max(fit(frame, Shape((4000, 100), 1024)).shape) == LARGEST
