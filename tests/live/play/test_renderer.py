"""The renderer's loop in a thread, spoken to as its parent does."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from live_house import tiny_file
from PIL import Image

from latentart.live.play import loader, translating
from latentart.live.play.renderer import Renderer, RendererSettings
from latentart.live.wire.inbox import Inbox
from latentart.live.wire.protocol import BLACKOUT, KEY, REPEAT
from latentart.live.wire.ring import Ring


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "broken.safetensors").write_bytes(b"nothing")
    return {
        "one": str(tiny_file(folder, "one")),
        "letters": str(tiny_file(folder, "letters", c_dim=4, seed=3)),
        "broken": str(folder / "broken.safetensors"),
    }


class Parent:
    """The other end."""

    def __init__(self, connection, ring):
        self.connection, self.ring, self.heard = connection, ring, []

    def send(self, **message):
        self.connection.send_bytes(json.dumps(message).encode())

    def hear(self, right, seconds=20):
        """The next message of which this is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.connection.poll(0.1):
                message = json.loads(self.connection.recv_bytes())
                self.heard.append(message)
                if right(message):
                    return message
        raise AssertionError(f"not heard; the last was {self.heard[-1:]}")

    def events(self):
        return [event for message in self.heard for event in message.get("events", [])]


@contextmanager
def playing(models, **settings):
    ours, theirs = multiprocessing.Pipe()
    ring = Ring((16, 16, 3))
    common = {"network": "one", "fps": 100.0, "size": (16, 16), "threads": 1, "only": "eager"}
    chosen = RendererSettings(**{**common, "ring": ring.name, "sources": models, **settings})
    renderer = Renderer(theirs, chosen)
    thread = threading.Thread(target=renderer.run)
    thread.start()
    parent = Parent(ours, ring)
    try:
        yield parent
    finally:
        parent.send(quit=True)
        # Frames still come until the message is read; a full pipe would hold the renderer.
        while thread.is_alive():
            if ours.poll(0.05):
                ours.recv_bytes()
        thread.join()
        ours.close()
        theirs.close()
        ring.close()


def test_frames_come_with_what_was_done_at_them(models):
    with playing(models) as parent:
        assert parent.hear(lambda m: "ready" in m)["ready"]["model"] == "one"
        first = parent.hear(lambda m: "frame" in m)
        assert parent.ring.read(first["frame"]).shape == (16, 16, 3)
        plain = {"fade": 0.0, "at": "none"}
        told = [{"set": {"psi": 0.1}, "rev": 6, **plain}, {"set": {"psi": 0.2}, "rev": 7, **plain}]
        parent.send(do=[*told, {"set": {"master/blackout": True}, "rev": 8, "fade": 1.0, "at": "none"}])
        shown = parent.hear(lambda m: m.get("rev") == 8)
        # Sets that came between two frames are one.
        assert [event["do"]["rev"] for event in shown["events"]] == [7, 8]
        assert shown["events"][0]["do"]["set"] == {"psi": 0.2}
        assert shown["flags"] == KEY | BLACKOUT
        assert parent.ring.read(shown["frame"]).max() == 0


def test_frames_keep_to_the_clock(models):
    with playing(models) as parent:
        behind = []
        # A machine that is busy for a moment skips frames: one half second in six has to be undisturbed.
        while not behind or (abs(behind[-1]) > 8 and len(behind) < 6):
            begun = parent.hear(lambda m: "frame" in m)
            later = parent.hear(lambda m, since=begun["t"]: m.get("t", 0) > since + 500_000)
            behind.append((later["t"] - begun["t"]) / 10_000 - (later["frame"] - begun["frame"]))
        assert min(map(abs, behind)) <= 8, behind


def test_snapshots_come_by_themselves_and_when_asked_for(models):
    with playing(models) as parent:
        first = parent.hear(lambda m: "snapshot" in m)
        assert first["frame"] % 25 == 0
        assert first["snapshot"]["state"]["frame"] == first["frame"] - 1
        parent.send(snapshot=True)
        assert parent.hear(lambda m: "snapshot" in m and m["frame"] % 25)


def test_a_model_is_loaded_while_pictures_go_on_and_changed_to_on_the_bar(models):
    with playing(models) as parent:
        parent.hear(lambda m: "frame" in m)
        parent.send(do=[{"set": {"tempo/quantise": "bar", "tempo/bpm": 300}, "rev": 1, "fade": 0.0, "at": "none"}])
        parent.send(load="letters", swap=True)
        loaded = parent.hear(lambda m: "loaded" in m)
        assert loaded == {"loaded": "letters"}
        told = parent.hear(lambda m: "model" in m and "frame" not in m)["model"]
        assert (told["model"], told["c_dim"]) == ("letters", 4)
        swapped = parent.hear(lambda m: m.get("model") == "letters")
        # 300 beats a minute: a bar is 0.8 s, 80 frames of 100; the tick of the frame comes after the change.
        assert swapped["beat"] % 4 < 0.2
        assert [event["model"] for event in swapped["events"]] == ["letters"]
        parent.send(load="one", swap=True)
        assert parent.hear(lambda m: m.get("model") == "one")


def test_preloading_changes_nothing(models):
    with playing(models) as parent:
        parent.send(load="letters", swap=False)
        parent.hear(lambda m: "loaded" in m)
        for _ in range(20):
            assert parent.hear(lambda m: "frame" in m)["model"] == "one"


def test_a_model_that_cannot_be_loaded_is_refused_and_the_show_goes_on(models):
    with playing(models) as parent:
        for name in ("broken", "nothing"):
            parent.send(load=name, swap=True)
            refused = parent.hear(lambda m: "refused" in m)
            assert refused["refused"] == name
            assert "\n" not in refused["why"]
            assert parent.hear(lambda m: "frame" in m)["model"] == "one"


def test_latents_that_cannot_be_drawn_keep_the_last_picture(models):
    with playing(models) as parent:
        parent.hear(lambda m: "frame" in m)
        parent.send(do=[{"set": {"walk/mode": "latent", "walk/glide": 0, "latent/w": [1e300, -1e300] * 8}, "rev": 1}])
        assert "NaN" in parent.hear(lambda m: "fault" in m)["fault"]
        kept = parent.hear(lambda m: "frame" in m)
        assert kept["flags"] & REPEAT
        assert parent.ring.read(kept["frame"]).max() > 0
        parent.send(do=[{"set": {"walk/mode": "hold"}, "rev": 2}])
        assert parent.hear(lambda m: "frame" in m and not m["flags"] & REPEAT)
        assert sum("fault" in message for message in parent.heard) == 1


def test_the_end_of_the_parent_is_the_end(models):
    ours, theirs = multiprocessing.Pipe()
    ring = Ring((16, 16, 3))
    renderer = Renderer(theirs, RendererSettings("one", 100.0, (16, 16), ring.name, 1, only="eager", sources=models))
    ours.close()
    with pytest.raises((EOFError, OSError)):
        renderer.run()
    renderer.ring.close()
    theirs.close()
    ring.close()


def test_events_of_skipped_frames_are_reported_with_their_frame(models):
    ours, theirs = multiprocessing.Pipe()
    ring = Ring((16, 16, 3))
    renderer = Renderer(theirs, RendererSettings("one", 100.0, (16, 16), ring.name, 1, only="eager", sources=models))
    early, late = {"do": {"set": {"psi": 0.3}}}, {"do": {"set": {"psi": 0.9}}}
    renderer.replay_events.extend([(1, early), (5, late)])
    renderer._catch_up(3)
    assert json.loads(ours.recv_bytes()) == {"skipped": 1, "events": [early]}
    assert not ours.poll()
    renderer.ring.close()
    ours.close()
    theirs.close()
    ring.close()


def through(network, rev):
    return {"set": {"then/1/network": network}, "rev": rev, "fade": 0.0, "at": "none"}


def test_a_translator_is_read_while_pictures_go_on(models):
    with playing(models) as parent:
        parent.hear(lambda m: "frame" in m)
        parent.send(do=[through("mosaic26", 1)])
        shown = parent.hear(lambda m: any("then" in event for event in m.get("events", ())))
        event = next(event for event in shown["events"] if "then" in event)
        assert (event["then"], event["size"], event["engine"]) == ("mosaic26", [16, 16], "eager")
        assert len(event["sha256"]) == 64
        kept = parent.hear(lambda m: "snapshot" in m and m["frame"] > shown["frame"])["snapshot"]
        assert kept["then"]["ready"] == {"mosaic26": [[16, 16, "eager"]]}
        parent.hear(lambda m: m.get("frame", 0) > shown["frame"] + 20)
        assert sum("then" in event for event in parent.events()) == 1


@pytest.mark.parametrize("name", ["nothing-here", "landscapes-256"])
def test_a_translator_that_cannot_be_had_is_refused_once(models, name):
    with playing(models) as parent:
        parent.send(do=[through(name, 1)])
        refused = parent.hear(lambda m: "refused" in m)
        assert refused["refused"] == name
        again = parent.hear(lambda m: m.get("frame", 0) > 0)["frame"]
        parent.hear(lambda m: m.get("frame", 0) > again + 20)
        assert sum("refused" in message for message in parent.heard) == 1
        assert not any("fault" in message for message in parent.heard)


def test_a_mistake_of_ours_while_reading_is_told_and_the_next_is_read(models, monkeypatch, caplog):
    opened = loader.Translators.open

    def broken(self, name, size):
        if name == "cartoon":
            raise RuntimeError("no memory\nfor this")
        return opened(self, name, size)

    monkeypatch.setattr(loader.Translators, "open", broken)
    with playing(models) as parent:
        parent.send(do=[through("cartoon", 1)])
        refused = parent.hear(lambda m: "refused" in m)
        assert refused["why"] == "RuntimeError: no memory for this"
        parent.send(do=[through("mosaic26", 2)])
        parent.hear(lambda m: m.get("loaded") == "mosaic26")
    assert caplog.records[0].exc_info is not None


def test_a_picture_that_comes_in_is_shown(models):
    inbox = Inbox()
    with playing(models, inbox=inbox.name) as parent:
        parent.send(do=[{"set": {"source": "input"}, "rev": 3, "fade": 0.0, "at": "none"}])
        before = parent.hear(lambda m: m.get("rev") == 3)
        # Until one comes the generator plays.
        assert parent.ring.read(before["frame"]).std() > 0
        inbox.put(np.full((32, 32, 3), 77, np.uint8))
        assert parent.hear(lambda m: (p := parent.ring.read(m.get("frame", 0))) is not None and (p == 77).all())
        parent.send(do=[{"set": {"master/freeze": True}, "rev": 4, "fade": 0.0, "at": "none"}])
        parent.hear(lambda m: m.get("rev") == 4)
        inbox.put(np.full((32, 32, 3), 99, np.uint8))
        still = parent.hear(lambda m: m.get("frame", 0) > before["frame"] + 30 and m.get("rev") == 4)
        assert (parent.ring.read(still["frame"]) == 77).all()
        parent.send(do=[{"set": {"master/freeze": False}, "rev": 5, "fade": 0.0, "at": "none"}])
        assert parent.hear(lambda m: (p := parent.ring.read(m.get("frame", 0))) is not None and (p == 99).all())
    inbox.close()


def quantised(rev, at="4bar", bpm=300):
    return {"set": {"tempo/quantise": at, "tempo/bpm": bpm}, "rev": rev, "fade": 0.0, "at": "none"}


def test_the_model_asked_for_last_is_shown(models):
    with playing(models) as parent:
        parent.hear(lambda m: "frame" in m)
        parent.send(do=[quantised(1, "bar")])
        # The first waits for its bar while the second is asked for.
        parent.send(load="letters", swap=True)
        parent.hear(lambda m: m.get("loaded") == "letters")
        parent.send(load="one", swap=True)
        parent.hear(lambda m: m.get("loaded") == "one")
        bar = parent.hear(lambda m: "frame" in m)["beat"] + 4.5
        assert parent.hear(lambda m: m.get("beat", 0) > bar)["model"] == "one"
        parent.send(load="letters", swap=True, now=True)
        parent.hear(lambda m: m.get("loaded") == "letters")
        here = parent.hear(lambda m: m.get("model") == "letters")
        assert here["beat"] < bar + 3.5


def test_models_read_while_one_waits_for_its_bar_do_not_push_it_out(models):
    many = {**models, "two": models["one"], "three": models["one"], "four": models["one"]}
    with playing(many) as parent:
        parent.hear(lambda m: "frame" in m)
        parent.send(do=[quantised(1)])
        parent.send(load="letters", swap=True)
        parent.hear(lambda m: m.get("loaded") == "letters")
        for name in ("two", "three", "four"):
            parent.send(load=name, swap=False)
            parent.hear(lambda m, name=name: m.get("loaded") == name)
        # A new count of beats: the bar that it waits for begins now.
        parent.send(do=[{"resync": True, "rev": 2}])
        assert parent.hear(lambda m: m.get("model") == "letters", 5)


def test_a_model_in_passing_is_not_read(models, monkeypatch):
    read, prepare = [], loader.prepare
    going = threading.Event()

    def slowly(name, *rest):
        read.append(name)
        if len(read) > 1:
            going.wait(10)
        return prepare(name, *rest)

    monkeypatch.setattr(loader, "prepare", slowly)
    with playing({**models, "two": models["one"], "three": models["one"]}) as parent:
        parent.hear(lambda m: "frame" in m)
        for name in ("letters", "two", "three", "two", "three"):
            parent.send(load=name, swap=True)
        parent.hear(lambda m: m.get("frame", 0) > 20)
        going.set()
        assert parent.hear(lambda m: m.get("model") == "three")
    # Of the five wishes the reader had begun at most one before the others replaced each other.
    assert (read[0], read[-1]) == ("one", "three")
    assert len(read) <= 3


def test_no_picture_waits_for_a_graph_of_a_strength(monkeypatch, tmp_path):
    Image.fromarray(np.full((9, 9, 3), 99, np.uint8)).save(tmp_path / "style.png")
    T = translating.load_translator("magenta", "cpu")
    drawn = []

    def forward(self, img, *, style=None, strength=1.0):
        drawn.append(strength)
        return img

    monkeypatch.setattr(type(T), "forward", forward)
    translating.Translators(only="eager", pictures=tmp_path).open("magenta", (32, 32))
    assert drawn == [1.0, 0.5]
